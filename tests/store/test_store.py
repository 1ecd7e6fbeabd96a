"""The store: in memory and on disk alike, whole or not at all, safe in workers."""

import os
import pickle

import numpy as np
import pyarrow as pa
import pytest
import torch

from setwise._checks import InputError
from setwise.store import store as store_module
from setwise.store.batching import BatchSampler, SetDataset, make_loader
from setwise.store.file import Description, new_file
from setwise.store.store import SetStore

SIZES = [1, 7, 3, 31]


def make_store(dtype=np.float32, shape=(5,), sizes=SIZES):
    generator = np.random.default_rng(0)
    elements = (100 * generator.normal(size=(sum(sizes), *shape))).astype(dtype)
    sets = pa.table({"set_id": [f"s{i}" for i in range(len(sizes))], "y": np.arange(len(sizes)) / 3})
    names = [f"f{i}" for i in range(shape[0])] if len(shape) == 1 else ["element"]
    return SetStore(elements, sizes, sets, features=names, left_out={"time": "a reason"}), elements


@pytest.mark.parametrize(
    ("dtype", "shape"), [(np.float32, (5,)), (np.uint8, (2, 3, 7)), (np.int64, ()), (np.float64, (5,))]
)
def test_on_disk_as_in_memory(tmp_path, dtype, shape):
    store, elements = make_store(dtype, shape)
    saved = store.save(tmp_path / "s.arrow")
    for each in (store, saved, pickle.loads(pickle.dumps(saved)), pickle.loads(pickle.dumps(store))):
        assert len(each) == 4
        assert each.shape == shape
        assert each.features == store.features
        assert each.left_out == {"time": "a reason"}
        assert each.sets.equals(store.sets)
        assert each.sizes.tolist() == SIZES
        assert each.fingerprint == store.fingerprint
        np.testing.assert_array_equal(np.concatenate([each.elements(i) for i in range(4)]), elements)
        batch = each.batch([3, 0, 2])
        assert batch.elements.dtype == torch.from_numpy(elements).dtype
        expected = np.concatenate([elements[11:], elements[:1], elements[8:11]])
        np.testing.assert_array_equal(batch.elements.numpy(), expected)
        assert batch.sizes.tolist() == [31, 1, 3]


def test_a_batch_is_a_copy_and_elements_are_a_view(tmp_path):
    saved = make_store()[0].save(tmp_path / "s.arrow")
    before = saved.elements(1).copy()
    saved.batch([1]).elements.zero_()
    np.testing.assert_array_equal(saved.elements(1), before)
    assert not saved.elements(1).flags.writeable
    assert saved.elements(1).base is not None


def test_long_sets_are_copied_alike():
    store, elements = make_store(sizes=[1009, 1, 2003])
    np.testing.assert_array_equal(store.batch([2, 0]).elements, np.r_[elements[1010:], elements[:1009]])


def test_draws_are_without_replacement_and_seeded():
    store, _ = make_store()
    batch = store.batch([3, 1, 0], max_elements=5, generator=np.random.default_rng(3))
    assert batch.sizes.tolist() == [5, 5, 1]
    for drawn, row in zip(batch.to_list(), [3, 1, 0], strict=True):
        members = {tuple(x) for x in store.elements(row).tolist()}
        chosen = [tuple(x) for x in drawn.tolist()]
        assert len(set(chosen)) == len(chosen)
        assert members.issuperset(chosen)
    again = store.batch([3, 1, 0], max_elements=5, generator=np.random.default_rng(3))
    other = store.batch([3, 1, 0], max_elements=5, generator=np.random.default_rng(5))
    assert torch.equal(batch.elements, again.elements)
    assert not torch.equal(batch.elements, other.elements)


def test_each_element_is_drawn_equally_often():
    store, _ = make_store(sizes=[7])
    generator = np.random.default_rng(0)
    counts = np.zeros(7)
    for _ in range(2000):
        drawn = store.batch([0], max_elements=3, generator=generator).elements[:, :1].numpy()
        counts += (drawn == store.elements(0)[:, 0]).sum(0)
    assert abs(counts / 2000 - 3 / 7).max() < 0.05


def test_bad_rows_are_refused():
    store, _ = make_store()
    with pytest.raises(InputError, match="at least one set"):
        store.batch([])
    with pytest.raises(InputError, match="between 0 and 3"):
        store.batch([4])
    with pytest.raises(InputError, match="above zero"):
        store.batch([0], max_elements=0, generator=np.random.default_rng(0))
    with pytest.raises(TypeError, match="generator"):
        store.batch([0], max_elements=3)
    with pytest.raises(IndexError):
        store.elements(-1)


def test_shapes_must_agree():
    sets = pa.table({"set_id": ["a", "b"]})
    with pytest.raises(InputError, match="add up"):
        SetStore(np.zeros((5, 2), np.float32), [2, 2], sets, features=["x", "y"])
    with pytest.raises(InputError, match="names of features"):
        SetStore(np.zeros((5, 2), np.float32), [2, 3], sets, features=["x"])
    with pytest.raises(InputError, match="rows of sets"):
        SetStore(np.zeros((5, 2), np.float32), [5], sets, features=["x", "y"])


