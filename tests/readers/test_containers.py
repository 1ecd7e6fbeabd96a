"""Sets in memory that one object of a library holds, for `read` and for estimators."""

import awkward as ak
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from setwise import SetBatch, SetClassifier, SetSummaries
from setwise._checks import InputError
from setwise.readers.read import read

SIZES = (5, 1, 3, 7)


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, 2)).astype(np.float32) for n in SIZES]


def _contained(sets):
    lists = [x.tolist() for x in sets]
    structs = [[{"u": row[0], "v": row[1]} for row in x] for x in lists]
    vectors = pa.array(lists, pa.list_(pa.list_(pa.float32(), 2)))
    nested = [torch.nested.nested_tensor([torch.from_numpy(x) for x in sets], layout=layout) for layout in LAYOUTS]
    return {
        "awkward": ak.Array(sets),
        "awkward, regular": ak.to_regular(ak.Array(sets), axis=2),
        "jagged": nested[0],
        "nested": nested[1],
        "batch": SetBatch.from_list([torch.from_numpy(x) for x in sets]),
        "arrow": vectors,
        "arrow, chunked": pa.chunked_array([vectors[:1], vectors[1:]]),
        "arrow, lists": pa.array(lists, pa.large_list(pa.list_(pa.float32()))),
        "arrow, structs": pa.array(structs),
        "polars": pl.Series(lists),
        "polars, structs": pl.Series(structs),
        "pandas": pd.Series(sets),
        "mapping": {f"p{n}": x for n, x in enumerate(sets)},
    }


LAYOUTS = (torch.jagged, torch.strided)
NAMES = ["awkward", "awkward, regular", "jagged", "nested", "batch", "arrow", "arrow, chunked", "arrow, lists"]
NAMES += ["arrow, structs", "polars", "polars, structs", "pandas", "mapping"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_every_container_is_a_list_of_arrays(sets, name, tmp_path):
    source = _contained(sets)[name]
    store = read(source)
    assert store.sizes.tolist() == list(SIZES)
    assert store.features == (("u", "v") if "structs" in name else ("x0", "x1"))
    assert store.set_ids == ([f"p{n}" for n in range(4)] if name == "mapping" else list("0123"))
    for row, x in enumerate(sets):
        np.testing.assert_allclose(store.elements(row), x, rtol=1e-6)
    assert read(source, store=tmp_path / "s.arrow").fingerprint == store.fingerprint
    np.testing.assert_allclose(SetSummaries().fit_transform(source), SetSummaries().fit_transform(sets), rtol=1e-5)


def test_estimators_fit_what_is_read(sets):
    many = [x + i % 2 for i, x in enumerate(sets * 4)]
    y = [i % 2 for i in range(16)]
    chosen = {"model": "linear", "ensemble": 1, "random_state": 0}
    expected = SetClassifier(**chosen).fit(many, y).predict_proba(many)
    for source in (
        ak.Array(many),
        SetBatch.from_list([torch.from_numpy(x) for x in many]),
        pl.Series([x.tolist() for x in many]),
    ):
        np.testing.assert_allclose(SetClassifier(**chosen).fit(source, y).predict_proba(source), expected, atol=1e-4)


def test_covariates_of_a_batch_go_along(sets):
    covariates = torch.arange(8.0).reshape(4, 2)
    batch = SetBatch.from_list([torch.from_numpy(x) for x in sets], covariates=covariates)
    store = read(batch)
    assert store.sets["covariate_1"].to_pylist() == [1, 3, 5, 7]
    fitted = SetClassifier(model="linear", ensemble=1, random_state=0).fit(batch, [0, 1, 0, 1])
    assert fitted.run_.record.covariates is not None
    assert list(fitted.run_.record.covariates.names) == ["covariate 0", "covariate 1"]
    with pytest.raises(InputError, match="covariates must be those that the model was fitted with"):
        fitted.predict(sets)
    fitted.predict(sets, covariates=covariates)


def test_arrays_by_name_follow_the_table_of_sets(sets):
    source = dict(zip("abcd", sets, strict=True))
    store = read(source, sets={"set_id": list("dcba"), "y": [7, 3, 1, 5]})
    assert store.sizes.tolist() == store.sets["y"].to_pylist() == [7, 3, 1, 5]
    with pytest.raises(InputError, match="must have a row for each set"):
        read(source, sets={"set_id": list("abc"), "y": [1, 2, 3]})
    assert read({"set_id": ["a", "b"], "x": [1.5, 2.5]}).features == ("x",)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (ak.Array([1.0, 2.0]), "must have a list of vectors for each set"),
        (ak.Array([[[1.0, 2.0], [3.0]]]), "must have one length"),
        (ak.Array([[[1.0, None]]]), "no value may be missing"),
        (pa.array([[1.0], None]), "row 2 is missing"),
        (pa.array([1.0]), "must hold a list of vectors in each row; got double"),
        (pa.array([[[1.0], [2.0, 3.0]]]), "must have one length"),
        (pa.array([["a"]]), "holds string"),
        (pl.Series([["a"]]), "holds"),
        (pd.Series([1.0, 2.0]), "row 1 of the column must be a set"),
        (ak.Array([[[1.0]], []]), r"must have at least one element; set '1' has none"),
    ],
)
def test_what_holds_no_sets_is_refused(source, message):
    with pytest.raises(InputError, match=message):
        read(source)
