"""Fit baselines of models of elements: a constant, and models of the element alone or in its set.

The two kinds of rows tell whether the other elements of the set matter. They are fitted on elements of the training and
validation sets (at most `MOST`, drawn evenly), and measured on the same elements as the model.
"""

import numpy as np

from setwise.assess.baselines import linear_models, predicted_by
from setwise.store.store import SetStore
from setwise.targets.objectives import Objective
from setwise.targets.simple import Role, Table

MOST = 20_000  # elements that baselines are fitted on
_CHUNK = 1 << 17


def element_baselines(
    objective: Objective,
    store: SetStore,
    truth: np.ndarray,
    *,
    fitted_on: np.ndarray,
    tested: np.ndarray,
    positions: np.ndarray,
    covariates: np.ndarray | None,
    weights: np.ndarray | None,
    seed: int,
) -> dict[str, np.ndarray]:
    """Fit the baselines, and predict the tested elements: predictions ``(n, P)`` by name.

    Args:
        objective: what is predicted.
        store: the sets.
        truth: ``(N, T)`` of all elements.
        fitted_on: rows of the sets to fit on.
        tested: rows of the sets that are measured.
        positions: where their elements that are measured lie in the store, set after set.
        covariates: ``(B, C)`` of all sets, which go with every element, or none.
        weights: ``(B,)`` of all sets, or none.
        seed: of draws and of gradient boosting.
    """
    drawn = _drawn(store, truth, fitted_on, seed, marks=objective.whole_sets)
    of_drawn = _owners(store, drawn)
    counted = np.ones(len(drawn)) if weights is None else weights[of_drawn]
    shifts = {row: _context(store, row) for row in np.unique(np.concatenate([of_drawn, tested])).tolist()}
    linear = linear_models(objective)[-1].removesuffix(" regression")
    fits: dict[str, tuple[Role, bool]] = {
        "constant": ("constant", False),
        f"{linear}, element alone": ("linear", False),
        "boosting, element alone": ("boosted", False),
        f"{linear}, in its set": ("linear", True),
        "boosting, in its set": ("boosted", True),
    }

    def table(places: np.ndarray, *, context: bool) -> np.ndarray:
        return _features(store, places, shifts if context else None, covariates)

    new = {context: table(positions, context=context) for context in (False, True)}
    x = {context: table(drawn, context=context) for context in (False, True)}
    owners = _owners(store, positions)
    y = truth[drawn]
    return {
        name: predicted_by(objective, role, Table(x[context], y, counted, new[context], owners, seed))
        for name, (role, context) in fits.items()
    }


def _drawn(store: SetStore, truth: np.ndarray, rows: np.ndarray, seed: int, *, marks: bool) -> np.ndarray:
    """Draw places of at most `MOST` elements that have a label, evenly from the sets; with marks, of all elements."""
    generator = np.random.default_rng(seed)
    each = max(2, MOST // len(rows))
    places = []
    for row in rows.tolist():
        own = store.positions(np.array([row]))
        known = ~np.isnan(truth[own]).all(1)
        if not marks:
            own = own[known]
        if len(own) > each:
            chosen = generator.choice(own, each, replace=False)
            own = np.union1d(chosen, own[known][:1]) if marks else np.sort(chosen)
        places.append(own)
    return np.concatenate(places)


def _owners(store: SetStore, places: np.ndarray) -> np.ndarray:
    """Return the set of each element, by its place in the store."""
    return np.searchsorted(store.offsets[1:], places, side="right")


def _context(store: SetStore, row: int) -> np.ndarray:
    """Compute means and standard deviations of the features of a set ``(2 D,)``."""
    elements = store.elements(row).reshape(store.sizes[row], -1)
    return np.concatenate([elements.mean(0, dtype=np.float64), elements.std(0, dtype=np.float64)])


def _features(
    store: SetStore, places: np.ndarray, contexts: dict[int, np.ndarray] | None, covariates: np.ndarray | None
) -> np.ndarray:
    """Return elements at some places ``(n, D)``, set after set, with what is known of their sets beside them."""
    owners = _owners(store, places)
    parts = []
    for of_set in np.split(places, np.flatnonzero(np.diff(owners)) + 1):
        row = int(_owners(store, of_set[:1])[0])
        own = store.elements(row)[of_set - store.offsets[row]].reshape(len(of_set), -1).astype(np.float32)
        beside = [] if contexts is None else [contexts[row]]
        beside += [] if covariates is None else [covariates[row]]
        parts.append(np.concatenate([own, *(np.tile(x.astype(np.float32), (len(own), 1)) for x in beside)], axis=1))
    return np.concatenate(parts)
