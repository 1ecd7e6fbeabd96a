import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.tasks import Extent, get_task
from setwise.tasks.mnist import held_out_images, mnist_var, read_idx, read_images
from setwise.tasks.sets import TaskSets

EXTENT = Extent(train=37, test=11)


def _members(sets: TaskSets) -> list[int]:
    """Return the images of all sets, one set after the other."""
    assert sets.members is not None
    return sets.members.tolist()


def test_targets_are_the_population_variance_of_raw_images_digits(idx_folder):
    images, labels = read_images(idx_folder)
    data = mnist_var(idx_folder, EXTENT, held_out=3)
    assert (len(data.train), len(data.tests["test"])) == (37, 11)
    batch = data.train.batch(torch.tensor([5, 0]))
    by_pixels = {image.tobytes(): label for image, label in zip(images.reshape(130, -1), labels, strict=True)}
    pixels = batch.elements.to(torch.uint8).numpy().reshape(2, 10, 784)
    for place, row in enumerate((5, 0)):
        digits = np.array([by_pixels[image.tobytes()] for image in pixels[place]], float)
        variance = ((digits - digits.mean()) ** 2).mean()
        assert float(data.train.targets[row, 0]) == pytest.approx(variance, rel=1e-6)
    assert batch.elements.max() == 255


def test_no_image_is_in_both_parts_and_held_out_ones_are_last_by_name(idx_folder):
    _, labels = read_images(idx_folder)
    train, test = held_out_images(labels, 3)
    assert set(train.tolist()).isdisjoint(test.tolist())
    assert (len(train), len(test)) == (100, 30)
    for digit in range(10):
        names = sorted(f"{number}.png" for number in np.flatnonzero(labels == digit))
        assert sorted(f"{number}.png" for number in test if labels[number] == digit) == names[-3:]
    data = mnist_var(idx_folder, EXTENT, held_out=3)
    assert set(_members(data.train)) <= set(train.tolist())
    assert set(_members(data.tests["test"])) <= set(test.tolist())


def test_names_are_sorted_as_text():
    labels = np.concatenate([np.zeros(12, np.uint8), np.repeat(np.arange(1, 10, dtype=np.uint8), 3)])
    train, test = held_out_images(labels, 2)
    assert train[:10].tolist() == [0, 1, 10, 11, 2, 3, 4, 5, 6, 7]
    assert test[:2].tolist() == [8, 9]


def test_the_tree_of_png_files_gives_the_same_sets(idx_folder, tmp_path):
    from PIL import Image

    images, labels = read_images(idx_folder)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / "png" / "mnist_png" / "training" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    first, second = (mnist_var(folder, EXTENT, held_out=3) for folder in (idx_folder, tmp_path / "png"))
    rows = torch.arange(37)
    assert torch.equal(first.train.batch(rows).elements, second.train.batch(rows).elements)
    assert torch.equal(first.train.targets, second.train.targets)


@pytest.mark.parametrize(
    ("pictures", "match"),
    [
        ({"0/0.png": 28, "1/1.png": 27}, r"1\.png must be 28 x 28 pixels"),
        ({"0/0.png": 28, "1/0.png": 28}, r"0\.png.* two"),
        ({"300/0.png": 28}, "<digit>/<number>"),
    ],
)
def test_trees_with_other_pictures_are_refused(tmp_path, pictures, match):
    from PIL import Image

    for name, side in pictures.items():
        path = tmp_path / "training" / name
        path.parent.mkdir(parents=True)
        Image.new("L", (side, side)).save(path)
    with pytest.raises(InputError, match=match):
        read_images(tmp_path)


def test_published_files_come_before_unpacked_ones(idx_folder):
    images, labels = read_images(idx_folder)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (idx_folder / name).write_bytes(b"something else")
    assert np.array_equal(read_images(idx_folder)[0], images)
    assert np.array_equal(read_images(idx_folder)[1], labels)


def test_mixed_sizes_and_scaled_pixels(idx_folder):
    data = mnist_var(idx_folder, Extent(train=97, test=11), held_out=3, sizes=(6, 10), scale=255.0)
    assert set(data.train.sizes.tolist()) == {6, 7, 8, 9, 10}
    rows = torch.tensor([3, 90, 0])
    batch = data.train.batch(rows)
    assert batch.sizes.tolist() == data.train.sizes[rows].tolist()
    assert batch.elements.max() <= 1.0
    alone = data.train.batch(torch.tensor([90]))
    assert torch.equal(batch[1].elements, alone.elements)


def test_the_seed_of_the_data_is_fixed(idx_folder):
    first, second = (mnist_var(idx_folder, EXTENT, held_out=3) for _ in range(2))
    assert _members(first.train) == _members(second.train)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-5], lambda b: b"\x00\x00\x0d" + b[3:], lambda _: b"", lambda b: b[:9]]
)
def test_damaged_idx_files_are_refused_by_name(tmp_path, damage):
    path = tmp_path / "labels"
    path.write_bytes(damage(b"\x00\x00\x08\x01\x00\x00\x00\x10" + bytes(16)))
    with pytest.raises(InputError, match="labels"):
        read_idx(path)


def test_a_missing_file_gives_the_command(tmp_path):
    with pytest.raises(InputError, match="setwise data get mnist-var"):
        mnist_var(tmp_path, EXTENT)


def test_the_real_files(real_data):
    data = get_task("mnist-var").load(real_data / "mnist", Extent(train=1009, test=101))
    images, labels = read_images(real_data / "mnist")
    train, test = held_out_images(labels, 1000)
    assert (images.shape, len(train), len(test)) == ((60_000, 28, 28), 50_000, 10_000)
    # The variance of one draw from the digits' frequencies, times 9/10 for ten draws.
    expected = labels[train].astype(float).var() * 0.9
    assert float(data.train.targets.mean()) == pytest.approx(expected, rel=0.03)
