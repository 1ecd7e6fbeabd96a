"""Read meshes in OFF files, and draw points from their surfaces."""

from pathlib import Path

import numpy as np

from setwise._checks import InputError


def read_off(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read vertices ``(V, 3)`` and triangles ``(F, 3)`` of an OFF file; larger faces are cut into fans.

    Some of ModelNet's files have the counts on the first line, right after the word OFF; they are read too.

    Raises:
        InputError: not an OFF file, cut short, not all numbers finite, or a face of a vertex that is not there.
    """
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror or error}.") from error
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    words = " ".join(line for line in lines if line)
    if not words.startswith("OFF"):
        raise InputError(f"{path} must begin with the word OFF; it begins with {words[:20]!r}.")
    values = words[3:].split()
    try:
        vertices, faces = int(values[0]), int(values[1])
        numbers = np.array(values[3:], np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError("a number is not finite")
        points = numbers[: 3 * vertices].reshape(vertices, 3)
        triangles = _triangles(numbers[3 * vertices :].astype(np.int64), faces)
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{path} must hold finite numbers, as many as the vertices and faces it names need; it is damaged."
        ) from error
    if not len(triangles) or triangles.min() < 0 or triangles.max() >= vertices:
        raise InputError(f"{path} must have faces between its {vertices} vertices; got {len(triangles)} triangles.")
    return points, triangles


def sample_surface(
    vertices: np.ndarray, triangles: np.ndarray, *, points: int, generator: np.random.Generator, name: str = "a mesh"
) -> np.ndarray:
    """Sample points ``(points, 3)`` float32, uniform on the surface: triangles by their area, then uniform within.

    Args:
        vertices: ``(V, 3)``.
        triangles: ``(F, 3)``, the vertices of each.
        points: how many to draw.
        generator: what draws them.
        name: what an error calls the mesh.

    Raises:
        InputError: a surface without area.
    """
    corners = vertices[triangles]
    edges = corners[:, 1:] - corners[:, :1]
    areas = 0.5 * np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    if not areas.sum() > 0:
        raise InputError(f"{name} must have an area; all its triangles are points or lines. Leave it out.")
    chosen = generator.choice(len(triangles), points, p=areas / areas.sum())
    u, v = generator.random((2, points, 1))
    inside = u + v <= 1.0
    u, v = np.where(inside, u, 1.0 - u), np.where(inside, v, 1.0 - v)
    return (corners[chosen, 0] + u * edges[chosen, 0] + v * edges[chosen, 1]).astype(np.float32)


def _triangles(values: np.ndarray, faces: int) -> np.ndarray:
    if values.size == 4 * faces and (values[::4] == 3).all():
        return values.reshape(faces, 4)[:, 1:]
    fans, place = [], 0
    for _ in range(faces):
        corners = values[place + 1 : place + 1 + values[place]]
        if len(corners) != values[place]:
            raise ValueError("a face is cut short")
        fans += [(corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)]
        place += 1 + len(corners)
    return np.array(fans, np.int64).reshape(-1, 3)
