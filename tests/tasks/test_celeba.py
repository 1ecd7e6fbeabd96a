import zipfile

import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.models import ElementModel, build
from setwise.tasks import ElementLogits, Extent
from setwise.tasks.celeba import celeba_anomaly, read_lists

EXTENT = Extent(train=23, test=11, elements=4)


def _numbers(sets):
    """Return the numbers of the images of each set: the fixture's brightness is four times the number."""
    batch = sets.batch(torch.arange(len(sets)))
    assert batch.elements.shape[1:] == (3, 64, 64)
    return (batch.elements.mean((1, 2, 3)) / 4).round().long().view(len(sets), -1).numpy()


def test_one_image_lacks_what_the_others_share(celeba_folder):
    lists = read_lists(celeba_folder)
    data = celeba_anomaly(celeba_folder, EXTENT)
    for sets in (data.train, data.tests["test"]):
        for numbers, place in zip(_numbers(sets), sets.targets.tolist(), strict=True):
            others = np.delete(lists.attributes[numbers], place, axis=0)
            shared = others.all(0)
            assert (shared & ~lists.attributes[numbers[place]]).sum() >= 2
            assert len(set(numbers.tolist())) == 4
    assert len(set(data.train.targets.tolist())) == 4


def test_people_are_in_one_part_only(celeba_folder):
    lists = read_lists(celeba_folder)
    data = celeba_anomaly(celeba_folder, EXTENT)
    train, test = (set(lists.people[_numbers(sets)].ravel()) for sets in (data.train, data.tests["test"]))
    assert train.isdisjoint(test)
    assert len(train | test) > 6


def test_the_zip_gives_the_same_sets(celeba_folder, tmp_path):
    other = tmp_path / "zipped"
    other.mkdir()
    for name in ("list_attr_celeba.txt", "identity_CelebA.txt"):
        (other / name).write_bytes((celeba_folder / name).read_bytes())
    with zipfile.ZipFile(other / "img_align_celeba.zip", "w") as archive:
        for path in (celeba_folder / "img_align_celeba").iterdir():
            archive.write(path, f"img_align_celeba/{path.name}")
    first, second = (celeba_anomaly(folder, EXTENT) for folder in (celeba_folder, other))
    assert torch.equal(first.train.pool, second.train.pool)
    assert torch.equal(first.train.targets, second.train.targets)
    (other / "img_align_celeba").mkdir()
    assert torch.equal(celeba_anomaly(other, EXTENT).train.pool, second.train.pool)


@pytest.mark.parametrize(
    ("name", "line", "match"),
    [
        ("list_attr_celeba.txt", "000061.jpg 1 -1", "line 63"),
        ("list_attr_celeba.txt", "000061.jpg 1 -1 0 1 1", "line 63"),
        ("identity_CelebA.txt", "000061.jpg", "line 61"),
        ("list_attr_celeba.txt", "", "line 63"),
        ("list_attr_celeba.txt", "000061.jpg 1 -1 1 1 1", "60 images.*61"),
    ],
)
def test_damaged_lists_are_refused_by_line(celeba_folder, name, line, match):
    with (celeba_folder / name).open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(InputError, match=match):
        read_lists(celeba_folder)


def _without_last_line(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def test_an_attribute_list_that_is_cut_short_is_refused(celeba_folder):
    _without_last_line(celeba_folder / "list_attr_celeba.txt")
    with pytest.raises(InputError, match=r"list_attr_celeba\.txt .*60 images.*59"):
        read_lists(celeba_folder)


def test_an_identity_list_that_lacks_an_image_is_refused(celeba_folder):
    _without_last_line(celeba_folder / "identity_CelebA.txt")
    with pytest.raises(InputError, match="lacks 1"):
        read_lists(celeba_folder)


@pytest.mark.parametrize("name", ["list_attr_celeba.txt", "identity_CelebA.txt"])
def test_lists_that_are_not_text_are_refused_by_name(celeba_folder, name):
    (celeba_folder / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=name):
        read_lists(celeba_folder)


def test_an_attribute_list_without_its_first_line_is_refused(celeba_folder):
    path = celeba_folder / "list_attr_celeba.txt"
    path.write_text(path.read_text().removeprefix("60\n"))
    with pytest.raises(InputError, match=r"list_attr_celeba\.txt"):
        read_lists(celeba_folder)


@pytest.mark.parametrize("damage", [lambda b: b[:-50], lambda b: b.replace(b"JFIF", b"????")])
def test_a_damaged_zip_is_refused_by_name(celeba_folder, damage):
    path = celeba_folder / "img_align_celeba.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for picture in (celeba_folder / "img_align_celeba").iterdir():
            archive.write(picture, f"img_align_celeba/{picture.name}")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"img_align_celeba\.zip"):
        celeba_anomaly(celeba_folder, EXTENT)


def test_a_damaged_picture_is_named(celeba_folder):
    for path in (celeba_folder / "img_align_celeba").iterdir():
        path.write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"\.jpg"):
        celeba_anomaly(celeba_folder, EXTENT)


def test_a_missing_list_says_where_it_comes_from(tmp_path):
    with pytest.raises(InputError, match=r"CelebA\.html"):
        celeba_anomaly(tmp_path, EXTENT)


def test_images_give_an_output_each(celeba_folder):
    data = celeba_anomaly(celeba_folder, Extent(train=2, test=1, elements=4))
    each = build("deep-sets++", 3, 1, depth=2, width=8, elements="images", output="which-element")
    assert isinstance(each, ElementModel)
    model = ElementLogits(each)
    with torch.no_grad():
        logits = model(data.train.batch(torch.tensor([0, 1])))
    assert logits.shape == (2, 4)
    assert not any("linear2" in name for name, _ in model.named_parameters() if name.startswith("head"))
