"""Say in sentences which claims of the paper hold, and what controls and the appendix show, from the records."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from experiments import paper, rows
from experiments.claims import Summary, Verdict, claim_of, number, relation_of, summarise, verdict_of
from experiments.grids import GRIDS, Grid, Section
from experiments.records import Cells
from experiments.rows import Row
from experiments.scales import SCALES
from setwise.tasks import TASKS

_WORDS = {"paper": "paper's protocol", "small": "small scale"}
_HELPS = ("helps", "makes no difference", "harms")
_SUMMARIES = ("summaries-ridge", "summaries-boosting", "summaries-mlp")


def answer(cells: Cells) -> str:
    """Say in a paragraph how many of the paper's claims were checked, and hold, at each scale."""
    counted = {}
    for scale in SCALES:
        verdicts = [verdict_of(grid, key, task, scale, cells) for grid, key, task in _claimed()]
        held = [verdict.held for verdict in verdicts if verdict is not None]
        if held:
            counted[scale] = f"{sum(held)} of {len(held)} that were checked hold ({_WORDS[scale]})"
    if not counted:
        return "**The answer:** nothing has been run yet."
    return (
        f"**The answer:** of the {len(list(_claimed()))} claims that the cells of the paper's Tables 1 to 4 make, "
        f"{', and '.join(counted.values())}. Those that do not hold are listed first, with both numbers; then "
        "what controls show that the paper lacks, and every table with the paper's number beside ours."
    )


def _claimed() -> Iterator[tuple[str, str, str]]:
    """Yield table, row and task of every number of the paper that makes a claim."""
    for name, numbers in paper.NUMBERS.items():
        named = ((name, key, task) for key, tasks in numbers.items() for task in tasks)
        yield from (cell for cell in named if claim_of(*cell) is not None)


def claim_findings(cells: Cells) -> Iterator[str]:
    """Yield a list item per table, in it one per task and scale that ran, in it each claim that does not hold."""
    for name, numbers in paper.NUMBERS.items():
        yield f"- **{GRIDS[name].title}** ({sum(map(len, numbers.values()))} cells)"
        found = [line for scale in SCALES for line in _checked(GRIDS[name], scale, cells)]
        yield from found or ["  - Not run yet."]


def missed_numbers(cells: Cells) -> Iterator[str]:
    """Yield a list item for each number at the paper's protocol that is not the paper's; a line where there is none."""
    found = {}  # a cell of two tables once
    for name, numbers in paper.NUMBERS.items():
        for row in (row for section in GRIDS[name].sections for row in section.rows):
            for task, published in numbers.get(row.key, {}).items():
                ours, constant = (summarise(cells.get(("paper", task, key), [])) for key in (row.key, "constant"))
                if ours is not None and not ours.is_about(*published):
                    text = f"- {TASKS[task].title}, *{row.label}*: {number(ours.mean)}, the paper's {published[0]:g}"
                    if constant is not None:
                        text += f" (a constant: {number(constant.mean)}, theirs about {paper.CONSTANT[task]:g})"
                    found[task, row.key] = f"{text}."
    yield from found.values() or ["None."]


def _checked(grid: Grid, scale: str, cells: Cells) -> Iterator[str]:
    for section in grid.sections:
        for task in section.tasks:
            verdicts = [(row, verdict_of(grid.name, row.key, task, scale, cells)) for row in section.rows]
            known = [(row, verdict) for row, verdict in verdicts if verdict is not None]
            if known:
                failed = [(row, verdict) for row, verdict in known if not verdict.held]
                end = "; these do not:" if failed else "."
                held = f"{len(known) - len(failed)} of {len(known)} claims that were checked hold{end}"
                yield f"  - {TASKS[task].title}, {_WORDS[scale]}: {held}"
                yield from (_failed(grid, section, task, row, verdict) for row, verdict in failed)


def _failed(grid: Grid, section: Section, task: str, row: Row, verdict: Verdict) -> str:
    claim, numbers = verdict.claim, paper.NUMBERS[grid.name]
    other = paper.CONSTANT[task] if claim.against == "constant" else numbers[claim.against][task][0]
    said = f"is {claim.words(section.label(claim.against))} in the paper ({numbers[row.key][task][0]:g} and {other:g})"
    return f"    - *{row.label}* {said}, not in ours ({number(verdict.ours.mean)} and {number(verdict.against.mean)})."


def control_findings(cells: Cells) -> Iterator[str]:
    """Yield a list item per question and cell with enough runs; a line that says so where there is none."""
    yield from list(_items(cells, _of_controls)) or ["No control has enough runs yet."]


def appendix_findings(cells: Cells) -> Iterator[str]:
    """Yield list items on norms out of distribution, weighted averages and sum ARC, or a line where there is none."""
    yield from list(_items(cells, _of_appendix)) or ["No question of the appendix has enough runs yet."]


@dataclass(frozen=True)
class _Found:
    """Results of the rows of a task at a scale.

    Attributes:
        rows: by key, those that were run.
        far: the same on test sets unlike the training sets, those that have a number there.
        higher: whether more is better.
    """

    rows: Mapping[str, Summary]
    far: Mapping[str, Summary]
    higher: bool

    @classmethod
    def of(cls, cells: Cells, scale: str, task: str) -> Self:
        own = {key[2]: records for key, records in cells.items() if key[:2] == (scale, task)}
        near, far = (
            {key: summary for key, records in own.items() if (summary := summarise(records, part)) is not None}
            for part in ("test", "out of distribution")
        )
        far = {key: summary for key, summary in far.items() if summary.mean is not None}
        return cls(near, far, TASKS[task].metric == "accuracy")

    def value(self, key: str) -> str:
        return number(self.rows[key].mean)

    def word(self, key: str, against: str, words: tuple[str, str, str]) -> str:
        """Return one of the words for better, alike and worse."""
        relation = relation_of(self.rows[key], self.rows[against], higher=self.higher)
        return words[("better", "like", "worse").index(relation)]


