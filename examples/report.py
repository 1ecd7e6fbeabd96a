"""Write `docs/examples.md`: the outcomes of all examples beside baselines, made from the records alone."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from examples.outcome import LINEAR, TREES, Outcome, averaged_with, is_average, kept
from setwise._files import write_atomic

_HEAD = """# Worked examples

`make examples` runs them with the settings that setwise ships, the same for all
(`src/setwise/fit/defaults.py`), on files that are not part of the project; `python -m examples report` writes
this page from `examples/results/`. Every set is predicted by models that have not seen it. Intervals (95 %) are drawn
over sets; with few sets they are too narrow, and models fitted on other sets would differ as well. *With linear* and
*with trees* are plain means of our predictions and those of a baseline (logistic regression or ridge; a random forest
or gradient boosting). The first was fixed before anything was measured; the second came after a first look at the bags
of vectors, whose first repeat is therefore no proof of it. scikit-learn makes such a mixture of `SetClassifier` and a
pipeline that begins with `SetSummaries` (README).
"""


def table(outcomes: Iterable[Outcome]) -> str:
    """Return outcomes as a Markdown table."""
    lines = [
        "| data | evaluation | metric | setwise | best baseline | with linear | with trees | published |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        ends = "" if o.interval is None else f" ({o.interval[0]:.3f} to {o.interval[1]:.3f})"
        name, value = best_baseline(o)
        means = ["-" if mean is None else f"{mean:.3f}" for mean in (averaged_with(o, LINEAR), averaged_with(o, TREES))]
        cells = [o.case, o.evaluation, f"{o.metric} ({'less' if o.lower else 'more'} is better)"]
        cells += [f"{o.rows['setwise']:.3f}{ends}", f"{value:.3f}, {name}", *means, o.published or "-"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def best_baseline(outcome: Outcome) -> tuple[str, float]:
    """Name and number of what ours has to beat."""
    others = {n: v for n, v in outcome.rows.items() if n != "setwise" and not is_average(n)}
    name = (min if outcome.lower else max)(others, key=others.__getitem__)
    return name, others[name]


def verdict(outcome: Outcome) -> str:
    """Say who is ahead, in a sentence that says where the interval does not tell them apart."""
    name, value = best_baseline(outcome)
    ours, sign = outcome.rows["setwise"], -1 if outcome.lower else 1
    if ours == value:
        first = f"setwise and {name} are level"
    else:
        first = f"{'setwise' if sign * (ours - value) > 0 else name} is ahead"
    within = outcome.interval is not None and outcome.interval[0] <= value <= outcome.interval[1]
    first += f" by {abs(ours - value):.3f}" + (", within the interval" if within else "") if ours != value else ""
    best = max(sign * ours, sign * value)
    for words, mean in (("linear", averaged_with(outcome, LINEAR)), ("trees", averaged_with(outcome, TREES))):
        if mean is not None:
            end = "beats both" if sign * mean > best else "equals the best" if sign * mean == best else "does not help"
            first += f"; the average with {words} {end} ({mean:.3f})"
    return f"{first}."


def write_report(results: Path, path: Path, examples: Mapping[str, ModuleType]) -> None:
    """Write the page; the same records give the same bytes.

    Args:
        results: folder of the records.
        path: of the page.
        examples: modules by name, in the order of the page.
    """
    parts = [_HEAD]
    for name, module in examples.items():
        parts.append(f"\n## {name}\n\n{(module.__doc__ or '').strip()}\n")
        record = results / f"{name}.json"
        if not record.exists():
            parts.append(f"\nNot run yet: `python -m examples run {name}`.\n")
            continue
        about, outcomes = kept(record)
        parts.append(f"\n{table(outcomes)}\n\n{_words(outcomes)}\n")
        versions = ", ".join(f"{package} {about['versions'][package]}" for package in ("setwise", "torch"))
        parts.append(f"\n`{about['command']}`, {about['created'][:10]}, {versions}.\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, "".join(parts).encode())


def _words(outcomes: Sequence[Outcome]) -> str:
    """Return a line for each outcome: who is ahead, all rows, what else is to be said."""
    lines = []
    for outcome in outcomes:
        rows = ", ".join(f"{name} {value:.3f}" for name, value in outcome.rows.items())
        note = f" {outcome.note}" if outcome.note else ""
        lines.append(f"- {outcome.case}, {outcome.metric}: {verdict(outcome)} All: {rows}.{note}")
    return "\n".join(lines)
