"""Say in words and cells how runs differ on the same held-out sets."""

from setwise.assess.compare import Comparison
from setwise.report.rounding import number

_FEW = 10  # independent sets below which a comparison shows next to nothing


def differences_table(found: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of a table: a row per metric, a column per run but the first."""
    first, *others = [row.name for row in found.rows]
    keys = [key for key in found.rows[0].metrics if any((name, key) in found.differences for name in others)]
    head = ["", *(f"{name} less {first}" for name in others)]
    rows = [[found.objective.metric(key).title, *(_cell(found, name, key) for name in others)] for key in keys]
    return head, rows


def _cell(found: Comparison, name: str, key: str) -> str:
    if (name, key) not in found.differences:
        return "-"
    value, low, high = found.differences[name, key]
    if low is None or high is None:
        return number(value)
    return f"{number(value)} ({low:.3g} to {high:.3g})"


def conclusions(found: Comparison) -> list[str]:
    """Say of each run whether it is better than the first, by the decisive metric, and what the sets can tell."""
    metric = found.objective.decisive
    first, *others = found.rows
    said = []
    if found.clusters < _FEW:
        said.append(f"Only {found.clusters} independent sets were predicted unseen, which shows next to nothing.")
    for row in others:
        if (row.name, metric.key) not in found.differences:
            said.append(
                f"{metric.title} of {row.name} and {first.name} cannot be compared: it is not defined for both."
            )
            continue
        value, low, high = found.differences[row.name, metric.key]
        if value == 0 and (low, high) in ((None, None), (0, 0)):
            said.append(f"{row.name} and {first.name} are the same by {metric.title}.")
            continue
        better = metric.sign * value > 0
        text = (
            f"{row.name} is {'better' if better else 'worse'} than {first.name} by {number(abs(value))} in "
            f"{metric.title} ({number(row.metrics[metric.key])} against {number(first.metrics[metric.key])})"
        )
        if low is None or high is None:
            said.append(f"{text}; there are too few sets for an interval.")
        elif low <= 0 <= high:
            said.append(
                f"{text}, but the 95% interval of the difference, {number(low)} to {number(high)}, includes none at "
                "all: these sets do not show which of the two is better."
            )
        else:
            said.append(
                f"{text}; the 95% interval of the difference, {number(low)} to {number(high)}, excludes none: more "
                "than the choice of held-out sets explains."
            )
    return [*said, *found.notes]