def _items(cells: Cells, sentences: Callable[[_Found], Iterator[str]]) -> Iterator[str]:
    """Yield the sentences as list items that name task and scale."""
    for scale in SCALES:
        for task in TASKS:
            for sentence in sentences(_Found.of(cells, scale, task)):
                yield f"- {TASKS[task].title}, {_WORDS[scale]}: {sentence}"


def _of_controls(found: _Found) -> Iterator[str]:
    known, value, word = found.rows, found.value, found.word
    if {"deep-sets-3", "deep-sets-50", "deep-sets-50-he"} <= known.keys():
        no_help = "He's initialisation does not help here"
        depth = ("not depth", "not depth", "and depth as well")
        end = f"the initialisation is at fault, {word('deep-sets-50-he', 'deep-sets-3', depth)}"
        yield (
            f"50 plain layers {value('deep-sets-50')}, with He's initialisation {value('deep-sets-50-he')}, 3 layers "
            f"{value('deep-sets-3')}: {word('deep-sets-50-he', 'deep-sets-50', (end, no_help, no_help))}."
        )
    if {"deep-sets++-50", "deep-sets++-50-zero"} <= known.keys():
        said = word("deep-sets++-50-zero", "deep-sets++-50", ("better", "alike", "worse"))
        yield (
            f"Deep Sets++ 50 {value('deep-sets++-50')}; with blocks that begin as the identity "
            f"{value('deep-sets++-50-zero')}, {said}."
        )
    if {"deep-sets-50-set", "deep-sets-50-set-carried"} <= known.keys():
        yield (
            f"50 layers with set norm and no residuals {value('deep-sets-50-set')}; carrying the two removed numbers "
            f"to the decoder {word('deep-sets-50-set-carried', 'deep-sets-50-set', _HELPS)}: "
            f"{value('deep-sets-50-set-carried')}."
        )
    if {"deep-sets++-50", "deep-sets++-50-carried"} <= known.keys():
        said = word("deep-sets++-50-carried", "deep-sets++-50", _HELPS)
        yield (
            f"Deep Sets++ 50 {value('deep-sets++-50')}; carrying the two numbers {said}: "
            f"{value('deep-sets++-50-carried')}."
        )
    summaries = [key for key in _SUMMARIES if key in known and known[key].mean is not None]
    if summaries and "deep-sets++-50" in known:
        best = (max if found.higher else min)(summaries, key=lambda key: known[key].mean or 0.0)
        said = word(best, "deep-sets++-50", ("beat", "are level with", "do not beat"))
        yield (
            f"moments and quantiles ({best.removeprefix('summaries-')}) {said} Deep Sets++ 50: {value(best)} and "
            f"{value('deep-sets++-50')}."
        )


def _of_appendix(found: _Found) -> Iterator[str]:
    known, value = found.rows, found.value
    if {*(row.key for row in rows.BATCH_SIZES), "constant"} <= known.keys():
        yield from _of_batch_sizes(found)
    for row in (rows.DEEP_SETS_3, rows.SET_TRANSFORMER_2):
        layer = f"{row.key}-layer"
        if {row.key, layer} <= known.keys() and (known[row.key].mean, known[layer].mean) != (None, None):
            said = found.word(layer, row.key, _HELPS)
            yield f"layer norm {said} in {row.label}: {value(layer)} with it, {value(row.key)} without."
    if (summed := known.get(rows.SUM_ARC.key)) is not None:
        if summed.diverged:
            others = "" if summed.mean is None else f"; the mean of the others is {number(summed.mean)}"
            yield f"sum ARC diverged in {summed.diverged} of {summed.seeds} runs{others}."
        else:
            yield f"sum ARC did not diverge: {number(summed.mean)}."


def _of_batch_sizes(found: _Found) -> Iterator[str]:
    known, far = found.rows, found.far
    keys = [row.key for row in rows.BATCH_SIZES]
    better = [key for key in keys if relation_of(known[key], known["constant"], higher=found.higher) == "better"]
    yield (
        f"{len(better)} of {len(keys)} rows (both norms, batches of 4 to 64) do better than the constant "
        f"{found.value('constant')}."
    )
    feature = [row.key for row in rows.BATCH_SIZES if row.norm == "feature"]
    means = [summary.mean for key in feature if (summary := far.get(key)) and summary.mean is not None]
    running = [summary.running for key in feature if (summary := far.get(key)) and summary.running is not None]
    if means and running and "constant" in far:
        failed = sum(known[key].diverged for key in feature)
        runs = sum(known[key].seeds for key in feature)
        end = f"; {failed} of {runs} runs failed" if failed else ""
        yield (
            f"out of distribution, feature norm has {number(min(means))} to {number(max(means))} with the statistics "
            f"of each test batch, {number(min(running))} to {number(max(running))} with running statistics (means "
            f"of the seeds, by batch size), the constant {number(far['constant'].mean)}{end}."
        )
