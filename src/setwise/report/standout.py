"""Find the elements that stand out in an explanation, and the features that separate them from the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from setwise.explanations.explain import Explanation
from setwise.store.store import SetStore

TOP = 0.05  # of the elements, those that stand out
MOST_FEATURES = 6  # that are shown
_BINS = 10  # of a feature, when pairs are compared
_MOST_ELEMENTS = 50_000  # of a class, that figures are drawn of
_FEWEST = 3  # elements that must stand out


@dataclass(frozen=True)
class Group:
    """Elements of the sets that got one answer.

    Attributes:
        answer: the class, or the target.
        sets: number of sets that they are of.
        elements: ``(n, D)`` in the units of the data.
        scores: ``(n,)`` score times size of the set, so that large and small sets count alike.
        top: ``(n,)`` true for those that stand out: the highest `TOP` of the scores, above zero.
        features: places of the features that separate them best from the others, best first.
        pairs: of features, likewise.
    """

    answer: str
    sets: int
    elements: np.ndarray
    scores: np.ndarray
    top: np.ndarray
    features: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]


def groups(explanation: Explanation, store: SetStore, method: str, *, seed: int = 0) -> list[Group]:
    """Return the elements by the answer of their sets, the answer with most sets first; none where they are no vectors.

    A group in which next to nothing stands out is left out. Large groups are sub-sampled.

    Args:
        explanation: of sets of the store.
        store: the sets.
        method: the one that gave the scores.
        seed: of the sub-samples.
    """
    if len(store.shape) != 1:
        return []
    row_of = {name: row for row, name in enumerate(store.set_ids)}
    scores = explanation.scores
    names = scores["set_id"].to_numpy()
    bounds = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1], [True]]))
    index, values = scores["element"].to_numpy(), scores[method].to_numpy()
    answers = scores["answer"].to_numpy()
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for start, stop in pairwise(bounds):
        elements = store.elements(row_of[names[start]])[index[start:stop]]
        found.setdefault(str(answers[start]), []).append((elements, values[start:stop] * (stop - start)))
    made = [_group(answer, parts, np.random.default_rng(seed)) for answer, parts in found.items()]
    return sorted((group for group in made if group is not None), key=lambda group: -group.sets)


def _group(answer: str, parts: Sequence[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> Group | None:
    elements, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    known = np.flatnonzero(np.isfinite(scores))
    if len(known) > _MOST_ELEMENTS:
        known = np.sort(rng.choice(known, _MOST_ELEMENTS, replace=False))
    elements, scores = elements[known].astype(np.float64), scores[known]
    count = max(1, round(TOP * len(scores)))
    top = np.zeros(len(scores), bool)
    top[np.argsort(-scores, kind="stable")[:count]] = True
    top &= scores > 0
    if top.sum() < _FEWEST or top.all():
        return None
    distances = np.asarray([_ks_distance(column, top) for column in elements.T])
    features = tuple(np.argsort(-distances, kind="stable")[:MOST_FEATURES].tolist())
    pairs = sorted(combinations(features, 2), key=lambda pair: -_total_variation(elements[:, list(pair)], top))
    return Group(answer, len(parts), elements, scores, top, features, _two_pairs(pairs))


def _ks_distance(values: np.ndarray, top: np.ndarray) -> float:
    """Return the Kolmogorov-Smirnov distance of two distributions of one feature, from 0 to 1."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(top[order]) / top.sum() - np.cumsum(~top[order]) / (~top).sum()
    last = np.append(np.diff(values[order]) > 0, True)  # of equal values, the last
    return float(np.abs(share[last]).max())


def _total_variation(values: np.ndarray, top: np.ndarray) -> float:
    """Return the total variation distance of two distributions in a plane, on a grid of quantiles, from 0 to 1."""
    cells = np.zeros(len(values), np.int64)
    for column in values.T:
        edges = np.unique(np.quantile(column, np.linspace(0, 1, _BINS + 1)[1:-1]))
        cells = cells * (_BINS + 1) + np.searchsorted(edges, column, side="right")
    counts = [np.bincount(cells[chosen], minlength=(_BINS + 1) ** 2) / chosen.sum() for chosen in (top, ~top)]
    return float(np.abs(counts[0] - counts[1]).sum() / 2)


def _two_pairs(pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the best pair, and the best one that adds another feature at least."""
    if len(pairs) < 2:
        return tuple(pairs)
    second = next((pair for pair in pairs[1:] if not set(pair) & set(pairs[0])), pairs[1])
    return (pairs[0], second)
