import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.tasks import Extent
from setwise.tasks.hematocrit import categorical_hematocrit, hematocrit
from setwise.tasks.point_cloud import fixed_subset

h5py = pytest.importorskip("h5py")
CELLS = 17


@pytest.fixture
def folder(tmp_path, rng):
    with h5py.File(tmp_path / "hematocrit.h5", "w") as file:
        for part, patients in (("train", 13), ("test", 5)):
            file[f"{part}_data"] = rng.normal(90, 10, (patients, CELLS, 2)).astype(np.float32)
            file[f"{part}_labels"] = rng.uniform(20, 50, (patients, 1))
    return tmp_path


def test_every_patient_keeps_the_same_places(folder):
    data = hematocrit(folder, Extent(elements=7))
    with h5py.File(folder / "hematocrit.h5") as file:
        raw, labels = np.asarray(file["train_data"]), np.asarray(file["train_labels"])
    kept = fixed_subset(CELLS, 7)
    assert np.array_equal(data.train.batch(torch.arange(13)).elements.view(13, 7, 2), raw[:, kept])
    assert np.allclose(data.train.targets, labels)
    assert (len(data.train), len(data.tests["test"])) == (13, 5)


def test_fewer_patients_and_fresh_cells(folder):
    data = hematocrit(folder, Extent(train=3, test=2, elements=7, fresh=True))
    assert (len(data.train), len(data.tests["test"]), data.draw, data.train.set_size) == (3, 2, 7, CELLS)


def test_categories(folder):
    codes = categorical_hematocrit(folder, Extent(elements=7)).train.batch(torch.arange(13)).elements
    assert codes.dtype == torch.int64
    assert 0 <= int(codes.min()) < int(codes.max()) <= 99


def test_a_missing_file_says_where_it_comes_from(tmp_path):
    with pytest.raises(InputError, match="flowrbc"):
        hematocrit(tmp_path, Extent())


@pytest.mark.parametrize("damage", ["text", "shape", "nan"])
def test_damaged_files_are_refused(folder, damage):
    path = folder / "hematocrit.h5"
    if damage == "text":
        path.write_text("not HDF5")
    else:
        with h5py.File(path, "a") as file:
            values = np.asarray(file["train_data"])
            del file["train_data"]
            values[3, :, 1] = np.nan
            file["train_data"] = values[:, :, 0] if damage == "shape" else values
    with pytest.raises(InputError, match=r"hematocrit\.h5"):
        hematocrit(folder, Extent())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train_data", None),
        ("test_labels", np.float64(40.0)),
        ("train_labels", np.zeros((13, 0))),
        ("train_labels", np.array(["high"] * 13, "S4")),
        ("test_data", np.zeros((5, 0, 2))),
    ],
)
def test_datasets_of_other_kinds_are_refused_by_file(folder, name, value):
    path = folder / "hematocrit.h5"
    with h5py.File(path, "a") as file:
        del file[name]
        if value is None:
            file.create_group(name)
        else:
            file[name] = value
    with pytest.raises(InputError, match=r"hematocrit\.h5"):
        hematocrit(folder, Extent())


def test_a_file_without_patients_is_refused(folder):
    path = folder / "hematocrit.h5"
    with h5py.File(path, "a") as file:
        del file["train_data"], file["train_labels"]
        file["train_data"], file["train_labels"] = np.zeros((0, CELLS, 2)), np.zeros((0, 1))
    with pytest.raises(InputError, match=r"hematocrit\.h5"):
        hematocrit(folder, Extent())
