"""Name what speaks against a result: few held-out sets, and columns from which a target can be read off."""

from dataclasses import dataclass

from setwise.readers.order import NO_MEASUREMENT
from setwise.report.confounding import Association
from setwise.report.rounding import number
from setwise.report.table import Table, table
from setwise.report.within import within_sentences
from setwise.runs.record import RunRecord
from setwise.runs.run import Run
from setwise.store.store import SetStore
from setwise.store.tables import listed

_SUSPECT = 0.05  # of an adjusted p-value
_SHARE = 0.05  # of the variation of a target, as the square of a strength, below which a column is no caveat
_SHOWN = 10
_MOST_SUSPECTS = 3  # within whose values skill is measured
_FEW = 30  # held-out sets below which single ones decide


@dataclass(frozen=True)
class Caveats:
    """Reasons to doubt a result.

    Attributes:
        sentences: the reasons, in words.
        table: columns of the table of sets beside the targets; none where there are no others.
    """

    sentences: list[str]
    table: Table | None


def caveats(run: Run, found: tuple[Association, ...], store: SetStore) -> Caveats:
    """Return the reasons to doubt a run's result: few held-out sets, columns that predict the target without elements.

    Args:
        run: a fitted run.
        found: columns of the sets that it was fitted and tested on, and how they go along with the target.
        store: these sets.
    """
    record, predictions = run.record, run.test_predictions
    said = [*sentences(found, record.measured_sets), *_no_measurement(record)]
    if predictions is not None and record.objective.of == "sets":
        suspects = [(a.column, a.target) for a in found if _is_suspect(a)][:_MOST_SUSPECTS]
        said += within_sentences(store, record.objective, predictions, suspects)
    return Caveats(said, _table(found) if found else None)


def _no_measurement(record: RunRecord) -> list[str]:
    """Say which columns were no features since they tell sets apart, and which are features nevertheless."""
    names = [name for name, reason in record.left_out.items() if reason in NO_MEASUREMENT]
    said = [note for note in record.reading if "tell the sets apart" in note]
    if names:
        said.append(
            f"{listed([repr(name) for name in names], 8)} {'was' if len(names) == 1 else 'were'} no feature, since "
            "values that never change, or only rise or fall, within every set tell sets apart and measure nothing of "
            "their elements. Name all features with --features to take them in."
        )
    return said


def _table(found: tuple[Association, ...]) -> Table:
    rows = [
        [a.column, a.target, number(a.sets), number(a.strength), number(a.p_value), number(a.adjusted)]
        for a in found[:_SHOWN]
    ]
    head = ["column of the sets", "goes along with", "sets", "strength, 0 to 1", "p", "p, adjusted"]
    shown = "" if len(found) <= _SHOWN else f", the {_SHOWN} strongest shown"
    caption = (
        f"Each column of the table of sets beside the target ({len(found)} looked at{shown}): Cramer's V, correlation "
        "ratio of ranks, or rank correlation; p from 999 random pairings, adjusted after Holm."
    )
    return table(head, rows, caption=caption)


def _is_suspect(a: Association) -> bool:
    """Return whether a column explains a share of a target worth naming, by more than chance."""
    return a.adjusted < _SUSPECT and a.strength**2 >= _SHARE


def distrust(record: RunRecord, found: tuple[Association, ...]) -> str:
    """Return the first thing to distrust, in a sentence."""
    if not record.measured_sets:
        return "To distrust: everything, until it has been measured."
    few = f"To distrust: only {record.measured_sets} sets were predicted unseen, so that a few decide the numbers"
    suspects = [a.column for a in found if _is_suspect(a)]
    batch = (
        f"{listed([repr(name) for name in dict.fromkeys(suspects)], 3)} of the table of sets goes along with the target"
    )
    if record.measured_sets < _FEW:
        return few + (f", and {batch}." if suspects else ".")
    if suspects:
        return f"To distrust: {batch}, and the model may have learned to recognise that instead."
    return (
        "To distrust: what the table of sets does not tell (day, operator, instrument, site), which a model may "
        "have learned instead; no column of it explains the result."
    )


def sentences(found: tuple[Association, ...], held_out: int) -> list[str]:
    """Return the reasons in words, for `held_out` sets and the columns that were found."""
    said = []
    if held_out < _FEW:
        said.append(
            f"Only {held_out} sets were predicted unseen. One set more or less predicted right moves a share by "
            f"{1 / held_out:.0%}."
            if held_out
            else "No sets were held out: nothing here says how good the model is."
        )
    suspects: dict[str, list[str]] = {}
    shares: list[str] = []
    sure = [a for a in found if a.adjusted < _SUSPECT]
    for a in sure:
        if a.strength**2 >= _SHARE:
            suspects.setdefault(a.target, []).append(a.column)
            shares.append(f"{a.column} {a.strength**2:.0%}")
    if suspects:
        pairs = "; ".join(f"{target} goes along with {', '.join(columns)}" for target, columns in suspects.items())
        said.append(
            f"{pairs}. If such a column is a batch, a series, an instrument or a site, the "
            "model may have learned to recognise that instead of what is asked for, and would fail on data where the "
            "two part. Compare within one of its values, or hold whole values out (--group). "
            f"Of the variation of the target they explain: {listed(shares, 8)}."
        )
    elif sure:
        said.append(
            f"Of {len(found)} columns of the table of sets, {len(sure)} go along with the target by more than "
            f"chance, all too weakly to explain a share of it worth naming: the strongest, {sure[0].column}, with a "
            f"strength of {sure[0].strength:.2f}, {sure[0].strength ** 2:.1%} of its variation."
        )
    elif found:
        said.append(
            f"None of {len(found)} columns of the table of sets goes along with the target by more than chance; with "
            "few sets, a confounder can hide nevertheless. What the table does not tell (operator, day, instrument) "
            "cannot be tested."
        )
    else:
        said.append(
            "The table of sets has no other columns, so nothing could be tested: a class that was measured on another "
            "day or instrument looks like a class that differs. Add such columns to the table of sets."
        )
    return said
