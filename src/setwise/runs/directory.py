"""Say which directories hold a run, or may be written one to; without torch, before hours of reading."""

from pathlib import Path

from setwise._checks import InputError

MODEL, CHECKPOINTS = "model.json", "checkpoints"
FOLDS_OF_FEW = "cross-validation"  # the folds by which a run of few sets is measured


def check_is_run(directory: Path) -> None:
    """Make sure that a directory is there to load a run from.

    Raises:
        InputError: it is not.
    """
    if not directory.is_dir():
        raise InputError(f"there is no run directory {directory}. Name the directory that `setwise fit` wrote.")


def check_free(directory: Path, *, overwrite: bool = False) -> None:
    """Make sure that a run may be written to a directory.

    Raises:
        InputError: a run is there and ``overwrite`` is false; or files that are not a run's.
    """
    if not directory.exists():
        return
    if not directory.is_dir():
        raise InputError(f"{directory} must be a directory, and is a file. Name another.")
    names = {entry.name for entry in directory.iterdir()}
    if not names:
        return
    if not names & {MODEL, CHECKPOINTS, FOLDS_OF_FEW}:
        raise InputError(
            f"{directory} exists and holds files that are not of a run ({', '.join(sorted(names)[:3])}). "
            "Name a new directory."
        )
    if not overwrite:
        raise InputError(
            f"{directory} holds a run already. Name another directory, overwrite the run (overwrite=True, "
            "--overwrite), or go on with it if it was stopped (resume=True, --resume)."
        )
