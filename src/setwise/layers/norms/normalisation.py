"""The framework of the paper for normalisations of sets: statistics per L, parameters per M."""

import torch
from torch import Tensor, nn

from setwise._checks import InputError, check_choice, check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import Norm, rowwise
from setwise.ops.normalise import normalise, normalise_and_measure, normalise_by
from setwise.streaming.rows import Function, Rows

_AXES = "BSD"


class Normalisation(Norm):
    """Standardise with statistics per L, then scale and shift with parameters per M; equivariant.

    With a the elements, mu_L and sigma_L^2 the mean and population variance over every axis that is not in L:
    y = (a - mu_L) / sqrt(sigma_L^2 + eps) * gamma + beta, with gamma and beta per feature (M = {D}).
    No statistic needs to know a set size beforehand. Where L lacks B the statistics cross the sets of a batch, so
    the output for a set depends on its companions (in training, and in evaluation unless ``running``).

    Shapes: a `SetBatch` with elements ``(N, width)`` to one with the same layout.

    Args:
        width: D, number of features.
        statistics: L, the axes that keep statistics of their own, letters out of B (set), S (element of the set)
            and D (feature): ``"B"`` is set norm, ``"D"`` feature norm, ``"BS"`` layer norm, ``""`` one statistic for
            the batch, ``"BD"`` one per set and feature.
        parameters: M, the axes that keep parameters of their own; only ``"D"`` is allowed.
        eps: added to the variance, dimensionless, at least zero.
        running: keep running statistics in training and use them in evaluation; needs an L without B.
        weighting: how sets of different sizes count for L = {D}: ``"element"`` weighs every element alike,
            ``"set"`` averages the means and variances of the sets.
        momentum: weight of the newest batch in the running statistics, in (0, 1].

    Raises:
        InputError: an L or M that Proposition 1 rules out, with the reason.

    Source: Zhang et al. 2022, arXiv 2206.11925, section 4 and Proposition 1.

    Example:
        >>> norm = Normalisation(3, statistics="B")
        >>> norm(SetBatch.from_list([torch.rand(4, 3), torch.rand(1, 3)])).elements.shape
        torch.Size([5, 3])
    """

    running_mean: Tensor | None
    running_var: Tensor | None

    def __init__(
        self,
        width: int,
        *,
        statistics: str,
        parameters: str = "D",
        eps: float = 1e-5,
        running: bool = False,
        weighting: str = "element",
        momentum: float = 0.1,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(width=width, momentum=momentum)
        statistics = _checked_statistics(statistics)
        _check_parameters(parameters)
        check_choice("weighting", weighting, ("element", "set"))
        if eps < 0:
            raise InputError(f"eps must be at least zero; got {eps}.")
        if running and "B" in statistics:
            raise InputError("running statistics need an L without B: with B every set has its own. Use running=False.")
        if weighting == "set" and statistics != "D":
            raise InputError(f"weighting='set' is defined for statistics='D'; got statistics={statistics!r}.")
        super().__init__()
        self.width, self.statistics, self.eps = width, statistics, eps
        self.running, self.weighting, self.momentum = running, weighting, momentum
        self.weight = nn.Parameter(torch.empty(width, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(width, device=device, dtype=dtype))
        kept = (width if statistics == "D" else 1,) if running else None
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, None if kept is None else torch.empty(kept, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set scale and running variance to one, shift and running mean to zero."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)
        if self.running_mean is not None and self.running_var is not None:
            nn.init.zeros_(self.running_mean)
            nn.init.ones_(self.running_var)

    def forward(self, batch: SetBatch) -> SetBatch:
        x, layout, affine = batch.elements, batch.layout, (self.weight, self.bias)
        if not self.running:
            choices = {"statistics": self.statistics, "weighting": self.weighting}
            return batch.with_elements(normalise(x, layout, *affine, **choices, eps=self.eps))
        assert self.running_mean is not None
        assert self.running_var is not None
        if not self.training:
            running = {"mean": self.running_mean, "variance": self.running_var}
            return batch.with_elements(normalise_by(x, *affine, **running, eps=self.eps))
        y, mean, variance = normalise_and_measure(
            x, layout, *affine, statistics=self.statistics, weighting=self.weighting, eps=self.eps
        )
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
        return batch.with_elements(y)

    def crosses_sets(self) -> bool:
        return "B" not in self.statistics

    def on_rows(self, rows: Rows) -> Function:
        if self._treats_elements_alone():
            return rowwise(self)
        moments = rows.moments(per_feature="D" in self.statistics)
        # The mean in two parts, the rounded one subtracted first: exact however far the rows lie from zero.
        dtype = torch.float64 if self.weight.dtype == torch.float64 else torch.float32
        mean, scale = moments.mean.to(dtype), self.weight.double() * (moments.variance + self.eps).rsqrt()
        shift = (self.bias.double() - (moments.mean - mean.double()) * scale).to(dtype)
        scale = scale.to(dtype)
        return lambda rows: torch.addcmul(shift, rows - mean, scale).to(rows.dtype)

    def ties(self) -> tuple[str, ...]:
        if self._treats_elements_alone():
            return ()
        return ({"B": "set norm", "BD": "statistics of the set"}.get(self.statistics, "statistics of the batch"),)

    def _treats_elements_alone(self) -> bool:
        """Return whether no element looks at another in evaluation."""
        return self.running or self.statistics == "BS"

    def extra_repr(self) -> str:
        letters = ", ".join(self.statistics)
        text = f"{self.width}, statistics per {{{letters}}}, eps={self.eps}"
        if self.statistics == "D":
            text += f", running={self.running}, weighting={self.weighting!r}"
        return text


def _checked_statistics(statistics: str) -> str:
    if not isinstance(statistics, str) or len(set(statistics)) != len(statistics) or not set(statistics) <= set(_AXES):
        raise InputError(f"statistics must be letters out of B, S, D, each at most once; got {statistics!r}.")
    ordered = "".join(axis for axis in _AXES if axis in statistics)
    if ordered in ("S", "SD"):
        raise InputError(
            f"statistics per {{{', '.join(ordered)}}} are not equivariant (Proposition 1): they tie an element to its "
            "position in other sets. Use B, D, BS, BD or the empty string."
        )
    if ordered == "BSD":
        raise InputError(
            "statistics per {B, S, D} would make every number its own mean, and every output zero. "
            "Use B, D, BS, BD or the empty string."
        )
    return ordered


def _check_parameters(parameters: str) -> None:
    if parameters == "D":
        return
    if not isinstance(parameters, str) or not set(parameters) <= set(_AXES):
        raise InputError(f"parameters must be 'D'; got {parameters!r}.")
    if "S" in parameters:
        reason = "parameters per element tie an element to its position in the set, so the norm is not equivariant"
    elif "B" in parameters:
        reason = "parameters per set tie a set to its position in the batch"
    else:
        reason = "a single scale and shift cannot tell the features apart"
    raise InputError(f"parameters must be 'D', a scale and shift per feature; got {parameters!r}: {reason}.")
