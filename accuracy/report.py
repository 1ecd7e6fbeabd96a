"""Write `docs/accuracy.md` from the records alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from accuracy.baselines import CONSTANT
from accuracy.dataset import Dataset
from accuracy.entrant import Entrant
from accuracy.ours import DEFAULT
from accuracy.records import Record, Row, rows_of
from accuracy.standings import Rows, best_of, losses, reaches, standing_of_default, standings
from setwise._files import make_directory, write_atomic

EARLIER = "deep-sets++"  # the default before models were put together
_WORDS = {
    "accuracy": "accuracy",
    "auc": "AUC",
    "mean_average_precision": "mean average precision",
    "cross_entropy": "cross entropy, nats",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "r2": "R2",
}
_HEAD = """# Accuracy on real sets

`make accuracy` measures every model of setwise, with the settings that setwise ships and the same for all, baselines
and peers on real data that are not part of the project (`python -m accuracy run --help`); `python -m accuracy report`
writes this page from the records in `accuracy/results/` alone. Folds are fixed, the same for every row; no fit sees the
sets that it is measured on. Numbers are of the predictions for all test sets of a repeat together, means over repeats.
Intervals (95 %) are drawn over sets, or groups where sets belong to groups; with few of them they are too narrow, and
models fitted on other sets would differ as well. *Loss* is the cross entropy in nats, of numbers the root mean squared
error. Seconds are of all fits and predictions of a repeat, on the clock of whatever machine did it, other work or not.
A row without numbers has not been run, or the words say why.
"""


def write_report(
    records: Sequence[Record], path: Path, datasets: Sequence[Dataset], entrants: Sequence[Entrant]
) -> None:
    """Write the page; the same records give the same bytes."""
    make_directory(path.parent)
    write_atomic(path, page(records, datasets, entrants).encode())


def page(records: Sequence[Record], datasets: Sequence[Dataset], entrants: Sequence[Entrant]) -> str:
    """Return the page as Markdown.

    Args:
        records: of all that was measured; those of data sets and entrants that are not listed are left out.
        datasets: in the order of the page.
        entrants: in the order of its tables.
    """
    rows = rows_of(records)
    parts = [_HEAD, _over_all(rows, datasets, entrants), _lines(rows, datasets, entrants)]
    parts += [_section(rows, dataset, entrants) for dataset in datasets]
    parts += ["## What the rows are\n", *(f"- {_name(entrant.name)}: {entrant.words}." for entrant in entrants), ""]
    return "\n".join(parts)


def _over_all(rows: Rows, datasets: Sequence[Dataset], entrants: Sequence[Entrant]) -> str:
    """Return the part on all data sets together."""
    counted = [dataset for dataset in datasets if dataset.counts]
    names = [entrant.name for entrant in entrants]
    lines = [
        f"## Over all {len(counted)} data sets\n",
        "A second protocol of the same data does not count here. Ranks are by loss, among the rows that were measured "
        "on the same data set: they can be compared where the same rows were. The loss is divided by that of the "
        "constant, and its mean taken over data sets. *Best* and *worst* say on how many.\n",
        "| model | data sets | mean rank | mean loss / constant's | best | worst |",
        "|---|---|---|---|---|---|",
    ]
    for standing in standings(rows, counted, names, constant=CONSTANT.name):
        loss = "-" if standing.loss is None else f"{standing.loss:.3f}"
        cells = [_name(standing.entrant), f"{standing.measured}", f"{standing.rank:.2f}", loss]
        lines.append(f"| {' | '.join([*cells, f'{standing.best}', f'{standing.worst}'])} |")
    return "\n".join([*lines, "", _about_default(rows, counted, entrants), ""])


def _about_default(rows: Rows, counted: Sequence[Dataset], entrants: Sequence[Entrant]) -> str:
    """Return sentences on the default, or one that says that it has not been run."""
    ours = [entrant.name for entrant in entrants if entrant.kind == "setwise"]
    others = [entrant.name for entrant in entrants if entrant.kind != "setwise" and entrant is not CONSTANT]
    singles = [name for name in ours if name != DEFAULT]
    found = standing_of_default(rows, counted, default=DEFAULT, singles=singles, others=others, earlier=EARLIER)
    if not found.measured:
        return f"The default (`{DEFAULT}`) has not been run yet."
    said = [
        f"The default (`{DEFAULT}`) is worst of all but the constant on {found.worst} of {found.measured} data sets; "
        f"it is best of all, or the best lies within its interval, on {found.level}.",
        f"Its loss is more than 2 % above that of the best other model of setwise on {found.behind} of "
        f"{found.compared} data sets, more than 3 % on {found.far_behind}.",
    ]
    if DEFAULT != EARLIER:
        said.append(f"It beats `{EARLIER}`, the default before it, on {found.beats} of {found.met}.")
    return " ".join([*said, f"It reaches the goal on {found.reached} of {found.goals}."])


def _lines(rows: Rows, datasets: Sequence[Dataset], entrants: Sequence[Entrant]) -> str:
    """Return the table with a line for each data set."""
    singles = [entrant.name for entrant in entrants if entrant.kind == "setwise" and entrant.name != DEFAULT]
    others = [entrant.name for entrant in entrants if entrant.kind != "setwise"]
    lines = [
        "## Each data set in a line\n",
        "Score, then loss; the best by loss.\n",
        f"| data | score | default (`{DEFAULT}`) | best other model of setwise | best of the rest | goal |",
        "|---|---|---|---|---|---|",
    ]
    for dataset in datasets:
        cells = [f"[{dataset.name}](#{dataset.name})", _WORDS[dataset.score]]
        cells.append(_pair(rows.get((dataset.name, DEFAULT)), dataset))
        for names in (singles, others):
            best = best_of(rows, dataset, names)
            cells.append("not run" if best is None else f"{_pair(rows[dataset.name, best], dataset)}, {_name(best)}")
        lines.append(f"| {' | '.join([*cells, _goal(rows, dataset)])} |")
    return "\n".join([*lines, ""])


def _goal(rows: Rows, dataset: Dataset) -> str:
    """Return the goal, and whether the default reaches it."""
    if dataset.goal is None:
        return "-"
    row = rows.get((dataset.name, DEFAULT))
    if row is None or dataset.score not in row.metrics:
        return f"{dataset.goal:g}"
    return f"{dataset.goal:g}, {'reached' if reaches(dataset, row.metrics[dataset.score]) else 'not reached'}"


def _pair(row: Row | None, dataset: Dataset) -> str:
    if row is None:
        return "not run"
    if row.refused:
        return "refused"
    return "; ".join(f"{row.metrics[m]:.3f}" for m in dict.fromkeys((dataset.score, dataset.loss)) if m in row.metrics)


def _section(rows: Rows, dataset: Dataset, entrants: Sequence[Entrant]) -> str:
    """Return the part on one data set."""
    words = [
        f"{dataset.title[0].upper()}{dataset.title[1:]}. Source: {dataset.source}",
        f"Evaluation: {dataset.evaluation}.",
        f"Published: {dataset.published}." if dataset.published else "Nothing published that can be compared.",
        "" if dataset.goal is None else f"Goal: {dataset.goal:g} ({_WORDS[dataset.score]}).",
        dataset.note,
        "" if dataset.counts else "A second protocol of the same data, not in the numbers over all.",
    ]
    heads = ["model", *(_WORDS[metric] for metric in dataset.metrics), "repeats", "seconds"]
    lines = [
        f"## {dataset.name}\n",
        f"{' '.join(word for word in words if word)}\n",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *_table(rows, dataset, entrants),
    ]
    versions = sorted({(row.finished, row.versions) for (data, _), row in rows.items() if data == dataset.name})
    if versions:
        first, last = versions[0][0], versions[-1][0]
        days = first if first == last else f"{first} to {last}"
        said = "; ".join(dict.fromkeys(words for _, words in versions))
        lines.append(f"\n{days}, {said}.")
    return "\n".join([*lines, ""])


def _table(rows: Rows, dataset: Dataset, entrants: Sequence[Entrant]) -> Iterator[str]:
    """Yield a line for each entrant; the least loss is in bold."""
    own = losses(rows, dataset, [entrant.name for entrant in entrants])
    for entrant in entrants:
        row = rows.get((dataset.name, entrant.name))
        if row is None or row.refused:
            why = _why_not(entrant) if row is None else f"refused: {row.refused}"
            cells = [why, *("" for _ in dataset.metrics[1:]), "", ""]
        else:
            bold = own.get(entrant.name) == min(own.values(), default=None)
            cells = [_with_interval(row, m, bold=bold and m == dataset.loss) for m in dataset.metrics]
            cells += [f"{row.repeats}", f"{row.seconds:.3g}" if row.seconds < 100 else f"{row.seconds:,.0f}"]
        yield f"| {_name(entrant.name)} | {' | '.join(cells)} |"


def _why_not(entrant: Entrant) -> str:
    return f"not run; needs `{entrant.package}`" if entrant.package else "not run"


def _with_interval(row: Row, metric: str, *, bold: bool) -> str:
    if metric not in row.metrics:
        return "-"
    value = f"**{row.metrics[metric]:.3f}**" if bold else f"{row.metrics[metric]:.3f}"
    ends = row.intervals.get(metric)
    return value if ends is None else f"{value} ({ends[0]:.3f} to {ends[1]:.3f})"


def _name(entrant: str) -> str:
    return f"default (`{entrant}`)" if entrant == DEFAULT else f"`{entrant}`"
