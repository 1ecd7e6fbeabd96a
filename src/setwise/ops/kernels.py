"""Set norm and ReLU as compiled loops for the CPU (Numba, the extra ``fast``), one set after the other in cache.

Statistics are taken about a shift, the mean of the set's first element, and once more about the mean itself where that
element lies far from the rest: exact to rounding in float32 however far the elements lie from zero. Sums run in
float32 along a row and in float64 over rows. Long sets are cut into pieces that threads share.
"""

import numpy as np
from numba import njit, prange

_ROWS = 2048  # of a piece: 1 MiB at width 128, half of a core's cache
_CHUNKS = 64  # of pieces, for threads to take in turn
_ANY_ORDER = {"reassoc", "contract", "nsz"}  # of sums along a row
_IN_ORDER = {"contract", "nsz"}  # (x - shift) - mean must not become x - (shift + mean)


@njit(cache=True, nogil=True)
def _pieces(offsets):
    """Return rows ``[start, stop)`` of every piece and its set; a set of at most `_ROWS` elements is one piece."""
    count = 0
    for i in range(offsets.shape[0] - 1):
        count += max(1, -(-(offsets[i + 1] - offsets[i]) // _ROWS))
    pieces = np.empty((count, 3), np.int64)
    p = 0
    for i in range(offsets.shape[0] - 1):
        start = offsets[i]
        while start < offsets[i + 1]:
            pieces[p, 0], pieces[p, 1], pieces[p, 2] = start, min(start + _ROWS, offsets[i + 1]), i
            start += _ROWS
            p += 1
    return pieces


@njit(cache=True, nogil=True)
def _chunks(pieces, rows):
    """Return the first piece of each chunk; chunks have about the same number of rows."""
    bounds = np.empty(_CHUNKS + 1, np.int64)
    p = 0
    for chunk in range(_CHUNKS + 1):
        while p < pieces.shape[0] and pieces[p, 0] * _CHUNKS < rows * chunk:
            p += 1
        bounds[chunk] = p
    bounds[_CHUNKS] = pieces.shape[0]
    return bounds


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def _first(x, row):
    total = np.float32(0)
    for c in range(x.shape[1]):
        total += x[row, c]
    return np.float32(total / x.shape[1])


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def _moments(x, start, stop, shift):
    """Return sum and sum of squares of ``x - shift`` over some rows."""
    total, squares = 0.0, 0.0
    for r in range(start, stop):
        row_total, row_squares = np.float32(0), np.float32(0)
        for c in range(x.shape[1]):
            d = x[r, c] - shift
            row_total += d
            row_squares += d * d
        total += row_total
        squares += row_squares
    return total, squares


@njit(cache=True, nogil=True)
def _keep(stats, i, shift, total, squares, count, eps):
    """Write shift, mean about the shift and 1 / std of a set; false where the shift is too far from the mean."""
    mean = total / count
    variance = max(squares / count - mean * mean, 0.0)
    stats[i, 0], stats[i, 1], stats[i, 2] = shift, mean, 1.0 / np.sqrt(variance + eps)
    return mean * mean <= 16.0 * variance


@njit(cache=True, nogil=True)
def _standardise_set(x, start, stop, i, eps, stats):
    count = (stop - start) * x.shape[1]
    shift = _first(x, start)
    total, squares = _moments(x, start, stop, shift)
    if not _keep(stats, i, shift, total, squares, count, eps):
        shift = np.float32(shift + total / count)
        total, squares = _moments(x, start, stop, shift)
        _keep(stats, i, shift, total, squares, count, eps)


@njit(cache=True, nogil=True, parallel=True)
def _standardise_long_set(x, start, stop, i, eps, stats):
    count = (stop - start) * x.shape[1]
    pieces = -(-(stop - start) // _ROWS)
    partial = np.empty((pieces, 2), np.float64)
    shift = _first(x, start)
    for _ in range(2):
        for p in prange(pieces):
            a = start + p * _ROWS
            partial[p, 0], partial[p, 1] = _moments(x, a, min(a + _ROWS, stop), shift)
        total, squares = partial[:, 0].sum(), partial[:, 1].sum()
        if _keep(stats, i, shift, total, squares, count, eps):
            break
        shift = np.float32(shift + total / count)


@njit(cache=True, nogil=True, fastmath=_IN_ORDER)
def _transform(x, start, stop, stat, weight, bias, relu, out):
    shift, mean, rstd = stat[0], stat[1], stat[2]
    for r in range(start, stop):
        if relu:
            for c in range(x.shape[1]):
                out[r, c] = max(((x[r, c] - shift) - mean) * rstd * weight[c] + bias[c], np.float32(0))
        else:
            for c in range(x.shape[1]):
                out[r, c] = ((x[r, c] - shift) - mean) * rstd * weight[c] + bias[c]


@njit(cache=True, nogil=True, parallel=True)
def forward(x, offsets, weight, bias, eps, relu, out, stats):
    """Fill ``out (N, W)`` with set norm, and ReLU where ``relu``; ``stats (B, 3)`` with shift, mean, 1/std."""
    pieces = _pieces(offsets)
    bounds = _chunks(pieces, x.shape[0])
    for i in range(offsets.shape[0] - 1):
        if offsets[i + 1] - offsets[i] > _ROWS:
            _standardise_long_set(x, offsets[i], offsets[i + 1], i, eps, stats)
    for chunk in prange(_CHUNKS):
        for p in range(bounds[chunk], bounds[chunk + 1]):
            start, stop, i = pieces[p, 0], pieces[p, 1], pieces[p, 2]
            if start == offsets[i] and stop == offsets[i + 1]:
                _standardise_set(x, start, stop, i, eps, stats)
            _transform(x, start, stop, stats[i], weight, bias, relu, out)


@njit(cache=True, nogil=True, parallel=True)
def transform(x, offsets, weight, bias, stats, relu, out):
    """Compute what `forward` does, with its statistics given."""
    pieces = _pieces(offsets)
    bounds = _chunks(pieces, x.shape[0])
    for chunk in prange(_CHUNKS):
        for p in range(bounds[chunk], bounds[chunk + 1]):
            _transform(x, pieces[p, 0], pieces[p, 1], stats[pieces[p, 2]], weight, bias, relu, out)


@njit(cache=True, nogil=True, fastmath=_IN_ORDER)
def _sums(grad, x, start, stop, stat, weight, bias, relu, of_weight, of_bias):
    """Add the gradients of weight and bias of some rows to float32 vectors ``(W,)``."""
    shift, mean, rstd = stat[0], stat[1], stat[2]
    for r in range(start, stop):
        for c in range(x.shape[1]):
            y = ((x[r, c] - shift) - mean) * rstd
            g = grad[r, c]
            if relu and y * weight[c] + bias[c] <= 0:
                g = np.float32(0)
            of_weight[c] += g * y
            of_bias[c] += g


@njit(cache=True, nogil=True, fastmath=_IN_ORDER)
def _pull_back(grad, x, start, stop, stat, weight, bias, relu, along, onto, residual, out):
    """Compute (g weight - mean(g weight) - y mean(g weight y)) / std, and the residual's gradient."""
    shift, mean, rstd = stat[0], stat[1], stat[2]
    for r in range(start, stop):
        for c in range(x.shape[1]):
            y = ((x[r, c] - shift) - mean) * rstd
            g = grad[r, c] * weight[c]
            if relu and y * weight[c] + bias[c] <= 0:
                g = np.float32(0)
            out[r, c] = rstd * (g - along - y * onto)
        if residual.shape[0] > 0:
            for c in range(x.shape[1]):
                out[r, c] += residual[r, c]


@njit(cache=True, nogil=True)
def _set_means(weight, of_weight, of_bias, count):
    along, onto = 0.0, 0.0
    for c in range(weight.shape[0]):
        along += weight[c] * of_bias[c]
        onto += weight[c] * of_weight[c]
    return np.float32(along / count), np.float32(onto / count)


@njit(cache=True, nogil=True, parallel=True)
def backward(grad, x, offsets, weight, bias, stats, relu, residual, out, of_weight, of_bias):
    """Compute gradients of `forward`: by the elements into ``out`` (or ``grad`` itself), by weight and bias per set.

    ``residual (N, W)`` is added to the gradient by the elements; an empty one ``(0, W)`` is not. ``of_weight`` and
    ``of_bias`` are ``(B, W)``.
    """
    pieces = _pieces(offsets)
    bounds = _chunks(pieces, x.shape[0])
    width = x.shape[1]
    sums = np.zeros((pieces.shape[0], 2, width), np.float32)
    means = np.empty((offsets.shape[0] - 1, 2), np.float32)
    for chunk in prange(_CHUNKS):
        for p in range(bounds[chunk], bounds[chunk + 1]):
            start, stop, i = pieces[p, 0], pieces[p, 1], pieces[p, 2]
            _sums(grad, x, start, stop, stats[i], weight, bias, relu, sums[p, 0], sums[p, 1])
            if start == offsets[i] and stop == offsets[i + 1]:
                of_weight[i], of_bias[i] = sums[p, 0], sums[p, 1]
                along, onto = _set_means(weight, sums[p, 0], sums[p, 1], (stop - start) * width)
                _pull_back(grad, x, start, stop, stats[i], weight, bias, relu, along, onto, residual, out)
    split = False
    for p in range(pieces.shape[0]):
        i = pieces[p, 2]
        if offsets[i + 1] - offsets[i] > _ROWS:
            split = True
            if pieces[p, 0] == offsets[i]:
                of_weight[i], of_bias[i] = 0.0, 0.0
            of_weight[i] += sums[p, 0]
            of_bias[i] += sums[p, 1]
            if pieces[p, 1] == offsets[i + 1]:
                count = (offsets[i + 1] - offsets[i]) * width
                means[i, 0], means[i, 1] = _set_means(weight, of_weight[i], of_bias[i], count)
    if split:
        for chunk in prange(_CHUNKS):
            for p in range(bounds[chunk], bounds[chunk + 1]):
                start, stop, i = pieces[p, 0], pieces[p, 1], pieces[p, 2]
                if offsets[i + 1] - offsets[i] > _ROWS:
                    _pull_back(
                        grad, x, start, stop, stats[i], weight, bias, relu, means[i, 0], means[i, 1], residual, out
                    )


@njit(cache=True, nogil=True, parallel=True)
def add_relu(x, out, passed):
    """Compute ``out = x + ReLU(out)`` in place, and mark where ReLU passed."""
    for r in prange(x.shape[0]):
        for c in range(x.shape[1]):
            passed[r, c] = out[r, c] > 0
            out[r, c] = x[r, c] + max(out[r, c], np.float32(0))


@njit(cache=True, nogil=True, parallel=True)
def where(passed, grad, out):
    """Take the gradient where ReLU passed, zero elsewhere."""
    for r in prange(grad.shape[0]):
        for c in range(grad.shape[1]):
            out[r, c] = grad[r, c] if passed[r, c] else np.float32(0)
