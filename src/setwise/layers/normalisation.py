"""Normalisations of sets: statistics per L, parameters per M, the framework of the paper."""

import torch
from torch import Tensor, nn

from setwise._checks import InputError, check_choice, check_positive
from setwise.batch import SetBatch
from setwise.ops import set_norm, standardise
from setwise.ops.reduce import widened
from setwise.ops.standardise import standardise_features
from setwise.parallel import elements_everywhere

_AXES = "BSD"
_STATISTICS = ("", "B", "D", "BS", "BD")


class Normalisation(nn.Module):
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
        """Scale one, shift zero, running mean zero, running variance one."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)
        if self.running_mean is not None and self.running_var is not None:
            nn.init.zeros_(self.running_mean)
            nn.init.ones_(self.running_var)

    def forward(self, batch: SetBatch) -> SetBatch:
        x = batch.elements
        if self.statistics == "B":
            return batch.with_elements(set_norm(x, batch.layout, self.weight, self.bias, eps=self.eps))
        if self.running:
            y = self._standardise_running(batch)
        elif self.weighting == "set":
            y, _, _ = standardise_features(widened(x), batch.layout, weighting="set", eps=self.eps)
        else:
            y = standardise(x, batch.layout, statistics=self.statistics, eps=self.eps)
        return batch.with_elements(torch.addcmul(self.bias, y, self.weight).to(x.dtype))

    def _standardise_running(self, batch: SetBatch) -> Tensor:
        assert self.running_mean is not None
        assert self.running_var is not None
        x = widened(batch.elements)
        if not self.training:
            return (x - self.running_mean) * (self.running_var + self.eps).rsqrt()
        if self.statistics == "D":
            y, mean, variance = standardise_features(x, batch.layout, weighting=self.weighting, eps=self.eps)
            count = elements_everywhere(batch.layout)
        else:
            y = standardise(x, batch.layout, statistics="", eps=self.eps)
            _, means, variances = standardise_features(x, batch.layout, weighting="element", eps=self.eps)
            mean, variance = means.mean(), variances.mean() + means.var(correction=0)
            count = elements_everywhere(batch.layout) * x.shape[1]
        with torch.no_grad():  # the unbiased variance, as torch's batch norm keeps it
            unbiased = variance * (count / max(count - 1, 1))
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)
        return y

    def extra_repr(self) -> str:
        letters = ", ".join(self.statistics)
        text = f"{self.width}, statistics per {{{letters}}}, eps={self.eps}"
        if self.statistics == "D":
            text += f", running={self.running}, weighting={self.weighting!r}"
        return text


class SetNorm(Normalisation):
    """Set norm, L = {B}: one mean and one standard deviation per set, a scale and a shift per feature; equivariant.

    Of all norms that act on each set by itself it removes least: exactly two numbers per set.

    Source: Zhang et al. 2022, arXiv 2206.11925, equation 8.
    """

    def __init__(
        self,
        width: int,
        *,
        eps: float = 1e-5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(width, statistics="B", eps=eps, device=device, dtype=dtype)


class LayerNorm(Normalisation):
    """Layer norm, L = {B, S}: statistics per element over its features; equivariant.

    Source: Ba, Kiros, Hinton 2016, arXiv 1607.06450; in the framework of Zhang et al. 2022, arXiv 2206.11925.
    """

    def __init__(
        self,
        width: int,
        *,
        eps: float = 1e-5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(width, statistics="BS", eps=eps, device=device, dtype=dtype)


class FeatureNorm(Normalisation):
    """Feature norm, L = {D}: statistics per feature over all elements of the batch; equivariant.

    It is batch norm with every element a sample. A set's output depends on its companions while batch statistics
    are used: in training always, in evaluation where ``running`` is false.

    Args:
        width: D, number of features.
        running: use running statistics in evaluation (the paper's text); false uses the batch's own (the authors'
            masked variants).
        weighting: ``"element"`` weighs every element alike, ``"set"`` every set.
        momentum: weight of the newest batch in the running statistics, in (0, 1].
        eps: added to the variance.

    Source: Ioffe and Szegedy 2015, arXiv 1502.03167; in the framework of Zhang et al. 2022, arXiv 2206.11925.
    """

    def __init__(
        self,
        width: int,
        *,
        running: bool = True,
        weighting: str = "element",
        momentum: float = 0.1,
        eps: float = 1e-5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(
            width,
            statistics="D",
            eps=eps,
            running=running,
            weighting=weighting,
            momentum=momentum,
            device=device,
            dtype=dtype,
        )


NORMS = ("none", "set", "layer", "feature", "feature-by-element", "feature-by-set")


def make_norm(
    norm: str, width: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> nn.Module:
    """The norm that a word names.

    "none" leaves elements as they are; "feature" keeps running statistics for evaluation; "feature-by-element" and
    "feature-by-set" always use the batch's own and weigh every element or every set alike.
    """
    check_choice("norm", norm, NORMS)
    match norm:
        case "none":
            return nn.Identity()
        case "set":
            return SetNorm(width, device=device, dtype=dtype)
        case "layer":
            return LayerNorm(width, device=device, dtype=dtype)
        case "feature":
            return FeatureNorm(width, device=device, dtype=dtype)
    weighting = norm.removeprefix("feature-by-")
    return FeatureNorm(width, running=False, weighting=weighting, device=device, dtype=dtype)


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
