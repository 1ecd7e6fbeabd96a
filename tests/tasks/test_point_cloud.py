import zipfile

import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.tasks import Extent
from setwise.tasks.meshes import read_off, sample_surface
from setwise.tasks.point_cloud import categorical_point_cloud, point_cloud, standardised

h5py = pytest.importorskip("h5py")
POINTS = 23


@pytest.fixture
def hdf5_folder(tmp_path, rng):
    """Write two training files and one test file as PointNet's authors laid them out."""
    folder = tmp_path / "modelnet40_ply_hdf5_2048"
    folder.mkdir()
    for name, clouds in (("train0", 7), ("train1", 5), ("test0", 3)):
        with h5py.File(folder / f"ply_data_{name}.h5", "w") as file:
            file["data"] = rng.normal(size=(clouds, POINTS, 3)).astype(np.float32) + 5
            file["label"] = rng.integers(0, 40, (clouds, 1)).astype(np.uint8)
    return tmp_path


def test_clouds_are_standardised_over_all_their_coordinates(hdf5_folder):
    data = point_cloud(hdf5_folder, Extent(elements=11))
    assert (len(data.train), len(data.tests["test"]), data.train.set_size) == (12, 3, 11)
    x = data.train.batch(torch.arange(12)).elements.view(12, -1)
    assert torch.allclose(x.mean(1), torch.zeros(12), atol=1e-5)
    assert torch.allclose(x.std(1, correction=0), torch.ones(12), atol=1e-5)


def test_all_clouds_keep_the_same_places(hdf5_folder):
    data = point_cloud(hdf5_folder, Extent(elements=11))
    with h5py.File(hdf5_folder / "modelnet40_ply_hdf5_2048/ply_data_train0.h5") as file:
        raw = np.asarray(file["data"])
    from setwise.tasks.point_cloud import fixed_subset

    kept = fixed_subset(POINTS, 11)
    assert len(set(kept.tolist())) == 11
    expected = standardised(raw[:, kept])
    assert np.allclose(data.train.batch(torch.arange(7)).elements.view(7, 11, 3), expected, atol=1e-6)


def test_values_far_out_are_clipped():
    cloud = np.ones((1, 500, 3))
    cloud[0, 0, 0] = -1e9
    limit = 100 * np.abs(cloud).mean()
    clipped = np.clip(cloud, -limit, limit)
    assert np.allclose(standardised(cloud), (clipped - clipped.mean()) / clipped.std())


def test_the_zip_gives_the_same_clouds(hdf5_folder, tmp_path):
    other = tmp_path / "zipped"
    other.mkdir()
    with zipfile.ZipFile(other / "modelnet40_ply_hdf5_2048.zip", "w") as archive:
        for path in hdf5_folder.glob("modelnet40_ply_hdf5_2048/*.h5"):
            archive.write(path, f"modelnet40_ply_hdf5_2048/{path.name}")
    with zipfile.ZipFile(other / "modelnet40_ply_hdf5_2048.zip") as archive:
        archive.extractall(tmp_path / "again")
    first, second = (point_cloud(folder, Extent(elements=5)) for folder in (tmp_path / "again", other))
    assert torch.equal(first.train.pool, second.train.pool)
    assert torch.equal(first.train.targets, second.train.targets)
    (other / "ply_data_train0.h5").write_text("something else")
    assert torch.equal(point_cloud(other, Extent(elements=5)).train.pool, second.train.pool)


def _with(value, **where):
    """Return a function that puts a value into one dataset of a file."""

    def damage(file):
        for name, place in where.items():
            file[name][place] = value

    return damage


def _replaced(**values):
    """Return a function that replaces datasets of a file."""

    def damage(file):
        for name, value in values.items():
            del file[name]
            file[name] = value

    return damage


def _with_a_group(file):
    del file["data"]
    file.create_group("data")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("train1", _with(np.nan, data=(2, 0, 1))),
        ("train1", _with(57, label=3)),
        ("test0", _replaced(label=np.array([3, -1, 5]))),
        ("test0", _replaced(label=np.array([3, 1.5, 5]))),
        ("train0", _replaced(label=np.zeros(6, np.uint8))),
        ("train0", _replaced(data=np.zeros((7, 0, 3)))),
        ("train0", _with_a_group),
        ("train1", _replaced(data=np.zeros((5, POINTS - 4, 3)))),
    ],
)
def test_damaged_clouds_are_refused_by_file(hdf5_folder, name, damage):
    with h5py.File(hdf5_folder / f"modelnet40_ply_hdf5_2048/ply_data_{name}.h5", "a") as file:
        damage(file)
    for load in (point_cloud, categorical_point_cloud):
        with pytest.raises(InputError, match=name):
            load(hdf5_folder, Extent())


def test_test_clouds_need_as_many_points_as_training_clouds(hdf5_folder):
    with h5py.File(hdf5_folder / "modelnet40_ply_hdf5_2048/ply_data_test0.h5", "a") as file:
        _replaced(data=np.zeros((3, POINTS - 4, 3)))(file)
    with pytest.raises(InputError, match=r"modelnet40_ply_hdf5_2048.* 23 .* 19"):
        point_cloud(hdf5_folder, Extent())


