"""What the table of held-out results means, in plain words; the same for the command line and the report."""

from collections.abc import Sequence

from setwise.runs.record import TestRow
from setwise.targets.metrics import decisive_metric, lower_is_better
from setwise.targets.objectives import Objective

WORDS = {
    "loss": "mean loss of all targets",
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "r2": "R2",
    "cross_entropy": "cross entropy",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC",
    "rank_error": "mean error in ranks",
    "kappa": "weighted kappa",
    "hamming_loss": "Hamming loss",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "mean_average_precision": "mean average precision",
    "f1": "F1",
    "average_precision": "average precision",
}
_CLEARLY = 0.02  # relative; smaller differences are called no difference
_FEW_SETS = 30
_RANKS = 0.6  # AUC from which a model tells classes apart


def metric_words(name: str) -> str:
    """A metric's name for people: "r2_age" is "R2 of age"."""
    kind = _kind(name)
    if kind == name:
        return WORDS.get(name, name)
    return f"{WORDS[kind]} of {name[len(kind) + 1 :]}"


def best_rows(rows: Sequence[TestRow], metric: str) -> frozenset[int]:
    """Positions of the rows that are best by a metric, ties included."""
    values = {i: row.metrics[metric] for i, row in enumerate(rows) if metric in row.metrics}
    if not values:
        return frozenset()
    best = min(values.values()) if lower_is_better(metric) else max(values.values())
    return frozenset(i for i, value in values.items() if value == best)


def verdict(rows: Sequence[TestRow], objective: Objective, *, test_sets: int) -> str:
    """Whether the model, the first row, is worth having beside the others; of several targets a line each.

    Args:
        rows: the model and what it has to beat, measured on the same held-out sets.
        objective: what is predicted.
        test_sets: how many sets were held out.
    """
    if not rows or test_sets == 0:
        return "No sets were held out, so nothing is known of how good this model is on new sets."
    if decisive_metric(objective) != "loss":
        sentences = _compared(rows, decisive_metric(objective), of=objective.rows)
    else:
        sentences = []
        for head in objective.heads:
            metric = f"{'mse' if head.kind == 'regression' else 'cross_entropy'}_{head.target}"
            if metric in rows[0].metrics:
                compared = _compared(rows, metric, of=objective.rows)
                sentences.append(f"{head.target}: {' '.join(compared)}")
    if test_sets < _FEW_SETS:
        sentences.append(f"Only {test_sets} sets were held out, so even clear differences may be chance.")
    return ("\n" if decisive_metric(objective) == "loss" else " ").join(sentences)


def _compared(rows: Sequence[TestRow], metric: str, *, of: str) -> list[str]:
    """What one metric says of the model, the first row, beside the others, of sets or of elements."""
    model, others = rows[0], [row for row in rows[1:] if metric in row.metrics]
    if not others:
        return [f"No baselines were measured, so nothing says whether {model.name} is worth having."]
    constant = next((row for row in others if row.name == "constant"), None)
    rival = min(others, key=lambda row: row.metrics[metric])
    sentences = []
    if constant is not None and not _beats(model, constant, metric):
        sentences.append(_no_better(model, constant, metric, of))
    rival_learns = rival is not constant and (constant is None or _beats(rival, constant, metric))
    if rival_learns and _beats(rival, model, metric):
        sentences.append(
            f"A simpler method wins: {_seen_by(rival, of)} is better than {model.name} "
            f"({_pair(rival, model, metric)}). Prefer it, or give the model more sets or other choices."
        )
    if not sentences:
        if _beats(model, rival, metric):
            sentences.append(f"{model.name} beats every baseline; the best of them is {rival.name} ")
        else:
            sentences.append(f"{model.name} is about as good as {rival.name}, which is simpler ")
        sentences[-1] += f"({_pair(model, rival, metric)})."
    return sentences


def _kind(metric: str) -> str:
    """The metric without the target that it is of: "mse_age" is an mse."""
    return next((kind for kind in WORDS if metric == kind or metric.startswith(f"{kind}_")), metric)


def _beats(row: TestRow, other: TestRow, metric: str) -> bool:
    """Whether a row is better by more than rounding and luck of a hair; lower is better."""
    return row.metrics[metric] < (1 - _CLEARLY) * other.metrics[metric]


def _no_better(model: TestRow, constant: TestRow, metric: str, what: str) -> str:
    """What to say of a model that does not beat the constant by the decisive metric."""
    pair = _pair(model, constant, metric)
    of = metric.removeprefix(_kind(metric))
    accuracy = f"accuracy{of}"
    if model.metrics.get(f"auc{of}", 0.5) > _RANKS or model.metrics.get(accuracy, 0.0) > constant.metrics.get(
        accuracy, 1.0
    ):
        return (
            f"The probabilities of {model.name} are no better than those of a constant ({pair}), although it "
            f"{_ranking(model, of, what)}: it tells classes apart, but says it with too little or too much confidence."
        )
    return f"{model.name} has learned nothing that helps on new sets: it is no better than a constant ({pair})."


def _ranking(model: TestRow, of: str, what: str) -> str:
    accuracy, auc = model.metrics.get(f"accuracy{of}"), model.metrics.get(f"auc{of}")
    if accuracy is None:
        return f"ranks {what} well (AUC {auc:.2f})"
    return f"is right for {accuracy:.0%} of the {what}" + ("" if auc is None else f" (AUC {auc:.2f})")


def _seen_by(rival: TestRow, of: str) -> str:
    return (
        rival.name
        if of == "elements" or rival.name == "covariates alone"
        else f"{rival.name} on moments and quantiles of each set"
    )


def _pair(row: TestRow, other: TestRow, metric: str) -> str:
    return f"{WORDS[_kind(metric)]} {row.metrics[metric]:.4g} against {other.metrics[metric]:.4g}"
