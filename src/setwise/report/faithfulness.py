"""Judge whether the scores of an explanation are faithful, in numbers and in words, for the page and the terminal."""

from dataclasses import dataclass

import numpy as np

from setwise.explanations.config import SIGNED
from setwise.explanations.explain import Explanation
from setwise.report.rounding import number
from setwise.report.verdict import no_better_than_constant
from setwise.runs.run import Run

METHOD_WORDS = {
    "leave_one_out": "leave-one-out",
    "integrated_gradients": "integrated gradients",
    "attention": "attention of the pooling",
}
_GOOD, _CHANCE = 0.9, 0.6  # share of random orders that are beaten


@dataclass(frozen=True)
class Standing:
    """A method's deletion curves compared with those of random orders, over all sets.

    Attributes:
        method: its name.
        sets: with two elements at least, since others have no curve.
        area: mean over sets of how much the answer falls.
        random_area: the same of random orders.
        random_std: standard deviation between random orders of one set, mean over sets; none with one order.
        beaten: share of the random orders, of all sets, that it beats; 0.5 is chance.
        wins: sets in which it beats every random order.
    """

    method: str
    sets: int
    area: float
    random_area: float
    random_std: float | None
    beaten: float
    wins: int

    @property
    def verdict(self) -> str:
        """Say in a word or two how far the scores can be trusted."""
        if not self.sets:
            return "not known"
        if self.beaten >= _GOOD:
            return "faithful"
        return "partly faithful" if self.beaten > _CHANCE else "not faithful"


def faithful_to(run: Run) -> str | None:
    """Say what an explanation of a model that has learned nothing is worth; none of other models."""
    record = run.record
    words = no_better_than_constant(record.test, record.objective)
    if words is None:
        return None
    return (
        f"On {record.measured_on} this model is no better than a constant ({words}). Scores may be faithful to it all "
        "the same, and say what such a model looks at; they do not say what matters for "
        f"{' and '.join(record.objective.names)}."
    )


def standings(explanation: Explanation) -> list[Standing]:
    """Return a standing for each method, in the order of the methods."""
    table, found = explanation.faithfulness, []
    names = table["method"].to_numpy()
    columns = {name: table[name].to_numpy() for name in ("area", "random_area", "random_std", "orders", "beaten")}
    for method in explanation.methods:
        own = {name: values[(names == method) & ~np.isnan(columns["area"])] for name, values in columns.items()}
        count = len(own["area"])
        if not count:
            found.append(Standing(method, 0, np.nan, np.nan, None, np.nan, 0))
            continue
        spread = own["random_std"].astype(np.float64)
        found.append(
            Standing(
                method,
                count,
                float(own["area"].mean()),
                float(own["random_area"].mean()),
                None if np.isnan(spread).any() else float(spread.mean()),
                float(own["beaten"].sum() / own["orders"].sum()),
                int((own["beaten"] == own["orders"]).sum()),
            )
        )
    return found


def most_faithful(explanation: Explanation) -> str:
    """Return the method whose highest scores move the answer most; one with signs before attention."""
    found = standings(explanation)
    return max(found, key=lambda own: (own.sets > 0, own.method in SIGNED, own.area - own.random_area)).method


def faithful_words(own: Standing, unit: str) -> str:
    """Say in a sentence or two what a standing means."""
    name = METHOD_WORDS[own.method]
    name = name[:1].upper() + name[1:]
    if not own.sets:
        return f"{name}: no set has two elements, so nothing can be removed."
    compared = (
        f"removing the highest-scored elements first {'lowers' if own.method in SIGNED else 'changes'} the answer by "
        f"{number(own.area)} on the average ({unit}), removing them at random by {number(own.random_area)}; it beats "
        f"{own.beaten:.0%} of the random orders, and all of them in {own.wins} of {own.sets} sets"
    )
    ends = {
        "faithful": "The scores can be read as what the model looks at.",
        "partly faithful": "The scores say something of what the model looks at, and not all.",
        "not faithful": "That is no better than chance: do not read these scores.",
    }
    return f"{name} is {own.verdict}: {compared}. {ends[own.verdict]}"


def more_elements_words(explanation: Explanation) -> str:
    """Say whether more elements would change the answers."""
    sets = explanation.sets
    spread, drift = (sets[name].to_numpy().astype(np.float64) for name in ("spread", "drift"))
    predicted = sets["predicted"].to_numpy()
    known = ~np.isnan(spread)
    if not known.any():
        return "The sets are too small to say what more elements would change."
    spread, drift, predicted = spread[known], drift[known], predicted[known]
    worst = int(np.argmax(spread))
    what = explanation.answers.kind
    name = sets["set_id"].to_pylist()[int(np.flatnonzero(known)[worst])]
    text = (
        f"Another sample of as many elements would move the {what} by about {number(float(np.median(spread)))} "
        f"(the median over {len(spread)} sets of the standard deviation over random halves; most, "
        f"{number(float(spread[worst]))}, in {name!r})."
    )
    if what == "prediction" and len(predicted) > 2:
        text += f" Between sets, predictions vary by {number(float(predicted.std(ddof=1)))} (standard deviation)."
    lean = float(np.median(drift))
    error = float(np.median(spread)) / np.sqrt(explanation.config.draws)
    if abs(lean) > max(2 * error, 1e-3 * float(np.abs(predicted).mean())):
        return (
            f"{text} Halves also give answers that differ by {lean:+.3g} on the whole: the model is sensitive to size."
        )
    return text
