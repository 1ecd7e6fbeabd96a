"""Set norm and ReLU as Triton kernels for GPUs (the extra ``gpu``); `triton_norm` launches them.

A set is cut into chunks of at most ROWS rows, one program each, which holds its chunk in registers. Moments of a chunk
are taken about its own mean, and those of a set are put together from its chunks in float64, in their order: exact to
rounding however far the elements lie from zero, the same bits each time (no atomic additions), and no set is too large.

How chunks lie in the grid (MODE):

- "whole": set p is program p's, all of it;
- "dense": all sets have ``largest`` rows, and so equally many chunks;
- "ragged": set i begins at chunk ``offsets[i] // ROWS + i``, which leaves it enough chunks whatever the sizes are (at
  times one more, which stays empty), so that the grid's size, N // ROWS + B, needs no look at them.
"""

import triton  # pyright: ignore[reportMissingImports] an extra
import triton.language as tl  # pyright: ignore[reportMissingImports]


@triton.jit
def _first_chunk(offsets, i, largest, ROWS: tl.constexpr, MODE: tl.constexpr):  # noqa: N803 - as Triton names constants
    if MODE == "whole":
        return i.to(tl.int64)
    if MODE == "dense":
        return i.to(tl.int64) * ((largest + ROWS - 1) // ROWS)
    return tl.load(offsets + i) // ROWS + i


@triton.jit
def _set_of(p, offsets, sets, largest, steps, ROWS: tl.constexpr, MODE: tl.constexpr):  # noqa: N803
    """Return the set of chunk p: the last one that begins at p or before, by bisection in ``steps`` steps."""
    if MODE == "whole":
        return p
    if MODE == "dense":
        return p // ((largest + ROWS - 1) // ROWS)
    i = p * 0
    for step in range(steps):
        candidate = i + (1 << (steps - 1 - step))
        inside = candidate < sets
        begins = tl.load(offsets + candidate, mask=inside, other=0) // ROWS + candidate
        i = tl.where(inside & (begins <= p), candidate, i)
    return i


@triton.jit
def _rows_of(i, offsets, largest, MODE: tl.constexpr):  # noqa: N803
    """Return rows ``[start, stop)`` of set i."""
    if MODE == "dense":
        start = i.to(tl.int64) * largest
        return start, start + largest
    return tl.load(offsets + i), tl.load(offsets + i + 1)


@triton.jit
def _chunk(offsets, sets, largest, steps, ROWS: tl.constexpr, MODE: tl.constexpr):  # noqa: N803
    """Return this program's set, its rows ``[start, stop)``; none where the chunk is empty."""
    p = tl.program_id(0)
    i = _set_of(p, offsets, sets, largest, steps, ROWS, MODE)
    start, stop = _rows_of(i, offsets, largest, MODE)
    start += (p - _first_chunk(offsets, i, largest, ROWS, MODE)) * ROWS
    return i, start, tl.minimum(stop, start + ROWS)


@triton.jit
def _places(start, stop, WIDTH: tl.constexpr, COLS: tl.constexpr, ROWS: tl.constexpr):  # noqa: N803
    """Return the places of the numbers of rows ``[start, stop)``, ``(ROWS, COLS)``, and which of them there are."""
    rows, columns = start + tl.arange(0, ROWS), tl.arange(0, COLS)
    return rows[:, None] * WIDTH + columns[None, :], (rows < stop)[:, None] & (columns < WIDTH)[None, :]


@triton.jit
def _parameters(weight, bias, WIDTH: tl.constexpr, COLS: tl.constexpr):  # noqa: N803
    columns = tl.arange(0, COLS)
    w = tl.load(weight + columns, mask=columns < WIDTH, other=0).to(tl.float32)
    b = tl.load(bias + columns, mask=columns < WIDTH, other=0).to(tl.float32)
    return w[None, :], b[None, :]


@triton.jit
def _moments(x, real, count):
    """Return a shift, the mean about it, and the sum of squares about the mean, of the numbers that are real."""
    shift = tl.sum(x) / count
    d = tl.where(real, x - shift, 0.0)
    mean = tl.sum(d) / count
    d = tl.where(real, d - mean, 0.0)
    return shift, mean, tl.sum(d * d)


@triton.jit
def _standardised(x, stats, i):
    shift, mean, rstd = tl.load(stats + 3 * i), tl.load(stats + 3 * i + 1), tl.load(stats + 3 * i + 2)
    return ((x - shift) - mean) * rstd


@triton.jit
def _activated(y, w, b, RELU: tl.constexpr):  # noqa: N803
    z = y * w + b
    if RELU:
        z = tl.where(z <= 0, 0.0, z)  # NaN stays NaN, so that a fit that diverged is noticed
    return z


@triton.jit(do_not_specialize=["sets", "largest", "steps"])
def moments(
    x, offsets, partial, sets, largest, steps,
    WIDTH: tl.constexpr, COLS: tl.constexpr, ROWS: tl.constexpr, MODE: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Write `_moments` of every chunk into ``partial (chunks, 3)``."""
    _, start, stop = _chunk(offsets, sets, largest, steps, ROWS, MODE)
    if start < stop:
        at, real = _places(start, stop, WIDTH, COLS, ROWS)
        values = tl.load(x + at, mask=real, other=0).to(tl.float32)
        shift, mean, squares = _moments(values, real, ((stop - start) * WIDTH).to(tl.float32))
        to = partial + 3 * tl.program_id(0)
        tl.store(to, shift)
        tl.store(to + 1, mean)
        tl.store(to + 2, squares)


@triton.jit(do_not_specialize=["largest"])
def statistics(
    partial, offsets, stats, largest, eps,
    WIDTH: tl.constexpr, ROWS: tl.constexpr, MODE: tl.constexpr, AT_ONCE: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Put the moments of a set's chunks together: ``stats (B, 3)``, a shift, the mean about it, 1 / std."""
    i = tl.program_id(0)
    start, stop = _rows_of(i, offsets, largest, MODE)
    rows = stop - start
    chunks = (rows + ROWS - 1) // ROWS
    first = partial + 3 * _first_chunk(offsets, i, largest, ROWS, MODE)
    origin = tl.load(first).to(tl.float64)
    totals = tl.zeros((AT_ONCE,), tl.float64)
    for c in range(0, chunks, AT_ONCE):
        k = c + tl.arange(0, AT_ONCE)
        count = (tl.minimum(rows - k * ROWS, ROWS) * WIDTH).to(tl.float64)
        shift = tl.load(first + 3 * k, mask=k < chunks, other=0).to(tl.float64)
        mean = tl.load(first + 3 * k + 1, mask=k < chunks, other=0).to(tl.float64)
        totals += tl.where(k < chunks, count * ((shift - origin) + mean), 0.0)
    centre = tl.sum(totals) / (rows * WIDTH).to(tl.float64)
    totals = tl.zeros((AT_ONCE,), tl.float64)
    for c in range(0, chunks, AT_ONCE):
        k = c + tl.arange(0, AT_ONCE)
        count = (tl.minimum(rows - k * ROWS, ROWS) * WIDTH).to(tl.float64)
        shift = tl.load(first + 3 * k, mask=k < chunks, other=0).to(tl.float64)
        mean = tl.load(first + 3 * k + 1, mask=k < chunks, other=0).to(tl.float64)
        squares = tl.load(first + 3 * k + 2, mask=k < chunks, other=0).to(tl.float64)
        off = ((shift - origin) + mean) - centre
        totals += tl.where(k < chunks, squares + count * off * off, 0.0)
    variance = tl.sum(totals) / (rows * WIDTH).to(tl.float64)
    middle = origin + centre
    shift = middle.to(tl.float32)
    tl.store(stats + 3 * i, shift)
    tl.store(stats + 3 * i + 1, (middle - shift.to(tl.float64)).to(tl.float32))
    tl.store(stats + 3 * i + 2, (1.0 / tl.sqrt(variance + eps)).to(tl.float32))


@triton.jit(do_not_specialize=["sets", "largest", "steps"])
def transform(
    x, offsets, weight, bias, stats, out, sets, largest, steps,
    RELU: tl.constexpr, WIDTH: tl.constexpr, COLS: tl.constexpr, ROWS: tl.constexpr, MODE: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Compute set norm, and ReLU where RELU, with its statistics given."""
    i, start, stop = _chunk(offsets, sets, largest, steps, ROWS, MODE)
    at, real = _places(start, stop, WIDTH, COLS, ROWS)
    w, b = _parameters(weight, bias, WIDTH, COLS)
    y = _standardised(tl.load(x + at, mask=real, other=0).to(tl.float32), stats, i)
    tl.store(out + at, _activated(y, w, b, RELU), mask=real)


@triton.jit
def whole(
    x, offsets, weight, bias, stats, out, eps,
    RELU: tl.constexpr, WIDTH: tl.constexpr, COLS: tl.constexpr, ROWS: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Compute statistics and result at once, where every set is one chunk."""
    i = tl.program_id(0)
    start, stop = _rows_of(i, offsets, 0, "whole")
    at, real = _places(start, stop, WIDTH, COLS, ROWS)
    w, b = _parameters(weight, bias, WIDTH, COLS)
    values = tl.load(x + at, mask=real, other=0).to(tl.float32)
    count = ((stop - start) * WIDTH).to(tl.float32)
    shift, mean, squares = _moments(values, real, count)
    rstd = 1.0 / tl.sqrt_rn(squares / count + eps)
    tl.store(stats + 3 * i, shift)
    tl.store(stats + 3 * i + 1, mean)
    tl.store(stats + 3 * i + 2, rstd)
    tl.store(out + at, _activated(((values - shift) - mean) * rstd, w, b, RELU), mask=real)


@triton.jit
def _flowing(grad, x, at, real, stats, i, w, b, RELU: tl.constexpr):  # noqa: N803
    """Return the standardised elements, and the gradient that ReLU lets through."""
    y = _standardised(tl.load(x + at, mask=real, other=0).to(tl.float32), stats, i)
    g = tl.load(grad + at, mask=real, other=0).to(tl.float32)
    if RELU:
        g = tl.where(y * w + b <= 0, 0.0, g)
    return y, g


@triton.jit
def _keep_sums(sums, y, g, WIDTH: tl.constexpr, COLS: tl.constexpr):  # noqa: N803
    """Write this chunk's gradients by weight and bias into ``sums (chunks, 2, WIDTH)``, and return them."""
    columns = tl.arange(0, COLS)
    of_weight, of_bias = tl.sum(g * y, axis=0), tl.sum(g, axis=0)
    to = sums + tl.program_id(0).to(tl.int64) * 2 * WIDTH + columns
    tl.store(to, of_weight, mask=columns < WIDTH)
    tl.store(to + WIDTH, of_bias, mask=columns < WIDTH)
    return of_weight[None, :], of_bias[None, :]


@triton.jit
def _pulled_back(y, g, w, along, onto, stats, i):
    """Compute (g weight - mean(g weight) - y mean(g weight y)) / std."""
    return tl.load(stats + 3 * i + 2) * ((g * w - along) - y * onto)


@triton.jit(do_not_specialize=["sets", "largest", "steps"])
def sums_of_chunks(
    grad, x, offsets, weight, bias, stats, activated, sums, partial, sets, largest, steps,
    RELU: tl.constexpr, ACTIVATED: tl.constexpr,  # noqa: N803
    WIDTH: tl.constexpr, COLS: tl.constexpr, ROWS: tl.constexpr, MODE: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Write gradients by weight and bias of chunks into ``sums``, what they add to its set's means into ``partial``.

    Where ACTIVATED, what `transform` computes is written as well, since all of it is at hand.
    """
    i, start, stop = _chunk(offsets, sets, largest, steps, ROWS, MODE)
    at, real = _places(start, stop, WIDTH, COLS, ROWS)
    w, b = _parameters(weight, bias, WIDTH, COLS)
    y, g = _flowing(grad, x, at, real, stats, i, w, b, RELU)
    if ACTIVATED:
        tl.store(activated + at, _activated(y, w, b, RELU), mask=real)
    of_weight, of_bias = _keep_sums(sums, y, g, WIDTH, COLS)
    to = partial + 2 * tl.program_id(0)
    tl.store(to, tl.sum(w * of_bias))
    tl.store(to + 1, tl.sum(w * of_weight))


@triton.jit(do_not_specialize=["largest"])
def means_of_sets(
    partial, offsets, means, largest,
    WIDTH: tl.constexpr, ROWS: tl.constexpr, MODE: tl.constexpr, AT_ONCE: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Compute means over each set of the gradient and of its product with the result, ``(B, 2)``, from its chunks."""
    i = tl.program_id(0)
    start, stop = _rows_of(i, offsets, largest, MODE)
    chunks = (stop - start + ROWS - 1) // ROWS
    first = partial + 2 * _first_chunk(offsets, i, largest, ROWS, MODE)
    along, onto = tl.zeros((AT_ONCE,), tl.float64), tl.zeros((AT_ONCE,), tl.float64)
    for c in range(0, chunks, AT_ONCE):
        k = c + tl.arange(0, AT_ONCE)
        along += tl.load(first + 2 * k, mask=k < chunks, other=0).to(tl.float64)
        onto += tl.load(first + 2 * k + 1, mask=k < chunks, other=0).to(tl.float64)
    count = ((stop - start) * WIDTH).to(tl.float64)
    tl.store(means + 2 * i, (tl.sum(along) / count).to(tl.float32))
    tl.store(means + 2 * i + 1, (tl.sum(onto) / count).to(tl.float32))


@triton.jit(do_not_specialize=["sets", "largest", "steps"])
def pull_back(
    grad, x, offsets, weight, bias, stats, means, residual, out, sets, largest, steps,
    RELU: tl.constexpr, RESIDUAL: tl.constexpr,  # noqa: N803
    WIDTH: tl.constexpr, COLS: tl.constexpr, ROWS: tl.constexpr, MODE: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Compute the gradient by the elements; ``out`` may be ``grad`` itself. The residual's is added where RESIDUAL."""
    i, start, stop = _chunk(offsets, sets, largest, steps, ROWS, MODE)
    at, real = _places(start, stop, WIDTH, COLS, ROWS)
    w, b = _parameters(weight, bias, WIDTH, COLS)
    y, g = _flowing(grad, x, at, real, stats, i, w, b, RELU)
    of_x = _pulled_back(y, g, w, tl.load(means + 2 * i), tl.load(means + 2 * i + 1), stats, i)
    if RESIDUAL:
        of_x += tl.load(residual + at, mask=real, other=0).to(tl.float32)
    tl.store(out + at, of_x, mask=real)


@triton.jit
def whole_backward(
    grad, x, offsets, weight, bias, stats, activated, residual, out, sums,
    RELU: tl.constexpr, ACTIVATED: tl.constexpr, RESIDUAL: tl.constexpr,  # noqa: N803
    WIDTH: tl.constexpr, COLS: tl.constexpr, ROWS: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Do `sums_of_chunks`, `means_of_sets` and `pull_back` at once, where every set is one chunk."""
    i = tl.program_id(0)
    start, stop = _rows_of(i, offsets, 0, "whole")
    at, real = _places(start, stop, WIDTH, COLS, ROWS)
    w, b = _parameters(weight, bias, WIDTH, COLS)
    y, g = _flowing(grad, x, at, real, stats, i, w, b, RELU)
    if ACTIVATED:
        tl.store(activated + at, _activated(y, w, b, RELU), mask=real)
    of_weight, of_bias = _keep_sums(sums, y, g, WIDTH, COLS)
    count = ((stop - start) * WIDTH).to(tl.float32)
    of_x = _pulled_back(y, g, w, tl.sum(w * of_bias) / count, tl.sum(w * of_weight) / count, stats, i)
    if RESIDUAL:
        of_x += tl.load(residual + at, mask=real, other=0).to(tl.float32)
    tl.store(out + at, of_x, mask=real)
