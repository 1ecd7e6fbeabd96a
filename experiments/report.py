"""Write `docs/reproduction.md`: each table with the paper's number and ours, made from the records alone."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import paper, texts
from experiments.claims import Summary, claim_of, number, summarise, verdict_of
from experiments.findings import answer, appendix_findings, claim_findings, control_findings, missed_numbers
from experiments.grids import GRIDS, Grid, Section
from experiments.planning import plan
from experiments.records import Cells, Record, by_cell
from experiments.rows import Row
from experiments.scales import SCALES
from setwise._files import write_atomic
from setwise.tasks import TASKS

_NOTHING = "-"
_SEEDS = (0, 1, 2)  # as many as the paper's
_UNSEEN = 1e-3  # a relative difference below is rounding


def write_report(
    records: Sequence[Record],
    path: Path,
    figures: Sequence[tuple[str, str]] = (),
    probes: Mapping[str, Any] | None = None,
) -> None:
    """Write the page; the same records give the same bytes.

    Args:
        records: of all runs.
        path: of the page.
        figures: path relative to the page and caption of each figure.
        probes: numbers of the models at their first weights, or none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, report(records, figures, probes).encode())


def report(
    records: Sequence[Record],
    figures: Sequence[tuple[str, str]] = (),
    probes: Mapping[str, Any] | None = None,
) -> str:
    """Return the page as Markdown."""
    current = _current(records)
    cells = by_cell(current)
    lines = [
        texts.TITLE,
        answer(cells),
        "",
        texts.HEAD,
        *claim_findings(cells),
        "",
        texts.MISSED,
        *missed_numbers(cells),
        "",
    ]
    lines += ["## What the controls show", "", *control_findings(cells), ""]
    lines += ["## What the appendix's runs show", "", *appendix_findings(cells), ""]
    lines += [texts.PROTOCOL, *_protocols(), ""]
    lines += [*(line for grid in GRIDS.values() for line in _grid(grid, cells)), texts.SIMPLE_VIEW]
    if figures:
        lines += ["## Figures", ""]
        for name, caption in figures:
            lines += [f"![{caption}]({name})", "", caption, ""]
    lines += [*_unseen(probes), texts.CARE]
    return "\n".join(lines).rstrip() + "\n"


def shown(summary: Summary | None, *, at_hand: bool = True) -> str:
    """Format mean, spread and standard error, with what diverged and the other way of evaluating feature norm."""
    if summary is None:
        return "not run" if at_hand else "no data"
    text = number(summary.mean)
    if summary.spread is not None:
        text += f" ± {summary.spread:.2g}"
    if summary.standard_error is not None:
        text += f" [{summary.standard_error:.2g}]"
    if summary.diverged and summary.mean is not None:
        text += f" ({summary.diverged} of {summary.seeds} failed)"
    if summary.running is not None:
        text += f" (running statistics: {number(summary.running)})"
    return text


def _current(records: Sequence[Record]) -> list[Record]:
    """Return records of the configurations as they are now; older ones stay in the files and are not shown."""
    seeds = sorted({record.seed for record in records})
    known = {
        run.identity
        for scale in SCALES
        for run in plan(list(GRIDS.values()), tasks=[], patterns=[], seeds=seeds, scale=scale)
    }
    return [record for record in records if record.run in known]


def _grid(grid: Grid, cells: Cells) -> Iterator[str]:
    yield from ("", f"## {grid.title}", "")
    for section in grid.sections:
        if section.title:
            yield from (f"### {section.title}", "")
        if section.note:
            yield from (section.note, "")
        for task in section.tasks:
            yield from _table(grid, section, task, cells)


def _table(grid: Grid, section: Section, task: str, cells: Cells) -> Iterator[str]:
    metric = {"mse": "mean squared error", "cross_entropy": "cross entropy, nats", "accuracy": "accuracy"}
    yield f"**{TASKS[task].title}** (`{task}`; {metric[TASKS[task].metric]})"
    yield ""
    head = ["row", "paper", "ours, paper's protocol", "seeds", "ours, small", "seeds", "the paper's claim"]
    head.append("holds (paper's protocol, small)")
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    parts = _parts(task, section, cells)
    for part in parts:
        for row in section.all_rows:
            yield _line(grid, section, row, task, cells, part)
    yield ""
    yield from _missing(grid, task, cells)