@pytest.mark.parametrize("keep", [0, 3, 500, -9])
def test_a_truncated_store_is_refused(tmp_path, keep):
    path = tmp_path / "s.arrow"
    make_store()[0].save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"s\.arrow is damaged or no store"):
        SetStore.open(path)


def test_other_files_are_no_stores(tmp_path):
    path = tmp_path / "s.arrow"
    table = pa.table({"x": [1]})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(InputError, match="no store of setwise"):
        SetStore.open(path)
    with pytest.raises(InputError, match="there is no file"):
        SetStore.open(tmp_path / "t.arrow")


def test_a_newer_store_is_refused(tmp_path):
    path = tmp_path / "s.arrow"
    make_store()[0].save(path)
    raw = path.read_bytes()
    assert raw.count(b'"format": 1') == 2
    path.write_bytes(raw.replace(b'"format": 1', b'"format": 9'))
    with pytest.raises(InputError, match="newer version of setwise"):
        SetStore.open(path)


def test_a_store_that_changed_is_noticed(tmp_path):
    path = tmp_path / "s.arrow"
    held = pickle.dumps(make_store()[0].save(path))
    path.unlink()
    with pytest.raises(InputError, match="is gone"):
        len(pickle.loads(held))
    make_store(sizes=[2, 3])[0].save(path)
    with pytest.raises(RuntimeError, match="changed"):
        len(pickle.loads(held))


def test_nothing_is_overwritten_nor_left_behind(tmp_path):
    path = tmp_path / "s.arrow"
    path.write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        make_store()[0].save(path)
    assert path.read_text() == "precious"
    with pytest.raises(InputError, match="no folder"):
        make_store()[0].save(tmp_path / "none" / "s.arrow")
    assert [p.name for p in tmp_path.iterdir()] == ["s.arrow"]


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_see_what_the_main_process_sees(tmp_path, context):
    store = make_store(sizes=[11, 2, 3, 5, 7])[0].save(tmp_path / "s.arrow")
    sampler = BatchSampler(store.sizes, range(5), batch_size=2, shuffle=True, seed=7)
    dataset = SetDataset(store, covariates=np.arange(10, dtype=np.float32).reshape(5, 2), max_elements=3)
    alone = list(make_loader(dataset, sampler))
    loader = make_loader(dataset, sampler, workers=2)
    loader.multiprocessing_context = context
    for (batch, rows), (expected, same) in zip(loader, alone, strict=True):
        assert rows.tolist() == same.tolist()
        assert torch.equal(batch.elements, expected.elements)
        assert torch.equal(batch.covariates, expected.covariates)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system has no call for it")
def test_what_is_read_ahead_is_what_the_sets_hold(tmp_path, monkeypatch):
    elements = np.arange(40, dtype=np.float32).reshape(20, 2)
    names = pa.table({"set_id": ["a", "b", "c"]})
    store = SetStore(elements, [3, 12, 5], names, features=["x", "y"]).save(tmp_path / "sets.arrow")
    spans = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, start, length, _advice: spans.append((start, length)))
    store.expect(np.array([2, 0]))
    content = (tmp_path / "sets.arrow").read_bytes()
    found = [np.frombuffer(content[start : start + length], np.float32).reshape(-1, 2) for start, length in spans]
    assert np.array_equal(found[0], elements[15:])
    assert np.array_equal(found[1], elements[:3])
    spans.clear()
    loader = make_loader(SetDataset(store), BatchSampler(store.sizes, range(3), batch_size=1))
    assert [(len(spans), rows.tolist()) for _, rows in loader] == [(1, [0]), (2, [1]), (2, [2])]


def test_only_what_will_be_used_is_read_ahead(tmp_path, monkeypatch):
    elements, names = np.zeros((100_000, 2), np.float32), pa.table({"set_id": ["small", "large"]})
    store = SetStore(elements, [10, 99_990], names, features=["x", "y"]).save(tmp_path / "sets.arrow")
    spans = []
    monkeypatch.setattr(store_module, "read_ahead", lambda _path, found: spans.extend(found))
    store.expect(np.arange(2), max_elements=100)
    assert [length for _, length in spans] == [80]


def test_more_numbers_than_32_bits_count(tmp_path):
    size = 2**31 + 5
    sizes, sets = np.array([3, size]), pa.table({"set_id": ["few", "many"]})
    with new_file(tmp_path / "large.arrow", sizes, sets, Description(("x",), (1,)), dtype=np.uint8) as target:
        target[-1] = 7
    store = SetStore.open(tmp_path / "large.arrow")
    assert store.sizes.tolist() == [3, size]
    assert store.elements(1)[-1] == 7
    assert store.elements(1)[0] == 0
