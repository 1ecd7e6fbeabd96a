"""Scaled dot product attention within each set: keys of other sets never take part."""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from setwise.batch import SetLayout
from setwise.ops.across_processes import attention_across_processes
from setwise.ops.gpu_attention import gpu_attention
from setwise.parallel import ShardedLayout

# Attention weights that the backward pass holds at once (elements of a tensor): 64 MiB in float32.
_WEIGHTS_AT_ONCE = 2**24
# Sets are padded to a common size inside the kernel only while that at most doubles their elements.
_PADDING_LIMIT = 2


def set_attention(
    q: Tensor, k: Tensor, v: Tensor, queries: SetLayout, keys: SetLayout, *, heads: int, scale: float
) -> Tensor:
    """Compute softmax(scale q k') v within each set and head; equivariant in the queries, invariant in the keys.

    Args:
        q: ``(Nq, W)`` queries of B sets; head h is features ``h * W / heads`` and on.
        k: ``(Nk, W)`` keys of the same B sets, in the same order.
        v: ``(Nk, W)`` values.
        queries: layout of the queries.
        keys: layout of the keys.
        heads: H, divides W.
        scale: factor of the logits.

    Returns:
        ``(Nq, W)``, with the layout of the queries.
    """
    if queries.set_size is not None and keys.set_size is not None:
        return _attend(
            q.view(queries.num_sets, queries.set_size, heads, -1),
            k.view(keys.num_sets, keys.set_size, heads, -1),
            v.view(keys.num_sets, keys.set_size, heads, -1),
            scale=scale,
        )
    if isinstance(queries, ShardedLayout) or isinstance(keys, ShardedLayout):
        return attention_across_processes(q, k, v, queries, keys, heads=heads, scale=scale)
    if torch.compiler.is_exporting():  # without a loop over the sets, which other runtimes do not have
        return _padded_attention(q, k, v, queries, keys, heads=heads, scale=scale)
    attended = gpu_attention(q, k, v, queries, keys, heads=heads, scale=scale) if q.is_cuda else None
    if attended is not None:
        return attended
    return torch.ops.setwise.ragged_attention(q, k, v, queries.offsets, keys.offsets, heads, scale)


def _attend(q: Tensor, k: Tensor, v: Tensor, *, scale: float) -> Tensor:
    """Attend from queries, keys and values ``(B, S, H, W / H)`` to packed ``(B * S, W)``."""
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    y = F.scaled_dot_product_attention(q, k, v, scale=scale)
    return y.transpose(1, 2).flatten(2).flatten(0, 1)


