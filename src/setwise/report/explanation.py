"""Show which elements matter: on a page of its own, and in a section of a run's report."""

from dataclasses import dataclass

from setwise.explanations.explain import Explanation
from setwise.report.drawing import Drawing
from setwise.report.element_figures import distributions, pairs_of_features
from setwise.report.explanation_figures import deletion_curves, more_elements
from setwise.report.faithfulness import (
    METHOD_WORDS,
    faithful_to,
    faithful_words,
    more_elements_words,
    most_faithful,
    standings,
)
from setwise.report.render import render
from setwise.report.rounding import number
from setwise.report.standout import groups
from setwise.report.table import Table, table
from setwise.store.store import SetStore

_SHOWN_SETS = 25
_HOW = {
    "recomputed": "computed anew without the element (exact)",
    "pooled": "from the pooled vector (exact, since the encoder treats elements alone)",
    "frozen": "with frozen statistics (what the encoder takes from the whole set is held; not the same as exact)",
}


@dataclass(frozen=True)
class Figures:
    """The figures of an explanation, to be shown or written; none where there is nothing to show.

    Attributes:
        method: the most faithful one, whose scores the figures of elements show.
        deletion: deletion curves.
        pairs: the elements that stand out, in pairs of features.
        features: their features.
        more: answers against the number of elements.
    """

    method: str
    deletion: Drawing | None
    pairs: Drawing | None
    features: Drawing | None
    more: Drawing

    def named(self) -> dict[str, Drawing]:
        """Return the figures that there are, by the names of their files."""
        found = {
            "deletion": self.deletion,
            "highest_scored_pairs": self.pairs,
            "highest_scored_features": self.features,
            "more_elements": self.more,
        }
        return {name: drawing for name, drawing in found.items() if drawing is not None}


def draw(explanation: Explanation, store: SetStore) -> Figures:
    """Draw all figures of an explanation of sets of a store."""
    method = most_faithful(explanation)
    made, words = groups(explanation, store, method), METHOD_WORDS[method]
    return Figures(
        method,
        deletion_curves(explanation, standings(explanation)),
        pairs_of_features(made, store.features, method=words),
        distributions(made, store.features, method=words),
        more_elements(explanation),
    )


@dataclass(frozen=True)
class _Section:
    """The contents of the section "Which elements matter"."""

    doubt: str | None
    introduction: str
    verdicts: list[str]
    methods: Table
    deletion: list[Drawing]
    elements: list[Drawing]
    more_elements: str
    more: list[Drawing]
    sets: Table
    notes: list[str]


def section(explanation: Explanation, figures: Figures) -> str:
    """Return the section "Which elements matter" as HTML, for the report of a run."""
    return render("sections/explanation.html", explained=_section(explanation, figures))


def explanation_page(explanation: Explanation, figures: Figures, *, command: str) -> str:
    """Return a page that holds all of itself, as HTML; everything that comes from users is escaped."""
    record = explanation.answers.run.record
    return render(
        "explanation.html",
        title=f"Why: {' and '.join(record.objective.names)}, predicted from sets",
        about=f"{record.model}, fitted {record.created[:10]}; setwise {record.versions['setwise']}",
        explained=_section(explanation, figures),
        command=command,
    )


def _section(explanation: Explanation, figures: Figures) -> _Section:
    """Collect what the section shows."""
    unit = explanation.answers.unit
    return _Section(
        doubt=faithful_to(explanation.answers.run),
        introduction=_introduction(explanation),
        verdicts=[faithful_words(own, unit) for own in standings(explanation)],
        methods=_methods_table(explanation),
        deletion=[] if figures.deletion is None else [figures.deletion],
        elements=[drawing for drawing in (figures.pairs, figures.features) if drawing is not None],
        more_elements=more_elements_words(explanation),
        more=[figures.more],
        sets=_sets_table(explanation),
        notes=_method_notes(explanation),
    )


def _introduction(explanation: Explanation) -> str:
    """Say which answer was explained, for how many sets and elements."""
    answers = explanation.answers
    explained = "the predicted class of each set" if answers.fixed is None else repr(answers.names[answers.fixed])
    text = (
        f"Explained: {explained}, in {answers.unit}, for {explanation.sets.num_rows:,} sets with "
        f"{explanation.scores.num_rows:,} scored elements. A score above zero pushes the answer up."
    )
    scored, sizes = (explanation.sets[name].to_numpy() for name in ("scored", "size"))
    sampled = int((scored < sizes).sum())
    if sampled:
        text += f" Of {sampled} larger sets a random part of the elements was scored."
    return text


def _methods_table(explanation: Explanation) -> Table:
    head = [
        "Scores by",
        "fall by score",
        "at random",
        "± of random",
        "orders beaten",
        "sets with all beaten",
        "verdict",
    ]
    rows = [
        [
            METHOD_WORDS[own.method],
            number(own.area),
            number(own.random_area),
            number(own.random_std),
            f"{own.beaten:.0%}" if own.sets else "-",
            f"{own.wins} of {own.sets} sets",
            own.verdict,
        ]
        for own in standings(explanation)
    ]
    orders = explanation.config.orders
    return table(
        head,
        rows,
        caption=f"Deletion: mean fall of the answer ({explanation.answers.unit}) over the share of elements removed, "
        f"mean over sets, against {orders} random orders of each set.",
    )


def _sets_table(explanation: Explanation) -> Table:
    gradients = "integrated_gradients" in explanation.methods
    head = ["Set", "elements", "scored", "explained", "answer", "± of halves"]
    head += ["gradients add up to", "short by"] if gradients else []
    rows = []
    for row in explanation.sets.slice(0, _SHOWN_SETS).to_pylist():
        cells = [row["set_id"], number(row["size"]), number(row["scored"]), row["answer"]]
        cells += [number(row["predicted"]), number(row["spread"])]
        cells += [number(row["gradients_difference"]), f"{row['gradients_error']:.1e}"] if gradients else []
        rows.append(cells)
    rest = explanation.sets.num_rows - len(rows)
    caption = "The explained sets" + (f"; {rest} more are in sets.parquet." if rest > 0 else ".")
    return table(head, rows, caption=caption)


def _method_notes(explanation: Explanation) -> list[str]:
    """Say how the scores were computed, with the sources."""
    notes = []
    if "leave_one_out" in explanation.methods:
        how = "; ".join(_HOW[way] for way in dict.fromkeys(explanation.sets["left_out_by"].to_pylist()))
        tied = explanation.coupling
        tied = "" if tied is None else f" The encoder ties elements to each other by {tied}."
        notes.append(f"Leave-one-out: the answer less the answer without the element; {how}.{tied}")
    if "integrated_gradients" in explanation.methods:
        notes.append(
            "Integrated gradients (Sundararajan, Taly, Yan 2017, arXiv 1703.01365): from a set whose elements are "
            "all the mean of the training elements. The scores of a set add up to the difference between the two "
            "answers; the table says how far they fall short."
        )
    if "attention" in explanation.methods:
        notes.append(
            "Attention: weights of the pooling, 1 is an even share, no sign (Lee et al. 2019, arXiv 1810.00825)."
        )
    notes.append(
        "Deletion after Petsiuk, Das, Saenko 2018, arXiv 1806.07421. ± of halves: the standard deviation of the answer "
        "over random halves of the set, an estimate of how far another sample of as many elements would move it (Shao, "
        "Wu 1989)."
    )
    return notes
