"""How good predictions are, in the targets' own units; scikit-learn's definitions.

A metric that is not defined for the sets at hand (R2 of one set, AUC of one class) is left out, never NaN.
"""

import numpy as np

from setwise.training.objectives import Classification, Regression

LOWER_IS_BETTER = frozenset({"mse", "mae", "cross_entropy"})


def score(objective: Regression | Classification, predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Metrics of predictions.

    Args:
        objective: what is predicted.
        predicted: ``(B, T)`` numbers in the targets' units, or ``(B, K)`` probabilities.
        truth: ``(B, T)`` numbers in the targets' units, or ``(B,)`` class numbers.

    Returns:
        For regression ``mse``, ``mae`` and ``r2``, means over the targets, and with several targets each of them
        per target (``r2_<target>``). For classification ``cross_entropy`` (nats), ``accuracy`` and ``auc``
        (of the second class of two; of several the mean of one against the rest).
    """
    if isinstance(objective, Regression):
        return _regression(objective.targets, predicted, truth)
    return _classification(predicted, truth)


def _regression(names: tuple[str, ...], predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score  # here, since predicting needs none

    metrics = {
        "mse": float(mean_squared_error(truth, predicted)),
        "mae": float(mean_absolute_error(truth, predicted)),
    }
    defined = len(truth) > 1 and bool((np.ptp(truth, axis=0) > 0).all())
    if defined:
        metrics["r2"] = float(r2_score(truth, predicted))
    if len(names) == 1:
        return metrics
    for column, name in enumerate(names):
        metrics[f"mse_{name}"] = float(mean_squared_error(truth[:, column], predicted[:, column]))
        metrics[f"mae_{name}"] = float(mean_absolute_error(truth[:, column], predicted[:, column]))
        if defined:
            metrics[f"r2_{name}"] = float(r2_score(truth[:, column], predicted[:, column]))
    return metrics


def _classification(probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

    classes = np.arange(probabilities.shape[1])
    metrics = {
        "cross_entropy": float(log_loss(truth, probabilities, labels=classes)),
        "accuracy": float(accuracy_score(truth, probabilities.argmax(1))),
    }
    present = np.unique(truth)
    if len(present) > 1:
        ranked = classes[1:] if len(classes) == 2 else present
        metrics["auc"] = float(np.mean([roc_auc_score(truth == k, probabilities[:, k]) for k in ranked]))
    return metrics
