"""Small files in the true formats of the tasks."""

import gzip
import struct

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def write_idx(path, values):
    """Write an idx file of bytes, compressed where the name says so."""
    head = b"\x00\x00\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    content = head + values.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def idx_folder(tmp_path, rng):
    """Write 130 images of 28 x 28, 13 of each digit, as MNIST's idx files."""
    folder = tmp_path / "idx"
    folder.mkdir()
    labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), 13))
    images = rng.integers(0, 256, (130, 28, 28), dtype=np.uint8)
    write_idx(folder / "train-images-idx3-ubyte.gz", images)
    write_idx(folder / "train-labels-idx1-ubyte.gz", labels)
    return folder


@pytest.fixture
def celeba_folder(tmp_path, rng):
    """Write 60 photographs of 12 people with 5 attributes, as CelebA's lists and JPEG files."""
    from PIL import Image

    folder = tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    attributes = rng.integers(0, 2, (60, 5)) * 2 - 1
    names = [f"{number:06d}.jpg" for number in range(1, 61)]
    lines = ["60", "Bald Bangs Smiling Young Wavy_Hair "]
    lines += [f"{name}  {' '.join(f'{a:2d}' for a in row)}" for name, row in zip(names, attributes, strict=True)]
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    people = [f"{name} {1 + number % 12}" for number, name in enumerate(names)]
    (folder / "identity_CelebA.txt").write_text("\n".join(people) + "\n")
    for number, name in enumerate(names):
        picture = np.full((218, 178, 3), 4 * number, np.uint8)
        Image.fromarray(picture).save(folder / "img_align_celeba" / name, quality=95)
    return folder