def _padded_attention(
    q: Tensor, k: Tensor, v: Tensor, queries: SetLayout, keys: SetLayout, *, heads: int, scale: float
) -> Tensor:
    """Attend with all sets padded to the largest of the batch, by operators that exported programs have."""
    sets, width = queries.num_sets, q.shape[1]
    q_rows, q_size, _ = _padded_rows(queries)
    k_rows, k_size, real = _padded_rows(keys)

    def pad(x: Tensor, rows: Tensor, size: int) -> Tensor:
        padded = x.new_zeros(sets * size, width).index_copy(0, rows, x)
        return padded.view(sets, size, heads, width // heads).transpose(1, 2)

    logits = scale * pad(q, q_rows, q_size) @ pad(k, k_rows, k_size).transpose(2, 3)
    weights = logits.masked_fill(~real[:, None, None], -torch.inf).softmax(-1)
    y = (weights @ pad(v, k_rows, k_size)).transpose(1, 2).reshape(sets * q_size, width)
    return y.index_select(0, q_rows)


def _padded_rows(layout: SetLayout) -> tuple[Tensor, int, Tensor]:
    """Return the place of each element among padded sets ``(N,)``, their size S, and what of it is real ``(B, S)``."""
    size = layout.set_size
    if size is None:
        size = cast(int, layout.sizes.max().item())  # a symbol while a program is exported, which int() would look into
        torch._check(size >= 1)
    return (
        layout.set_index * size + layout.within,
        size,
        torch.arange(size, device=layout.device) < layout.sizes[:, None],
    )


class _Padding:
    """Some sets of a packed tensor as a padded ``(G, H, S, W / H)`` tensor, zeros after each set, and back."""

    def __init__(self, starts: list[int], sizes: list[int], device: torch.device):
        longest = max(sizes)
        self.shape = (len(sizes), longest)
        within = torch.arange(longest, device=device)
        size = torch.tensor(sizes, device=device)[:, None]
        self.real = None if min(sizes) == longest else within < size
        # Rows of the packed tensor (G, S), the last one again in the padding; a slice for a set that is alone.
        self.rows = torch.tensor(starts, device=device)[:, None] + torch.minimum(within, size - 1)
        self.index = slice(starts[0], starts[0] + longest) if len(sizes) == 1 else self.rows

    def bias(self, like: Tensor) -> Tensor | None:
        """Return a bias ``(G, 1, 1, S)`` for the logits that leaves padded keys out, or none without padding."""
        if self.real is None:
            return None
        return torch.zeros_like(self.real, dtype=like.dtype).masked_fill(~self.real, -torch.inf)[:, None, None]

    def pad(self, x: Tensor, heads: int) -> Tensor:
        x = x[self.index].view(*self.shape, heads, -1)
        return (x if self.real is None else x * self.real[:, :, None, None]).transpose(1, 2)

    def unpad(self, y: Tensor, out: Tensor) -> None:
        y = y.transpose(1, 2).flatten(2)
        if self.real is None:
            out[self.index] = y.view_as(out[self.index])
        else:
            out[self.rows[self.real]] = y[self.real]


def _groups(q_offsets: Tensor, k_offsets: Tensor) -> Iterator[tuple[_Padding, _Padding]]:
    """Put sets of similar sizes together; a set that is like no other stays alone and is not copied."""
    q_starts, k_starts = q_offsets.tolist(), k_offsets.tolist()
    q_sizes, k_sizes = q_offsets.diff().tolist(), k_offsets.diff().tolist()

    def wasteful(members: list[int]) -> bool:
        return any(
            max(sizes[i] for i in members) * len(members) > _PADDING_LIMIT * sum(sizes[i] for i in members)
            for sizes in (q_sizes, k_sizes)
        )

    groups: list[list[int]] = []
    for i in sorted(range(len(k_sizes)), key=lambda i: (k_sizes[i], q_sizes[i])):
        if groups and not wasteful([*groups[-1], i]):
            groups[-1].append(i)
        else:
            groups.append([i])
    for members in groups:
        yield (
            _Padding([q_starts[i] for i in members], [q_sizes[i] for i in members], q_offsets.device),
            _Padding([k_starts[i] for i in members], [k_sizes[i] for i in members], k_offsets.device),
        )


@torch.library.custom_op("setwise::ragged_attention", mutates_args=())
def _ragged_attention(
    q: Tensor, k: Tensor, v: Tensor, q_offsets: Tensor, k_offsets: Tensor, heads: int, scale: float
) -> Tensor:
    out = torch.empty_like(q)
    for queries, keys in _groups(q_offsets, k_offsets):
        qs, ks, vs = queries.pad(q, heads), keys.pad(k, heads), keys.pad(v, heads)
        queries.unpad(F.scaled_dot_product_attention(qs, ks, vs, attn_mask=keys.bias(q), scale=scale), out)
    return out


@torch.library.custom_op("setwise::ragged_attention_backward", mutates_args=())
def _ragged_attention_backward(
    grad: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    q_offsets: Tensor,
    k_offsets: Tensor,
    heads: int,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the plain formula, with the weights recomputed, some queries at a time."""
    dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
    for queries, keys in _groups(q_offsets, k_offsets):
        qs, gs, ks, vs = (*(queries.pad(x, heads) for x in (q, grad)), *(keys.pad(x, heads) for x in (k, v)))
        bias = keys.bias(q)
        step = max(1, _WEIGHTS_AT_ONCE // (qs.shape[0] * heads * ks.shape[2]))
        dqs, dks, dvs = torch.empty_like(qs), torch.zeros_like(ks), torch.zeros_like(vs)
        for start in range(0, qs.shape[2], step):
            part = slice(start, start + step)
            logits = scale * qs[:, :, part] @ ks.transpose(2, 3)
            weights = (logits if bias is None else logits + bias).softmax(-1)
            dvs += weights.transpose(2, 3) @ gs[:, :, part]
            dweights = gs[:, :, part] @ vs.transpose(2, 3)
            dlogits = scale * weights * (dweights - (dweights * weights).sum(-1, keepdim=True))
            dqs[:, :, part] = dlogits @ ks
            dks += dlogits.transpose(2, 3) @ qs[:, :, part]
        queries.unpad(dqs, dq)
        keys.unpad(dks, dk)
        keys.unpad(dvs, dv)
    return dq, dk, dv


@_ragged_attention.register_fake
def _(q, k, v, q_offsets, k_offsets, heads, scale):
    return torch.empty_like(q)


@_ragged_attention_backward.register_fake
def _(grad, q, k, v, q_offsets, k_offsets, heads, scale):
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def _context(ctx, inputs, output) -> None:
    *tensors, ctx.heads, ctx.scale = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx, grad):
    grads = torch.ops.setwise.ragged_attention_backward(grad, *ctx.saved_tensors, ctx.heads, ctx.scale)
    return *grads, None, None, None, None


_ragged_attention.register_autograd(_backward, setup_context=_context)
