"""Softmax within sets as compiled loops for the CPU (Numba): over the elements of a set, and over its learned points.

Sets longer than a piece are cut into pieces that threads share; results of pieces are put together in their order, so
that the number of threads changes nothing.
"""

import numpy as np
from numba import njit, prange

from setwise.ops.kernels import _ANY_ORDER, _CHUNKS, _IN_ORDER, _chunks, _pieces

_SMALLEST = np.float32(-87.0)  # exp of less is below the normal numbers


@njit(cache=True, nogil=True, fastmath=_IN_ORDER, inline="always")
def _exp(x):
    """Compute exp of a float32 of at most 0, to 2e-7 of itself: 2^n times a polynomial, all of it vectorised."""
    x = max(x, _SMALLEST)
    n = np.floor(x * np.float32(1.44269504) + np.float32(0.5))
    r = (x - n * np.float32(0.693359375)) + n * np.float32(2.12194440e-4)  # ln 2 in two parts
    p = np.float32(1.0 / 5040)
    p = p * r + np.float32(1.0 / 720)
    p = p * r + np.float32(1.0 / 120)
    p = p * r + np.float32(1.0 / 24)
    p = p * r + np.float32(1.0 / 6)
    p = p * r + np.float32(0.5)
    p = p * r + np.float32(1)
    p = p * r + np.float32(1)
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(cache=True, nogil=True, fastmath=_IN_ORDER)
def _exponentials(x, start, stop, most, total):
    """Replace some rows by exp(x - column's maximum); fill the maxima and the sums of the columns."""
    most[:] = x[start]
    for r in range(start + 1, stop):
        for c in range(x.shape[1]):
            most[c] = max(most[c], x[r, c])
    total[:] = 0
    for r in range(start, stop):
        for c in range(x.shape[1]):
            e = _exp(x[r, c] - most[c])
            x[r, c] = e
            total[c] += e


@njit(cache=True, nogil=True, fastmath=_IN_ORDER)
def _scale(x, start, stop, factor):
    for r in range(start, stop):
        for c in range(x.shape[1]):
            x[r, c] *= factor[c]


@njit(cache=True, nogil=True)
def _factors(pieces, offsets, most, total):
    """Put in place of totals the factor of the exponentials of each piece, once all pieces of a set are known."""
    first = 0
    for p in range(pieces.shape[0]):
        if pieces[p, 0] == offsets[pieces[p, 2]]:
            first = p
        if pieces[p, 1] < offsets[pieces[p, 2] + 1]:
            continue
        for c in range(most.shape[1]):
            highest = most[first : p + 1, c].max()
            whole = 0.0
            for q in range(first, p + 1):
                whole += np.exp(np.float64(most[q, c] - highest)) * total[q, c]
            for q in range(first, p + 1):
                total[q, c] = np.float32(np.exp(np.float64(most[q, c] - highest)) / whole)


@njit(cache=True, nogil=True, parallel=True)
def over_elements(x, offsets):
    """Compute the softmax of each column ``(N, C)`` over the elements of each set, in place."""
    pieces = _pieces(offsets)
    bounds = _chunks(pieces, x.shape[0])
    most = np.empty((pieces.shape[0], x.shape[1]), np.float32)
    total = np.empty((pieces.shape[0], x.shape[1]), np.float32)
    for chunk in prange(_CHUNKS):
        for p in range(bounds[chunk], bounds[chunk + 1]):
            start, stop, i = pieces[p, 0], pieces[p, 1], pieces[p, 2]
            _exponentials(x, start, stop, most[p], total[p])
            if start == offsets[i] and stop == offsets[i + 1]:
                _scale(x, start, stop, np.float32(1) / total[p])
    if pieces.shape[0] > offsets.shape[0] - 1:
        _factors(pieces, offsets, most, total)
        for chunk in prange(_CHUNKS):
            for p in range(bounds[chunk], bounds[chunk + 1]):
                start, stop, i = pieces[p, 0], pieces[p, 1], pieces[p, 2]
                if start != offsets[i] or stop != offsets[i + 1]:
                    _scale(x, start, stop, total[p])


@njit(cache=True, nogil=True, fastmath=_IN_ORDER)
def _agreement(weights, grad, start, stop, total):
    total[:] = 0
    for r in range(start, stop):
        for c in range(weights.shape[1]):
            total[c] += weights[r, c] * grad[r, c]