def _parts(task: str, section: Section, cells: Cells) -> list[str]:
    """Return the names of the task's test parts, as records have them; the paper's part first."""
    found = ["test"]
    for row in section.all_rows:
        for scale in SCALES:
            for record in cells.get((scale, task, row.key), []):
                found += [part for part in record.test if part not in found]
    return found


def _line(grid: Grid, section: Section, row: Row, task: str, cells: Cells, part: str) -> str:
    published = paper.NUMBERS.get(grid.name, {}).get(row.key, {}).get(task)
    label = f"*{row.label}*" if row in section.controls else row.label
    columns = [
        label if part == "test" else f"{label}; {part}",
        f"{published[0]:.4f} ± {published[1]:.4f}" if published else _NOTHING,
    ]
    for scale in SCALES:
        ours = summarise(cells.get((scale, task, row.key), []), part)
        columns += [shown(ours, at_hand=_at_hand(task, cells)), str(ours.seeds) if ours else "0"]
    claim = claim_of(grid.name, row.key, task) if part == "test" else None
    if claim is None:
        columns += [_NOTHING, _NOTHING]
    else:
        verdicts = [verdict_of(grid.name, row.key, task, scale, cells) for scale in SCALES]
        answers = (_NOTHING if verdict is None else "yes" if verdict.held else "**no**" for verdict in verdicts)
        columns += [claim.words(section.label(claim.against)), ", ".join(answers)]
    return f"| {' | '.join(columns)} |"


def _missing(grid: Grid, task: str, cells: Cells) -> Iterator[str]:
    """Yield the commands that do the runs that are left."""
    lines = [
        f"python -m experiments run {grid.name} --task {task} --scale {scale}"
        for scale in SCALES
        if any(
            run.seed not in (record.seed for record in cells.get((scale, task, run.row.key), []))
            for run in plan([grid], tasks=[task], patterns=[], seeds=_SEEDS, scale=scale)
        )
    ]
    if not lines:
        return
    if _at_hand(task, cells):
        yield f"To do what is left of {len(_SEEDS)} seeds (runs that are recorded are not done again):"
    else:
        source = TASKS[task].source
        assert source is not None
        free = all(file.url for file in source.files)
        lines.insert(0, f"setwise data get {task}{'' if free else ' --from DIRECTORY   # from ' + source.page}")
        yield "The data are not at hand; nothing is estimated. To fill the cells:"
    yield from ("", "```", *lines, "```", "")


def _at_hand(task: str, cells: Cells) -> bool:
    """Return whether the task needs no files, or was run with them."""
    return TASKS[task].source is None or any(key[1] == task for key in cells)


def _unseen(probes: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield a small table of what each norm cannot see."""
    if probes is None:
        return
    yield "## What each norm cannot see"
    yield ""
    yield texts.UNSEEN
    yield ""
    rows = probes["unseen"]
    ways, norms = dict.fromkeys(r["difference"] for r in rows), dict.fromkeys(r["norm"] for r in rows)
    yield f"| two sets that differ in | {' | '.join(f'{norm} norm' for norm in norms)} |"
    yield f"| --- | {' | '.join('---' for _ in norms)} |"
    values = {(r["norm"], r["difference"]): r["value"] for r in rows}
    for way in ways:
        said = (f"**not seen** ({v:.0e})" if v < _UNSEEN else f"{v:.2g}" for v in (values[n, way] for n in norms))
        yield f"| {way} | {' | '.join(said)} |"
    yield ""


def _protocols() -> Iterator[str]:
    """Yield a table of both scales, by task."""
    from experiments.scales import protocol

    yield "| task | scale | training sets | test sets | elements | epochs | batch | learning rate |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for task in TASKS:
        for scale in SCALES:
            p = protocol(task, scale)
            batch = f"{p.batch_size}" + (f" x {p.accumulate}" if p.accumulate > 1 else "")
            size = [str(value) if value else "all" for value in (p.train, p.test, p.elements)]
            yield f"| `{task}` | {scale} | {' | '.join(size)} | {p.epochs} | {batch} | {p.learning_rate:g} |"
