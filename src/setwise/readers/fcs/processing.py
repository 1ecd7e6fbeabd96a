"""Decide what is done to the events of FCS files: compensation, arcsinh, and the sentences that tell of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from setwise._checks import InputError, counted
from setwise.readers.fcs.channels import FLOW, MASS, check_have, is_mass, mixed_markers, quoted
from setwise.readers.fcs.file import Channel, FcsFile
from setwise.readers.fcs.spillover import Spillover
from setwise.readers.files import SetFiles
from setwise.readers.names import is_scatter
from setwise.readers.reading import Reading
from setwise.store.processing import Processing
from setwise.store.scales import TOP, scales_for
from setwise.store.tables import listed


@dataclass(frozen=True)
class Opened:
    """Files that can be read, with what is done to their events."""

    sources: SetFiles
    files: list[FcsFile]
    spillovers: list[Spillover | None]


def _compensation(opened: Opened, reading: Reading, like: Processing | None) -> str:
    """Return which files are compensated, in the word of `Processing`."""
    having = [f.path.name for f, s in zip(opened.files, opened.spillovers, strict=True) if s is not None]
    without = [f.path.name for f, s in zip(opened.files, opened.spillovers, strict=True) if s is None]
    found = "no matrix" if not having else "some" if without else "all"
    if like is None:
        if reading.compensate and without:
            raise InputError(
                f"compensation was asked for (--compensation), and {len(without)} of {len(opened.files)} files have no "
                f"spillover matrix ($SPILLOVER): {listed(without, 5)}. Leave the option out: files with a matrix are "
                "compensated anyway."
            )
        return "none" if reading.compensate is False else found
    if like.compensation == "all" and without:
        raise InputError(
            f"the model was fitted on files with spillover matrices; {len(without)} of {len(opened.files)} files have "
            f"none: {listed(without, 5)}. Export them with the matrix ($SPILLOVER)."
        )
    if like.compensation == "no matrix" and having:
        raise InputError(
            f"the model was fitted on files without spillover matrices; {len(having)} of {len(opened.files)} files "
            f"have one: {listed(having, 5)}. Export them as those were, or read them without (--no-compensation)."
        )
    return like.compensation or found


def processing_of(opened: Opened, names: Sequence[str], reading: Reading, like: Processing | None) -> Processing:
    """Return the record of what is done to the events of all files."""
    compensation = _compensation(opened, reading, like)
    if like is not None:
        cofactors = {name: value for name, value in like.cofactors.items() if name in names}
        scales = {name: text for name, text in like.scales.items() if name in names}
        return Processing(compensation, cofactors, scales=scales)
    usual, asked = None, reading.cofactor
    if not _says_all(asked, reading.transform):
        mass = [is_mass(file) for file in opened.files]
        if any(mass) and not all(mass):
            first = [opened.files[mass.index(kind)].path.name for kind in (True, False)]
            raise InputError(
                f"files of mass and of flow cytometry are mixed ({first[0]} and {first[1]}), which have different "
                "cofactors. Read them apart, or name one with --cofactor."
            )
        usual = MASS if all(mass) else FLOW
    channels = _channels_of(opened.files[0], names)
    tops = [max(c.range, 0.0) for c in channels]
    for file in opened.files[1:]:
        tops = [max(top, c.range) for top, c in zip(tops, _channels_of(file, names), strict=True)]
    cofactors, scales = scales_for(
        [tuple(dict.fromkeys((name, c.name, c.label))) for name, c in zip(names, channels, strict=True)],
        cofactor=asked,
        transform=reading.transform,
        amounts=_amounts(opened, names),
        usual=usual,
        tops=[top or TOP for top in tops],
    )
    return Processing(compensation, cofactors, scales=scales)


def _says_all(cofactor: float | Mapping[str, float] | None, transform: str | Mapping[str, str] | None) -> bool:
    """Return whether what is said leaves no feature to the usual cofactor."""
    word = transform if isinstance(transform, str) else (transform or {}).get("*")
    divisor = cofactor.get("*") if isinstance(cofactor, Mapping) else cofactor
    return divisor is not None or word not in (None, "arcsinh")


def _channels_of(file: FcsFile, names: Sequence[str]) -> list[Channel]:
    return [file.channels[place] for place in check_have([file], names)[0]]


def _amounts(opened: Opened, names: Sequence[str]) -> list[bool]:
    """Return whether each feature is an amount of something (no scatter, no shape of a pulse), by either name."""
    channels = _channels_of(opened.files[0], names)
    return [not any(map(is_scatter, (c.name, c.label, c.type))) for c in channels]


def faults(files: Sequence[FcsFile]) -> list[str]:
    """Return a sentence on files that say of their events what is not so, and how they are read all the same."""
    found = [f"{file.path.name}: {'; '.join(file.faults)}" for file in files if file.faults]
    if not found:
        return []
    told = " | ".join(found[:5]) + (f" | and {counted(len(found) - 5, 'more file')}" if len(found) > 5 else "")
    return [
        f"{counted(len(found), 'file')} {'says' if len(found) == 1 else 'say'} of the events what is not so: {told}."
    ]


def notes(opened: Opened, names: Sequence[str], columns: Sequence[Sequence[int]], processing: Processing) -> list[str]:
    """Return what people should know of how the files were read, one sentence each."""
    found = []
    done = {*processing.cofactors, *processing.scales}
    pairs = zip(names, _amounts(opened, names), strict=True)
    scatter = [name for name, amount in pairs if not amount and name not in done]
    if scatter:
        others = [name for name in names if name not in scatter]
        advice = f" Without them: --features {quoted(others)}." if others else ""
        found.append(f"scatter and shapes of pulses are kept, as they are: {listed(scatter)}.{advice}")
    without = [f.path.name for f, s in zip(opened.files, opened.spillovers, strict=True) if s is None]
    if 0 < len(without) < len(opened.files):
        found.append(
            f"{len(without)} of {len(opened.files)} files have no spillover matrix and are not compensated, the others "
            f"are: {listed(without, 5)}. Differences between the two may come from that alone (--no-compensation)."
        )
    unnamed = [f for f, s in zip(opened.files, opened.spillovers, strict=True) if s is not None and not s.is_named]
    if unnamed:
        found.append(
            f"the spillover matrices of {counted(len(unnamed), 'file')} ($COMP) name no channels, and are taken for "
            f"those that measure fluorescence, in their order: {listed([f.path.name for f in unnamed], 3)} "
            "(--no-compensation)."
        )
    mixed = [
        f"{name} is {', '.join(f'{marker} ({file})' for marker, file in list(markers.items())[:3])}"
        for name, markers in mixed_markers(opened.files, names, columns).items()
    ]
    if mixed:
        found.append(
            f"channels named by $PnN have other markers ($PnS) in other files: {'; '.join(mixed)}. Name the markers "
            "(--features), unless these are spellings of the same."
        )
    several = [file.path.name for file in opened.files if file.data_sets > 1]
    if several:
        found.append(
            f"{counted(len(several), 'file')} with more than one data set, of which one is read (--data-set): "
            f"{listed(several, 5)}."
        )
    return found
