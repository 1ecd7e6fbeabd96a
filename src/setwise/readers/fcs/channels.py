"""Name channels of FCS files: what they measure, and which of them all files share."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from setwise._checks import InputError
from setwise.readers.aliases import suggested
from setwise.readers.fcs.file import FcsFile
from setwise.readers.names import is_clock
from setwise.store.tables import listed

FLOW, MASS = 150.0, 5.0  # the usual cofactors of arcsinh for flow and for mass cytometry
_NOT_MEASURED = ("time", "index", "classification")  # $PnTYPE of FCS 3.2
_METALS = (  # of labels, beads, barcodes and stains, and the noble gas of the plasma
    "As|Se|Br|Y|Zr|Ru|Rh|Pd|Ag|Cd|In|Sn|Te|I|Xe|Cs|Ba|La|Ce|Pr|Nd|Sm|Eu|Gd|Tb|Dy|Ho|Er|Tm|Yb|Lu|Hf|Ta|W|Re|Os|Ir|Pt|"
    "Au|Hg|Tl|Pb|Bi"
)
_MASSES = r"(?:7[4-9]|[89]\d|1\d\d|20\d)"  # what mass cytometers detect; wavelengths of detectors (B515-A) lie above
_METAL = re.compile(rf"(?<![A-Za-z0-9])(?:(?:{_METALS}){_MASSES}|{_MASSES}(?:{_METALS}))(?:Di|Dd)?(?![A-Za-z0-9])")
_MASS_CYTOMETERS = re.compile(r"cytof|helios|mass|dvs|hyperion", re.IGNORECASE)


def is_mass(file: FcsFile) -> bool:
    """Return whether a mass cytometer wrote the file: its name says so, or most channels are named after isotopes."""
    if _MASS_CYTOMETERS.search(file.keywords.get("$CYT", "")):
        return True
    names = [c.name for c in file.channels if not is_clock(c.name)]
    return 2 * sum(bool(_METAL.search(name)) for name in names) > max(1, len(names))


def names_of(file: FcsFile) -> list[str]:
    """Name each channel: by its marker (``$PnS``) where there is one that no other channel has, else by ``$PnN``."""
    markers = [channel.label for channel in file.channels]
    detectors = [channel.name for channel in file.channels]
    return [
        marker if marker and markers.count(marker) == 1 and detectors.count(marker) == int(marker == name) else name
        for marker, name in zip(markers, detectors, strict=True)
    ]


def with_aliases(file: FcsFile, aliases: Mapping[str, str]) -> FcsFile:
    """Return the file whose channels have the markers that their own, or names without a marker, are aliases of."""
    channels = tuple(
        replace(channel, label=aliases[old]) if (old := channel.label or channel.name) in aliases else channel
        for channel in file.channels
    )
    return replace(file, channels=channels)


def numbered(name: str, place: int) -> str:
    """Return the name of a channel that shares its own with another: with its number, counted from 1."""
    return f"{name} [{place + 1}]"


def columns_of(file: FcsFile, features: Sequence[str]) -> list[int | None]:
    """Return the place of each named channel, by ``$PnN`` or by ``$PnS``; none where the file does not have it.

    One of several channels of the same name is named with its number, ``name [3]``.

    Raises:
        InputError: a name that two channels of the file have.
    """
    found: list[int | None] = []
    for feature in features:
        places = [n for n, channel in enumerate(file.channels) if feature in (channel.name, channel.label)]
        exact = [n for n in places if file.channels[n].name == feature]
        if not places:
            places = [n for n, c in enumerate(file.channels) if feature in (numbered(c.name, n), numbered(c.label, n))]
        if len(places) > 1 and len(exact) != 1:
            names = [file.channels[n].name for n in places]
            unlike = len(set(names)) == len(names)
            own = names[0] if unlike else numbered(feature, places[0])
            raise InputError(
                f"{file.path}: channels {', '.join(f'{n + 1} ({file.channels[n].name})' for n in places)} are all "
                f"named {feature!r}. Leave them out (--features), or name the one you mean by its "
                f"{'$PnN' if unlike else 'number'}, such as {own!r}."
            )
        found.append((exact or places or [None])[0])
    return found


def shared(files: Sequence[FcsFile], *, strict: bool) -> tuple[list[str], dict[str, str], list[str]]:
    """Choose channels where none are named: all but clocks, lengths of events, and what setwise added.

    Returns:
        The names in the order of the first file, the channels left out with the reason, and the problems found.

    Raises:
        InputError: files whose panels differ, channel by channel; only where ``strict``.
    """
    panels = [names_of(file) for file in files]
    left_out: dict[str, str] = {}
    counts: dict[str, int] = {}
    for file, names in zip(files, panels, strict=True):
        for channel, name in zip(file.channels, names, strict=True):
            if is_clock(name) or is_clock(channel.name) or channel.type.lower() in _NOT_MEASURED:
                left_out[name] = "it tells time, event length or a running number"
            elif channel.name in file.added:
                left_out[name] = "setwise added it: a prediction or a score, not measured"
            else:
                counts[name] = counts.get(name, 0) + 1
    for name in left_out:
        counts.pop(name, None)
    problems = [] if (twice := _twice(files, panels, list(counts))) is None else [twice]
    if twice is not None and strict:
        raise InputError(twice)
    for name in [name for name in counts if any(panel.count(name) > 1 for panel in panels)]:
        left_out[name] = "several channels of a file have this name"
        del counts[name]
    common = [name for name in counts if counts[name] >= len(files)]
    if len(common) < len(counts):
        problem = _differ(files, panels, counts, common)
        if strict:
            raise InputError(problem)
        problems.append(problem)
        left_out |= {name: f"only {n} of {len(files)} files have it" for name, n in counts.items() if n < len(files)}
    if not common:
        raise InputError(f"{files[0].path}: the files share no channel. Name channels with features (--features).")
    return common, left_out, problems


def _twice(files: Sequence[FcsFile], panels: Sequence[Sequence[str]], names: Sequence[str]) -> str | None:
    """Say which of some names several channels of a file have; none where each is that of one channel."""
    for file, panel in zip(files, panels, strict=True):
        for name in names:
            places = [n for n, other in enumerate(panel) if other == name]
            if len(places) > 1:
                others = [other for other in names if all(panel.count(other) == 1 for panel in panels)]
                without = f" (--features {quoted(others)})" if others else ""
                return (
                    f"{file.path}: channels {' and '.join(str(n + 1) for n in places)} have the same $PnN, {name!r}, "
                    f"and no $PnS of their own. Leave them out{without}, or name the one meant with its number, "
                    f"such as {numbered(name, places[0])!r}."
                )
    return None


def _differ(
    files: Sequence[FcsFile], panels: Sequence[Sequence[str]], counts: dict[str, int], common: Sequence[str]
) -> str:
    lines = []
    for name, count in counts.items():
        if count >= len(files):
            continue
        having = [file.path.name for file, panel in zip(files, panels, strict=True) if name in panel]
        lacking = [file.path.name for file, panel in zip(files, panels, strict=True) if name not in panel]
        where = f"only {listed(having, 3)}" if len(having) < len(lacking) else f"all but {listed(lacking, 3)}"
        lines.append(f"{name!r}: {where} ({count} of {len(files)})")
    more = "" if len(lines) <= 20 else f"; and {len(lines) - 20} more channels"
    detectors = [[c.name for c in file.channels if not is_clock(c.name)] for file in files]
    advice = f"Name the channels to be used (--features); all files have {quoted(common)}." if common else ""
    if len({*detectors[0]}) == len(detectors[0]) and all(sorted(names) == sorted(detectors[0]) for names in detectors):
        if mixed_markers(files, detectors[0], [columns_of(file, detectors[0]) for file in files]):
            advice += " Name one by $PnN only where its $PnS are spellings of the same marker."
        else:
            advice = f"Their detectors agree, so channels can be named by $PnN: --features {quoted(detectors[0])}."
    if suggested({str(file.path): panel for file, panel in zip(files, panels, strict=True)}):
        advice += (
            " Some may be one channel under several names: setwise inspect ELEMENTS --suggest-aliases aliases.csv, "
            "then --aliases aliases.csv."
        )
    return (
        f"the files must have the same channels, and differ in {'; '.join(lines[:20])}{more}. {advice.strip()}".rstrip()
    )


def mixed_markers(
    files: Sequence[FcsFile], features: Sequence[str], columns: Sequence[Sequence[int | None]]
) -> dict[str, dict[str, str]]:
    """Find features whose channels have several markers (``$PnS``): each marker, with a file that has it.

    Args:
        files: the files.
        features: names of channels.
        columns: where they are in each file; none where it has them not.
    """
    mixed: dict[str, dict[str, str]] = {feature: {} for feature in features}
    for file, places in zip(files, columns, strict=True):
        for feature, place in zip(features, places, strict=True):
            if place is not None and (marker := file.channels[place].label):
                mixed[feature].setdefault(marker, file.path.name)
    return {feature: markers for feature, markers in mixed.items() if len(markers) > 1}


def quoted(names: Sequence[str]) -> str:
    """Quote names as ``--features`` takes them."""
    return '"' + ",".join(f'""{name}""' if "," in name else name for name in names) + '"'


def check_have(
    files: Sequence[FcsFile], features: Sequence[str], *, of_run: bool = False, can_skip: bool = False
) -> list[list[int]]:
    """Return for each file the places of the named channels; refuse files that lack some.

    Args:
        files: the files.
        features: names of channels.
        of_run: a run names them, so that errors do not ask for others.
        can_skip: files that lack some would be left out with ``skip_bad``, which was not asked for.

    Raises:
        InputError: channels that some files lack, channel by channel.
    """
    columns = [columns_of(file, features) for file in files]
    lines = []
    for position, feature in enumerate(features):
        lacking = [file for file, found in zip(files, columns, strict=True) if found[position] is None]
        if lacking:
            lines.append(
                f"{feature!r} is in {len(files) - len(lacking)} of {len(files)} files, not in "
                f"{listed([file.path.name for file in lacking], 3)}"
            )
    if lines:
        ways = [] if of_run else ["name others"]
        if can_skip and any(None not in found for found in columns):
            ways.append("leave out the files that lack one (--skip-bad)")
        advice = " or ".join(ways or ["give files that have them"])
        raise InputError(
            f"every file must have every {'channel of the run' if of_run else 'feature'}, by $PnN or $PnS: "
            f"{'; '.join(lines)}. {files[0].path.name} has {listed(names_of(files[0]), 40)}. "
            f"{advice[0].upper()}{advice[1:]}."
        )
    for file, found in zip(files, columns, strict=True):
        if len(set(found)) < len(found):
            raise InputError(
                f"{file.path}: {listed(list(features))} must be as many channels; two of them are one. "
                f"{'Mend their names in the file' if of_run else 'Drop one'}."
            )
    return [[n for n in found if n is not None] for found in columns]
