"""Integrate gradients on the way from average elements, and share the change of the answer among the elements."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from setwise._checks import InputError
from setwise.batch import SetBatch, SetLayout
from setwise.explanations.leave_one_out import Measure
from setwise.explanations.one_set import OneSet

_BUDGET = 1 << 31  # bytes of activations for gradients
_NODE = 0.5 / 3**0.5  # Gauss-Legendre with two nodes: the middle of an interval, this share of it to both sides
_MOST = 8  # times the steps that were asked for
TOLERANCE = 0.02  # of completeness, relative to the range of the answer along the path


@dataclass(frozen=True)
class Gradients:
    """Integrated gradients of one set.

    Attributes:
        scores: ``(n,)`` float64, the sum over the features of each element; they add up to ``difference``.
        difference: the answer for the set less the answer for the baseline.
        error: the sum of the scores less ``difference``: completeness, zero if the integral were exact.
        steps: gradients along the path.
    """

    scores: np.ndarray
    difference: float
    error: float
    steps: int


def integrated_gradients(one: OneSet, measure: Measure, *, steps: int = 32) -> Gradients:
    """Score the elements by integrated gradients.

    ``score_j = sum over features d of (x_jd - b_d) * integral over a in [0, 1] of df / dx_jd at b + a (x - b)``. The
    baseline b is the mean of the training elements, which is zero after standardisation: every element of the set is
    replaced by the average one, and the set keeps its size. Scores add up to f(x) - f(b) (completeness).

    Differs from the paper: nodes along the path are not even. A norm undoes a common scale of the elements, so a model
    with set norm changes its answer almost at once after the baseline; the path is therefore cut where the answer
    changes, with two Gauss-Legendre nodes in each part, and a part is cut in two while its gradients do not add up to
    the change of the answer along it, until ``8 * steps`` gradients are spent.

    Args:
        one: a set of vectors or images.
        measure: what is explained, of the model's outputs; differentiable.
        steps: gradients along the path, even, at least 2.

    Raises:
        InputError: elements that are categories, which have no way between them.

    Source: Sundararajan, Taly, Yan 2017, arXiv 1703.01365, equations 1 to 3.
    """
    if not one.elements.is_floating_point():
        raise InputError("integrated gradients need elements that are numbers; these are categories. Leave one out.")
    probes = _probes()
    answers = _along(one, probes, measure)
    difference, allowed = float(answers[-1] - answers[0]), TOLERANCE * float(np.ptp(answers))
    total, taken = _integral(one, _cuts(probes, answers, max(1, steps // 2)), measure, allowed, _MOST * steps)
    scores = (total * one.elements.double()).flatten(1).sum(1)
    return Gradients(scores.cpu().numpy(), difference, float(scores.sum()) - difference, taken)


def cost_of_gradients(size: int, steps: int) -> int:
    """Count elements that pass through the model for a set of a size; a gradient counts as three passes.

    Where the answer is rugged along the path, about three times the steps are taken; that is what is counted.
    """
    return size * (len(_probes()) + 3 * 3 * steps)


def _probes() -> np.ndarray:
    """Return places along the path to look at the answer, from 0 to 1: evenly in the logarithm, then evenly."""
    return np.unique(np.concatenate([[0.0], np.geomspace(1e-6, 1, 31), np.linspace(0, 1, 21)]))


def _cuts(probes: np.ndarray, answers: np.ndarray, parts: int) -> np.ndarray:
    """Return the ends of the parts of the path: half of them where the answer changes, the others evenly."""
    change = np.abs(np.diff(answers))
    even = np.diff(probes)
    share = even if change.sum() == 0 else 0.5 * change / change.sum() + 0.5 * even
    reached = np.concatenate([[0.0], np.cumsum(share)])
    cuts = np.interp(np.linspace(0, reached[-1], max(1, parts) + 1), reached, probes)
    cuts[0], cuts[-1] = 0.0, 1.0
    return cuts


def _along(one: OneSet, places: np.ndarray, measure: Measure) -> np.ndarray:
    """Compute answers ``(P,)`` at some places of the path."""
    with torch.no_grad():
        found = [measure(one.model(batch)) for batch, _ in _copies(one, places, one.most)]
    return torch.cat(found).cpu().numpy()


def _integral(one: OneSet, cuts: np.ndarray, measure: Measure, allowed: float, most_steps: int) -> tuple[Tensor, int]:
    """Average gradients over the path for every number of the elements, ``(n, ...)`` float64; and count the gradients.

    A part of the path whose gradients do not add up to the change of the answer along it is cut in two.
    """
    told = _along(one, cuts, measure)
    parts = deque(zip(cuts, cuts[1:], told, told[1:], strict=False))
    allowed, taken = allowed / len(parts), 0
    total = torch.zeros_like(one.elements, dtype=torch.float64)
    together = max(1, _most_for_gradients(one) // (2 * len(one)))
    while parts:
        some = [parts.popleft() for _ in range(min(together, len(parts)))]
        shares = _shares(one, np.asarray([part[:2] for part in some]), measure)
        taken += 2 * len(some)
        failed = []
        for part, share in zip(some, shares, strict=True):
            change = float((share * one.elements.double()).sum())
            if taken < most_steps and abs(change - (part[3] - part[2])) > allowed:
                failed.append(part)
            else:
                total += share
        if failed:
            middles = np.asarray([_middle(low, high) for low, high, _, _ in failed])
            between = _along(one, middles, measure)
            for (low, high, before, after), middle, answer in zip(failed, middles, between, strict=True):
                parts.extend(((low, middle, before, answer), (middle, high, answer, after)))
    return total, taken


def _middle(low: float, high: float) -> float:
    """Return the middle of a part; of the logarithms where it spans more than a few times its beginning."""
    return float(np.sqrt(low * high)) if 0 < low < high / 4 else (low + high) / 2 if low else high / 8


def _shares(one: OneSet, parts: np.ndarray, measure: Measure) -> Tensor:
    """Integrate gradients over parts ``(P, 2)`` of the path, two nodes each: ``(P, n, ...)`` float64."""
    middle, length = parts.mean(1), parts[:, 1] - parts[:, 0]
    places = np.stack([middle - _NODE * length, middle + _NODE * length], 1).reshape(-1)
    most, memory = _most_for_gradients(one), [member.memory for member in one.members]
    found = []
    try:
        for member in one.members:
            member.memory = "normal" if len(one) <= most else "low"
        for batch, where in _copies(one, places, most):
            elements = batch.elements.requires_grad_()
            with torch.enable_grad():
                answers = measure(one.model(batch.with_elements(elements)))
            (gradient,) = torch.autograd.grad(answers.sum(), elements)
            one.advance(2 * len(elements))
            found.append(gradient.double().unflatten(0, (where.stop - where.start, len(one))))
    finally:
        for member, kept in zip(one.members, memory, strict=True):
            member.memory = kept
    pairs = torch.cat(found).unflatten(0, (len(parts), 2)).mean(1)
    return pairs * torch.from_numpy(length).to(pairs.device).view(-1, *[1] * (pairs.dim() - 1))


def _copies(one: OneSet, places: np.ndarray, most: int) -> Iterator[tuple[SetBatch, slice]]:
    """Yield the set at some places of the path, several copies at a time, with their positions among the places."""
    together = max(1, most // len(one))
    for start in range(0, len(places), together):
        where = slice(start, min(start + together, len(places)))
        share = torch.from_numpy(places[where]).to(one.elements)
        copies = torch.tensordot(share[:, None], one.elements[None], dims=1).flatten(0, 1)
        layout = SetLayout.uniform(len(share), len(one), copies.device)
        covariates = None if one.covariates is None else one.covariates.expand(len(share), -1)
        one.advance(len(copies))
        yield SetBatch(copies, layout, covariates), where


def _most_for_gradients(one: OneSet) -> int:
    """Return the number of elements whose activations may be kept for gradients."""
    spec = one.members[0].spec
    numbers = 8 * spec.numbers_of_element(one.elements[0].numel()) + spec.kept // 2  # kernels keep half
    return max(1, _BUDGET // (numbers * one.elements.element_size() * len(one.members)))
