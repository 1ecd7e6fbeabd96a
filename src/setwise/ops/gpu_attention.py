"""Attention within sets of any sizes on a GPU, without a look at the sizes: the host never waits for the device.

Flash attention takes packed sets as they are, in bfloat16 and float16. Other dtypes are padded to the largest set, a
host value of the layout, while that leaves the tensors at most `_PADDING_LIMIT` times as large.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from setwise.batch import SetLayout

_PADDING_LIMIT = 8
_ALIGNED = 8  # keys in a row of a mask, as torch's kernels want them
_WIDEST_HEAD = 256


def gpu_attention(
    q: Tensor, k: Tensor, v: Tensor, queries: SetLayout, keys: SetLayout, *, heads: int, scale: float
) -> Tensor | None:
    """Compute what `setwise.ops.set_attention` does; none where neither way serves."""
    if not (queries.largest and keys.largest):
        return None
    if _flash_serves(q, heads):
        return _flash(q, k, v, queries, keys, heads=heads, scale=scale)
    if all(x.num_sets * x.largest <= _PADDING_LIMIT * x.num_elements for x in (queries, keys)):
        return padded_attention(q, k, v, queries, keys, heads=heads, scale=scale)
    return None


def _flash_serves(q: Tensor, heads: int) -> bool:
    width = q.shape[1] // heads
    if q.dtype not in (torch.bfloat16, torch.float16) or width % 8 or width > _WIDEST_HEAD:
        return False
    from setwise.ops.gpu import is_modern  # it imports torch's compiler, seconds that CPUs do not wait for

    return is_modern(q.device.index) and torch.backends.cuda.is_flash_attention_available()


def _flash(q: Tensor, k: Tensor, v: Tensor, queries: SetLayout, keys: SetLayout, *, heads: int, scale: float) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn  # takes two seconds, which the CPU need not spend

    q, k, v = (x.view(x.shape[0], heads, -1) for x in (q, k, v))
    bounds = queries.offsets.int(), keys.offsets.int()
    y = varlen_attn(q, k, v, *bounds, queries.largest, keys.largest, scale=scale)
    assert isinstance(y, Tensor)
    return y.flatten(1)


def padded_attention(
    q: Tensor, k: Tensor, v: Tensor, queries: SetLayout, keys: SetLayout, *, heads: int, scale: float
) -> Tensor:
    """Compute what `setwise.ops.set_attention` does, on tensors padded to the largest set; layouts must know it."""
    (q_slots, q_longest), (k_slots, k_longest) = _slots(queries), _slots(keys)

    def pad(x: Tensor, slots: Tensor, sets: int, longest: int) -> Tensor:
        padded = x.new_zeros(sets * longest, x.shape[1]).index_copy(0, slots, x)
        return padded.view(sets, longest, heads, -1).transpose(1, 2)

    y = F.scaled_dot_product_attention(
        pad(q, q_slots, queries.num_sets, q_longest),
        pad(k, k_slots, keys.num_sets, k_longest),
        pad(v, k_slots, keys.num_sets, k_longest),
        attn_mask=torch.arange(k_longest, device=q.device) < keys.sizes[:, None, None, None],
        scale=scale,
    )
    return y.transpose(1, 2).flatten(2).flatten(0, 1).index_select(0, q_slots)


def _slots(layout: SetLayout) -> tuple[Tensor, int]:
    """Return the place of each element in the padded tensor, sets one after the other, and the size of all of them."""
    longest = -(-layout.largest // _ALIGNED) * _ALIGNED
    return layout.set_index * longest + layout.within, longest
