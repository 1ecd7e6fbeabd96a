"""The population standard deviation over the elements of a set."""

from torch import Tensor

from setwise.batch import SetLayout
from setwise.layers.poolings.reduction import Reduction
from setwise.ops import set_std
from setwise.streaming.rows import Rows

_EPS = 1e-5  # added to the variance, so that sets of one element have a gradient


class StandardDeviation(Reduction):
    """sqrt(variance + 1e-5) of each feature; without element j, from sums of the centred elements and their squares."""

    def reduce(self, x: Tensor, layout: SetLayout) -> Tensor:
        return set_std(x, layout, _EPS)

    def grows_with_size(self) -> bool:
        return False

    def stream(self, rows: Rows) -> Tensor:
        moments = rows.moments(per_feature=True)
        return self.of(moments.variance).to(moments.dtype)

    def of(self, variance: Tensor) -> Tensor:
        """Return the standard deviation of a population variance."""
        return (variance + _EPS).sqrt()

    def without_each(self, encoded: Tensor, rows: Tensor) -> Tensor:
        rest = len(encoded) - 1
        centred = encoded - encoded.mean(0)
        own = centred[rows]
        mean = (centred.sum(0) - own) / rest
        variance = (centred.square().sum(0) - own.square()) / rest - mean.square()
        return self.of(variance.clamp_min(0))
