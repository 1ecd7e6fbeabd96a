"""Say how far a result moves with nothing but the seed."""

from setwise.report.rounding import number
from setwise.runs.record import RunRecord


def seed_sentences(record: RunRecord) -> list[str]:
    """Return a sentence on the metrics and one on the predictions; none of a run that was not fitted again."""
    check = record.seed_check
    if check is None:
        return []
    count = len(check.seeds) - 1
    others = "1 other seed" if count == 1 else f"{count} other seeds"
    if not any(check.most.values()):
        return [f"With {others} nothing changes: this fit does not depend on the seed."]
    metric, what = record.objective.decisive, record.objective.of
    values = [one[metric.key] for one in check.metrics if metric.key in one]
    said = []
    if values:
        said.append(
            f"With {others} {metric.title} lies between {number(min(values))} and "
            f"{number(max(values))} ({number(values[0])} with seed {check.seeds[0]}), on the same sets"
            + (", in other folds." if record.folds else ".")
        )
        ends = record.test[0].intervals.get(metric.key)
        if ends is not None and max(values) - min(values) > 0.5 * (ends[1] - ends[0]):
            said.append("That is much beside the interval of the held-out sets: take an ensemble (--ensemble 5).")
    moved = [
        f"{name.replace('_', ' ', 1)} by {number(middle)} (at most {number(check.most[name])})"
        for name, middle in list(check.spread.items())[:4]
    ]
    said.append(
        f"In the middle of the {what} the seed moves {'; '.join(moved)}: standard deviations over {len(check.seeds)} "
        "seeds. That of each is in held_out.csv."
    )
    said += [
        f"The predicted class of {name} is not the same with every seed for {count:,} of the {what}."
        for name, count in check.changed.items()
    ]
    return said