@njit(cache=True, nogil=True, fastmath=_IN_ORDER)
def _deviate(weights, grad, start, stop, total):
    for r in range(start, stop):
        for c in range(weights.shape[1]):
            grad[r, c] = weights[r, c] * (grad[r, c] - total[c])


@njit(cache=True, nogil=True, parallel=True)
def over_elements_backward(weights, grad, offsets):
    """Compute the gradient of `over_elements` by its logits, in place of the gradient by its weights."""
    pieces = _pieces(offsets)
    bounds = _chunks(pieces, weights.shape[0])
    total = np.empty((pieces.shape[0], weights.shape[1]), np.float32)
    for chunk in prange(_CHUNKS):
        for p in range(bounds[chunk], bounds[chunk + 1]):
            start, stop, i = pieces[p, 0], pieces[p, 1], pieces[p, 2]
            _agreement(weights, grad, start, stop, total[p])
            if start == offsets[i] and stop == offsets[i + 1]:
                _deviate(weights, grad, start, stop, total[p])
    if pieces.shape[0] > offsets.shape[0] - 1:
        for p in range(1, pieces.shape[0]):  # the last piece of a set ends with the sum over all
            if pieces[p, 0] != offsets[pieces[p, 2]]:
                total[p] += total[p - 1]
        for p in range(pieces.shape[0] - 1, 0, -1):
            if pieces[p, 0] != offsets[pieces[p, 2]]:
                total[p - 1] = total[p]
        for chunk in prange(_CHUNKS):
            for p in range(bounds[chunk], bounds[chunk + 1]):
                start, stop, i = pieces[p, 0], pieces[p, 1], pieces[p, 2]
                if start != offsets[i] or stop != offsets[i + 1]:
                    _deviate(weights, grad, start, stop, total[p])


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def _largest(x, r, h):
    most = x[r, h, 0]
    for j in range(1, x.shape[2]):
        most = x[r, h, j] if x[r, h, j] > most else most
    return most


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def _total(x, r, h):
    total = np.float32(0)
    for j in range(x.shape[2]):
        total += x[r, h, j]
    return total


@njit(cache=True, nogil=True, fastmath=_IN_ORDER)
def _softmax_row(x, r, bias, i):
    """Compute the softmax of ``x[r] (H, I)`` plus ``bias[i]`` over the points of each head, in place."""
    for h in range(x.shape[1]):
        for j in range(x.shape[2]):
            x[r, h, j] += bias[i, h, j]
        most = _largest(x, r, h)
        for j in range(x.shape[2]):
            x[r, h, j] = _exp(x[r, h, j] - most)
        share = np.float32(1) / _total(x, r, h)
        for j in range(x.shape[2]):
            x[r, h, j] *= share


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def _add_products(factors, start, stop, rows, i, out):
    """Add ``factors[r, h] (I) @ rows[i, h] (I, C)`` to ``out[r, h] (C)`` for each head of some rows r.

    Four rows by four points at a time, since that is what registers hold.
    """
    by_four = rows.shape[2] // 4
    whole = start + (stop - start) // 4 * 4
    for r in range(start, whole, 4):
        for h in range(out.shape[1]):
            for block in range(by_four):
                j = 4 * block
                a0, a1, a2, a3 = factors[r, h, j], factors[r, h, j + 1], factors[r, h, j + 2], factors[r, h, j + 3]
                s = r + 1
                b0, b1, b2, b3 = factors[s, h, j], factors[s, h, j + 1], factors[s, h, j + 2], factors[s, h, j + 3]
                s = r + 2
                c0, c1, c2, c3 = factors[s, h, j], factors[s, h, j + 1], factors[s, h, j + 2], factors[s, h, j + 3]
                s = r + 3
                d0, d1, d2, d3 = factors[s, h, j], factors[s, h, j + 1], factors[s, h, j + 2], factors[s, h, j + 3]
                for c in range(out.shape[2]):
                    x0, x1, x2, x3 = rows[i, h, j, c], rows[i, h, j + 1, c], rows[i, h, j + 2, c], rows[i, h, j + 3, c]
                    out[r, h, c] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
                    out[r + 1, h, c] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
                    out[r + 2, h, c] += c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3
                    out[r + 3, h, c] += d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3
            for j in range(4 * by_four, rows.shape[2]):
                for s in range(r, r + 4):
                    for c in range(out.shape[2]):
                        out[s, h, c] += factors[s, h, j] * rows[i, h, j, c]
    for r in range(whole, stop):
        for h in range(out.shape[1]):
            for j in range(rows.shape[2]):
                for c in range(out.shape[2]):
                    out[r, h, c] += factors[r, h, j] * rows[i, h, j, c]


