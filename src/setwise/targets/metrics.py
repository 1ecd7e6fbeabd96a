"""Measure how good predictions are, in the targets' own units; scikit-learn's definitions.

A metric that is not defined for the sets at hand (R2 of one set, AUC of one class) is left out, never NaN, and
`undefined` says so. Each set counts once, whatever weights it was fitted with.
"""

import numpy as np

from setwise.metrics.metric import Metric
from setwise.targets.objectives import Objective

_OF_A_LABEL = ("f1", "average_precision", "auc")  # what is said of each of many labels


def score(
    objective: Objective, predicted: np.ndarray, truth: np.ndarray, *, sizes: np.ndarray | None = None
) -> dict[str, float]:
    """Return metrics of predictions by their keys, over the sets whose label is known.

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
    of, labels = "sets" if sizes is None else "elements", objective.has_labels
    found: list[dict[Metric, float]] = []
    for column, (target, part) in enumerate(objective.parts(predicted)):
        own: dict[Metric, float] = {}
        if not np.isnan(truth[:, column]).all():
            rows, known = target.measured(part, truth[:, column], sizes)
            for metric in target.metrics(of, label=labels):
                value = None if metric.function is None else metric.function(rows, known)
                own |= {} if value is None else {metric: value}
        found.append(own)
    if not any(found):
        return {}
    if len(found) == 1:
        return _named(found[0])
    together = dict.fromkeys(metric for own in found for metric in own)
    means = {metric: float(np.mean([own[metric] for own in found if metric in own])) for metric in together}
    if labels:
        metrics = _of_labels(objective, predicted, truth, _named(means))
    elif objective.has_common_unit:
        metrics = _named(means)
    else:
        pairs = zip(objective.targets, found, strict=True)
        metrics = {"loss": float(np.mean([target.loss_of(_named(own)) for target, own in pairs if own]))}
        if objective.kind != "mixed":
            metrics |= _named({metric: value for metric, value in means.items() if not metric.unit})
    for target, own in zip(objective.targets, found, strict=True):
        shown = [metric for name in _OF_A_LABEL for metric in own if metric.name == name] if labels else own
        metrics |= {metric.of(target.name).key: own[metric] for metric in shown}
    return metrics


def _named(values: dict[Metric, float]) -> dict[str, float]:
    return {metric.name: value for metric, value in values.items()}


def undefined(objective: Objective, truth: np.ndarray, *, what: str = "held-out sets") -> list[str]:
    """Return what these sets cannot tell of each target, a sentence each.

    Args:
        objective: what is predicted.
        truth: ``(B, T)`` as for `score`.
        what: the sets, in words.
    """
    truth = truth.reshape(len(truth), -1)
    said = []
    for column, target in enumerate(objective.targets):
        known = truth[~np.isnan(truth[:, column]), column]
        if known.size == 0:
            said.append(f"No {what} have a label of {target.name}, so nothing is known of how good it is predicted.")
        else:
            said += target.undefined(known, what)
    return said


def _of_labels(
    objective: Objective, predicted: np.ndarray, truth: np.ndarray, means: dict[str, float]
) -> dict[str, float]:
    """Return metrics of all labels together; a missing label counts for none."""
    named = np.stack([part.argmax(1) for _, part in objective.parts(predicted)], axis=1)
    known = ~np.isnan(truth)
    right = (named == 1) & (truth == 1) & known
    wrong = (named != truth) & known
    metrics = {"hamming_loss": float(wrong.sum() / max(1, known.sum()))}
    if right.any() or wrong.any():
        metrics["micro_f1"] = float(2 * right.sum() / (2 * right.sum() + wrong.sum()))
    words = {"f1": "macro_f1", "average_precision": "mean_average_precision", "auc": "auc"}
    metrics |= {words[name]: means[name] for name in words if name in means}
    return metrics | {"cross_entropy": means["cross_entropy"]}
