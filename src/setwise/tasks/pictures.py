"""Read images in files to arrays of bytes; needs Pillow."""

from io import BytesIO
from pathlib import Path

import numpy as np

from setwise._checks import InputError, missing_packages


def read_picture(source: Path | bytes, *, mode: str, size: tuple[int, int] | None = None, name: str = "") -> np.ndarray:
    """Read an image as bytes, ``(height, width)`` in mode "L" and ``(height, width, 3)`` in mode "RGB".

    Args:
        source: a path, or the content of a file.
        mode: "L" (grey) or "RGB".
        size: width and height in pixels to resize to, bicubic, or none.
        name: what an error calls the content of a file.

    Raises:
        InputError: not an image, or a damaged one.
        InputError: Pillow is not installed.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise missing_packages("images", ["Pillow"], "images") from error
    try:
        with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
            picture = image.convert(mode)
            return np.asarray(picture if size is None else picture.resize(size, Image.Resampling.BICUBIC))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        label = name if isinstance(source, bytes) else source
        raise InputError(f"{label} could not be read as an image: {error}. Fetch it again.") from error