@njit(cache=True, nogil=True, parallel=True)
def over_points(x, offsets, bias, values, residual, out):
    """Compute the softmax of ``x (N, H, I)`` plus its set's ``bias (B, H, I)`` over the points of each head, in place.

    ``out (N, H, W / H)`` becomes ``residual`` of that shape plus the weighted sums of its set's
    ``values (B, H, I, W / H)``.
    """
    pieces = _pieces(offsets)
    bounds = _chunks(pieces, x.shape[0])
    for chunk in prange(_CHUNKS):
        for p in range(bounds[chunk], bounds[chunk + 1]):
            start, stop, i = pieces[p, 0], pieces[p, 1], pieces[p, 2]
            for r in range(start, stop):
                _softmax_row(x, r, bias, i)
                for h in range(out.shape[1]):
                    for c in range(out.shape[2]):
                        out[r, h, c] = residual[r, h, c]
            _add_products(x, start, stop, values, i, out)


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def _softmax_row_backward(weights, r, grad, of_bias, p):
    """Compute the gradient by the logits in place of the one by the weights ``(H, I)``; added to ``of_bias[p]`` too."""
    for h in range(weights.shape[1]):
        along = np.float32(0)
        for j in range(weights.shape[2]):
            along += weights[r, h, j] * grad[r, h, j]
        for j in range(weights.shape[2]):
            g = weights[r, h, j] * (grad[r, h, j] - along)
            grad[r, h, j] = g
            of_bias[p, h, j] += g


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def _add_outer(weights, grad, start, stop, out, p):
    """Add ``weights[r, h]' grad[r, h]`` of some rows to ``out[p, h] (I, C)``, eight rows at a time."""
    whole = (stop - start) // 8
    for block in range(whole):
        r = start + 8 * block
        for h in range(weights.shape[1]):
            for j in range(weights.shape[2]):
                f0, f1, f2, f3 = weights[r, h, j], weights[r + 1, h, j], weights[r + 2, h, j], weights[r + 3, h, j]
                f4, f5, f6, f7 = weights[r + 4, h, j], weights[r + 5, h, j], weights[r + 6, h, j], weights[r + 7, h, j]
                for c in range(grad.shape[2]):
                    lower = f0 * grad[r, h, c] + f1 * grad[r + 1, h, c] + f2 * grad[r + 2, h, c]
                    upper = f4 * grad[r + 4, h, c] + f5 * grad[r + 5, h, c] + f6 * grad[r + 6, h, c]
                    lower += f3 * grad[r + 3, h, c]
                    upper += f7 * grad[r + 7, h, c]
                    out[p, h, j, c] += lower + upper
    for r in range(start + 8 * whole, stop):
        for h in range(weights.shape[1]):
            for j in range(weights.shape[2]):
                for c in range(grad.shape[2]):
                    out[p, h, j, c] += weights[r, h, j] * grad[r, h, c]


@njit(cache=True, nogil=True, parallel=True)
def over_points_backward(grad, weights, offsets, columns, out, of_values, of_bias):
    """Compute gradients of `over_points`: by its logits into ``out (N, H, I)``, by values and bias per set.

    ``columns (B, H, W / H, I)`` are the values transposed.
    """
    pieces = _pieces(offsets)
    bounds = _chunks(pieces, weights.shape[0])
    count, heads, points, size = pieces.shape[0], of_values.shape[1], of_values.shape[2], of_values.shape[3]
    piece_values = np.zeros((count, heads, points, size), np.float32)
    piece_bias = np.zeros((count, heads, points), np.float32)
    for chunk in prange(_CHUNKS):
        for p in range(bounds[chunk], bounds[chunk + 1]):
            start, stop = pieces[p, 0], pieces[p, 1]
            _add_outer(weights, grad, start, stop, piece_values, p)
            for r in range(start, stop):
                for h in range(out.shape[1]):
                    for j in range(out.shape[2]):
                        out[r, h, j] = 0
            _add_products(grad, start, stop, columns, pieces[p, 2], out)
            for r in range(start, stop):
                _softmax_row_backward(weights, r, out, piece_bias, p)
    of_values[:] = 0
    of_bias[:] = 0
    for p in range(pieces.shape[0]):
        of_values[pieces[p, 2]] += piece_values[p]
        of_bias[pieces[p, 2]] += piece_bias[p]