@pytest.mark.parametrize("damage", [lambda _: b"any bytes", lambda b: b[:-50], lambda b: b.replace(b"\x08\x00", b"!!")])
def test_a_damaged_zip_is_refused_with_the_command(hdf5_folder, damage):
    path = hdf5_folder / "modelnet40_ply_hdf5_2048.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in hdf5_folder.glob("*/*.h5"):
            archive.write(file, file.name)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"2048\.zip.*setwise data get point-cloud"):
        point_cloud(hdf5_folder, Extent())


def test_fresh_points_are_drawn_of_all(hdf5_folder):
    data = point_cloud(hdf5_folder, Extent(elements=11, fresh=True))
    assert (data.draw, data.train.set_size, data.tests["test"].set_size) == (11, POINTS, 11)


def test_categories_are_cells_of_the_cloud_s_box(hdf5_folder):
    data = categorical_point_cloud(hdf5_folder, Extent(elements=11))
    codes = data.train.batch(torch.arange(12)).elements
    assert codes.dtype == torch.int64
    assert codes.shape == (132, 1)
    per_axis = torch.stack([codes // 100, codes // 10 % 10, codes % 10]).view(3, 12, 11)
    assert (per_axis.amin(2) == 0).all()
    assert (per_axis.amax(2) == 9).all()


CUBE_WITHOUT_LID = """OFF
# a square of two triangles and a square as one face, twice as large
8 3 0
0 0 0
1 0 0
1 1 0
0 1 0
0 0 5
2 0 5
2 1 5
0 1 5
3 0 1 2
3 0 2 3
4 4 5 6 7
"""


@pytest.mark.parametrize(
    "text",
    [
        CUBE_WITHOUT_LID,
        CUBE_WITHOUT_LID.replace("OFF\n# a", "OFF").replace(
            "OFF square of two triangles and a square as one face, twice as large\n", "OFF"
        ),
    ],
)
def test_points_of_a_mesh_are_uniform_by_area(tmp_path, text):
    path = tmp_path / "a.off"
    path.write_text(text)
    vertices, triangles = read_off(path)
    assert (vertices.shape, triangles.shape) == ((8, 3), (4, 3))
    points = sample_surface(vertices, triangles, points=9000, generator=np.random.default_rng(0))
    upper = points[points[:, 2] == 5]
    lower = points[points[:, 2] == 0]
    assert len(upper) + len(lower) == 9000
    assert abs(len(upper) / 9000 - 2 / 3) < 0.02
    assert np.allclose(upper[:, :2].mean(0), [1.0, 0.5], atol=0.03)
    assert np.allclose(upper[:, :2].var(0), [4 / 12, 1 / 12], atol=0.01)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PLY\n1 1 0\n",
        "OFF\n3 1 0\n0 0 0\n1 0 0\n0 nan 0\n3 0 1 2\n",
        "OFF\n3 1 0\n0 0 0\n1 0 0\n",
        "OFF\n3 1 0\n0 0 0 1 0 0 0 1 0\n3 0 1 7\n",
        "OFF\nx y z\n",
    ],
)
def test_damaged_meshes_are_refused_by_name(tmp_path, text):
    path = tmp_path / "bad.off"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bad\.off"):
        read_off(path)


def _mesh(directory, kind, part, text=CUBE_WITHOUT_LID):
    path = directory / "ModelNet40" / kind / part / f"{kind}_1.off"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_a_mesh_without_area_is_refused_by_name(tmp_path):
    _mesh(tmp_path, "bed", "train")
    _mesh(tmp_path, "bed", "test", "OFF\n3 1 0\n0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n")
    with pytest.raises(InputError, match=r"test/bed_1\.off must have an area"):
        point_cloud(tmp_path, Extent())


def test_meshes_of_more_classes_than_the_task_has_are_refused(tmp_path):
    for number in range(41):
        for part in ("train", "test"):
            _mesh(tmp_path, f"kind{number}", part)
    with pytest.raises(InputError, match=r"ModelNet40 must hold 40 classes.*41"):
        point_cloud(tmp_path, Extent())


def test_meshes_become_clouds_with_classes_by_name(tmp_path):
    for kind in ("bed", "airplane"):
        for part, count in (("train", 3), ("test", 2)):
            folder = tmp_path / "ModelNet40" / kind / part
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{kind}_{number}.off").write_text(CUBE_WITHOUT_LID)
    data = point_cloud(tmp_path, Extent(elements=29))
    assert sorted(data.train.targets.tolist()) == [0, 0, 0, 1, 1, 1]
    assert sorted(data.tests["test"].targets.tolist()) == [0, 0, 1, 1]
    assert data.train.batch(torch.arange(6)).elements.shape == (6 * 29, 3)


def test_missing_files_give_the_command(tmp_path):
    with pytest.raises(InputError, match="setwise data get point-cloud"):
        point_cloud(tmp_path, Extent())
