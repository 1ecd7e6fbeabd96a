"""How good predictions are, in the targets' own units; scikit-learn's definitions.

A metric that is not defined for the sets at hand (R2 of one set, AUC of one class) is left out, never NaN, and
`undefined` says so. Each set counts once, whatever weights it was fitted with.
"""

import numpy as np

from setwise.metrics import formulas
from setwise.targets.heads import Classification, Head, Ordinal, Regression, median_class
from setwise.targets.objectives import Objective
from setwise.targets.which_element import WhichElement, named_elements

LOWER_IS_BETTER = frozenset({"loss", "mse", "mae", "cross_entropy", "hamming_loss", "rank_error"})
_OF_A_LABEL = ("f1", "average_precision", "auc")  # what is said of each of many labels


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric is better; "mse_age" is that of one target."""
    return any(metric == name or metric.startswith(f"{name}_") for name in LOWER_IS_BETTER)


def decisive_metric(objective: Objective) -> str:
    """The metric that decides which of several predictions is best."""
    if _has_no_common_unit(objective):
        return "loss"
    return "mse" if objective.kind == "regression" else "cross_entropy"


def score(
    objective: Objective, predicted: np.ndarray, truth: np.ndarray, *, sizes: np.ndarray | None = None
) -> dict[str, float]:
    """Metrics of predictions, over the sets whose label is known.

    Args:
        objective: what is predicted.
        predicted: ``(B, P)``: numbers in the targets' units, probabilities of classes.
        truth: ``(B, T)``: numbers in the targets' units, numbers of classes; NaN where missing.
        sizes: ``(B,)`` elements of each set, where rows are elements, one set after the other.

    Returns:
        For a number ``mse``, ``mae`` and ``r2``; for classes ``cross_entropy`` (nats), ``accuracy``,
        ``balanced_accuracy`` (the mean over the classes that occur) and ``auc`` (of the second class of two; of several
        the mean of one against the rest); for classes in order ``rank_error`` (mean absolute error, in classes) and
        ``kappa`` (with quadratic weights) beside cross entropy and accuracy.
        Of several targets of classes, or of classes in order, the mean over those for which it is defined, and each of
        them per target (``kappa_<target>``). Of labels (several targets of two classes, the second being "has it")
        ``hamming_loss``, ``macro_f1``, ``micro_f1``, ``mean_average_precision``, ``cross_entropy`` and ``auc``, and
        per label ``f1``, ``average_precision`` and ``auc``. Several numbers, and targets of different kinds, have no
        unit in common: of them each metric per target (``r2_<target>``), and ``loss``, the mean over the targets of
        squared errors of standardised numbers and cross entropies; of numbers alone the mean of ``r2`` as well. Of
        elements beside them ``f1`` (of the second class of two) or ``macro_f1`` (the mean over the classes that occur);
        of which element is meant ``cross_entropy`` and ``accuracy`` over sets.
    """
    truth = truth.reshape(len(truth), -1)
    labels = objective.kind == "multi-label"
    found: list[dict[str, float]] = []
    for column, (head, part) in enumerate(objective.by_head(predicted)):
        known = ~np.isnan(truth[:, column])
        if not known.any():
            found.append({})
        elif isinstance(head, WhichElement):
            assert sizes is not None, "which element of which set?"
            found.append(_which(part[known, 0], named_elements(part[:, 0], sizes)[known]))
        else:
            metrics = _of_head(head, part[known], truth[known, column], label=labels)
            if sizes is not None and isinstance(head, Classification):
                metrics |= _f1(part[known].argmax(1), truth[known, column], len(head.classes))
            found.append(metrics)
    if not any(found):
        return {}
    if len(found) == 1:
        return found[0]
    names = dict.fromkeys(name for metrics in found for name in metrics)
    metrics = {name: float(np.mean([m[name] for m in found if name in m])) for name in names}
    if labels:
        metrics = _of_labels(objective, predicted, truth, metrics)
    elif names and _has_no_common_unit(objective):
        pairs = zip(objective.heads, found, strict=True)
        loss = float(np.mean([_loss(head, own) for head, own in pairs if own]))
        metrics = {"loss": loss} | ({"r2": metrics["r2"]} if objective.kind == "regression" and "r2" in metrics else {})
    for name, own in zip(objective.targets, found, strict=True):
        metrics |= {f"{metric}_{name}": own[metric] for metric in (_OF_A_LABEL if labels else own) if metric in own}
    return metrics


def undefined(objective: Objective, truth: np.ndarray, *, what: str = "held-out sets") -> list[str]:
    """What these sets cannot tell of each target, a sentence each.

    Args:
        objective: what is predicted.
        truth: ``(B, T)`` as for `score`.
        what: the sets, in words.
    """
    truth = truth.reshape(len(truth), -1)
    said = []
    for column, head in enumerate(objective.heads):
        known = truth[~np.isnan(truth[:, column]), column]
        if known.size == 0:
            said.append(f"No {what} have a label of {head.target}, so nothing is known of how good it is predicted.")
        elif isinstance(head, WhichElement):
            continue
        elif isinstance(head, Regression):
            if np.ptp(known) == 0:
                said.append(f"R2 of {head.target} is not defined: all {what} have the same value.")
        elif np.ptp(known) == 0:
            name = head.classes[int(known[0])]
            said.append(
                f"AUC of {head.target} is not defined, and accuracy says little: all {len(known)} {what} are {name!r}."
            )
        else:
            counts = np.bincount(known.astype(np.int64), minlength=len(head.classes))
            rare = [f"{count} {head.classes[k]!r}" for k, count in enumerate(counts) if 0 < count < 3]
            if rare:
                said.append(f"Of {head.target} the {what} hold only {', '.join(rare)}: metrics rest on very few.")
    return said


def _of_head(
    head: Regression | Classification | Ordinal, predicted: np.ndarray, truth: np.ndarray, *, label: bool
) -> dict[str, float]:
    if isinstance(head, Regression):
        return _regression(predicted[:, 0], truth)
    number = truth.astype(np.int64)
    if isinstance(head, Ordinal):
        return _ordinal(predicted, number)
    return _classification(predicted, number) | (_label(predicted, number) if label else {})


def _has_no_common_unit(objective: Objective) -> bool:
    """Whether a mean of the same metric over the targets would mean nothing."""
    return objective.kind == "mixed" or (objective.kind == "regression" and len(objective.heads) > 1)


def _loss(head: Head, metrics: dict[str, float]) -> float:
    return metrics["mse"] / head.std**2 if isinstance(head, Regression) else metrics["cross_entropy"]


def _regression(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    metrics = {"mse": formulas.squared_error(truth, predicted), "mae": formulas.absolute_error(truth, predicted)}
    if len(truth) > 1 and np.ptp(truth) > 0:
        metrics["r2"] = formulas.r2(truth, predicted)
    return metrics


def _classification(probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    classes, best, present = np.arange(probabilities.shape[1]), probabilities.argmax(1), np.unique(truth)
    metrics = _of_classes(probabilities, truth, best)
    metrics["balanced_accuracy"] = float(np.mean([(best[truth == k] == k).mean() for k in present]))
    if len(present) > 1:
        ranked = classes[1:] if len(classes) == 2 else present
        metrics["auc"] = float(np.mean([formulas.auc(truth == k, probabilities[:, k]) for k in ranked]))
    return metrics


def _f1(named: np.ndarray, truth: np.ndarray, classes: int) -> dict[str, float]:
    """F1 of the second class of two; of several the mean over those that occur. Nothing where it is not defined."""
    if classes == 2:
        return {"f1": formulas.f1(truth, named)} if (truth == 1).any() else {}
    each = [formulas.f1((truth == k).astype(int), (named == k).astype(int)) for k in np.unique(truth)]
    return {"macro_f1": float(np.mean(each))}


def _which(probabilities: np.ndarray, named: np.ndarray) -> dict[str, float]:
    """Of the marked elements ``(B,)``: their probabilities, and their shares in being named."""
    return {
        "cross_entropy": float(-np.log(np.clip(probabilities, np.finfo(np.float64).eps, 1)).mean()),
        "accuracy": float(named.mean()),
    }


def _label(probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """What is asked of a label that sets have or lack; nothing for one that none of them has."""
    if not truth.any():
        return {}
    return {
        "f1": formulas.f1(truth, probabilities.argmax(1)),
        "average_precision": formulas.average_precision(truth, probabilities[:, 1]),
    }


def _of_labels(
    objective: Objective, predicted: np.ndarray, truth: np.ndarray, means: dict[str, float]
) -> dict[str, float]:
    """Metrics of all labels together; a missing label counts for none."""
    named = np.stack([part.argmax(1) for _, part in objective.by_head(predicted)], axis=1)
    known = ~np.isnan(truth)
    right = (named == 1) & (truth == 1) & known
    wrong = (named != truth) & known
    metrics = {"hamming_loss": float(wrong.sum() / max(1, known.sum()))}
    if right.any() or wrong.any():
        metrics["micro_f1"] = float(2 * right.sum() / (2 * right.sum() + wrong.sum()))
    words = {"f1": "macro_f1", "average_precision": "mean_average_precision", "auc": "auc"}
    metrics |= {words[name]: means[name] for name in words if name in means}
    return metrics | {"cross_entropy": means["cross_entropy"]}


def _ordinal(probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    best = median_class(probabilities)
    metrics = _of_classes(probabilities, truth, best)
    metrics["rank_error"] = float(np.abs(best - truth).mean())
    chance = np.square(
        best[:, None] - truth
    ).mean()  # squared distance of pairs that have nothing to do with each other
    if chance > 0:
        metrics["kappa"] = float(1 - np.square(best - truth).mean() / chance)
    return metrics


def _of_classes(probabilities: np.ndarray, truth: np.ndarray, best: np.ndarray) -> dict[str, float]:
    return {
        "cross_entropy": formulas.cross_entropy(truth, probabilities),
        "accuracy": formulas.accuracy(truth, best),
    }
