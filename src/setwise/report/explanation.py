"""Which elements matter: a page of its own, and a section for the report of a run."""

from dataclasses import dataclass

from setwise.explanations import Explanation
from setwise.report.drawing import Drawing
from setwise.report.element_figures import distributions, pairs_of_features
from setwise.report.explanation_figures import deletion_curves, more_elements
from setwise.report.faithfulness import METHOD_WORDS, faithful_words, more_elements_words, most_faithful, standings
from setwise.report.markup import Markup, element, joined, table
from setwise.report.rounding import number
from setwise.report.style import CSS
from setwise.report.telling import groups
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
        method: whose scores the figures of elements show, the most faithful.
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
        """The figures that there are, by the names of their files."""
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


def section(explanation: Explanation, figures: Figures) -> Markup:
    """The section "Which elements matter", for the page below and for the report of a run."""
    answers, unit = explanation.answers, explanation.answers.unit
    found = standings(explanation)
    what = "the predicted class of each set" if answers.fixed is None else repr(answers.names[answers.fixed])
    sampled = int(sum(a < b for a, b in _pairs(explanation, "scored", "size")))
    intro = (
        f"Explained: {what}, in {unit}, for {explanation.sets.num_rows:,} sets with {explanation.scores.num_rows:,} "
        "scored elements. A score above zero pushes the answer up."
    )
    if sampled:
        intro += f" Of {sampled} larger sets a random part of the elements was scored."
    elements = [drawing for drawing in (figures.pairs, figures.features) if drawing is not None]
    missing = (
        []
        if elements
        else [element("p", "No figure of single elements: too few stand out, or elements are no vectors of features.")]
    )
    return element(
        "section",
        element("h2", "Which elements matter"),
        element("p", intro),
        element(
            "div", joined(element("p", faithful_words(own, unit)) for own in found), attributes={"class": "verdict"}
        ),
        _standings_table(explanation),
        _shown([] if figures.deletion is None else [figures.deletion]),
        element("h3", "The highest-scored elements"),
        *missing,
        _shown(elements),
        element("h3", "Would more elements change the answer?"),
        element("p", more_elements_words(explanation)),
        _shown([figures.more]),
        element("h3", "The sets"),
        _sets_table(explanation),
        _method_notes(explanation),
    )


def explanation_page(explanation: Explanation, figures: Figures, *, command: str) -> Markup:
    """A page that holds all of itself; everything that comes from users is escaped."""
    record = explanation.answers.run.record
    title = f"Why: {' and '.join(record.objective.targets)}, predicted from sets"
    head = element(
        "head",
        element("meta", attributes={"charset": "utf-8"}),
        element("meta", attributes={"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", f"setwise: {title}"),
        element("style", Markup(CSS)),
    )
    about = f"{record.model}, fitted {record.created[:10]}; setwise {record.versions['setwise']}"
    header = element("header", element("h1", title), element("p", about, attributes={"class": "quiet"}))
    again = element("section", element("h2", "To repeat this"), element("pre", element("code", command)))
    body = element("body", joined([header, section(explanation, figures), again]))
    return Markup("<!doctype html>\n" + element("html", head, body, attributes={"lang": "en"}))


def _standings_table(explanation: Explanation) -> Markup:
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


def _sets_table(explanation: Explanation) -> Markup:
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


def _method_notes(explanation: Explanation) -> Markup:
    """What was computed, with the sources."""
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
    items = joined(element("li", note) for note in notes)
    return element("details", element("summary", "How this was computed"), element("ul", items))


def _pairs(explanation: Explanation, *names: str) -> list[tuple]:
    return list(zip(*(explanation.sets[name].to_pylist() for name in names), strict=True))


def _shown(drawings: list[Drawing]) -> Markup:
    return element("div", joined(drawing.markup() for drawing in drawings), attributes={"class": "figures"})
