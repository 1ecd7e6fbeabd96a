import numpy as np
import pandas as pd
import pytest

from setwise._checks import InputError
from setwise.explanations.config import ExplainConfig
from setwise.explanations.copies import copy_with_scores
from setwise.explanations.explain import explain
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.readers.request import ReadRequest

from .conftest import fit

anndata = pytest.importorskip("anndata", reason="the extra anndata is not installed")


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Make cells of 13 samples, in no order."""
    rng = np.random.default_rng(0)
    sample = rng.permutation(np.repeat([f"p{i}" for i in range(13)], 11))
    states = np.where([int(name[1:]) % 2 for name in sample], "sick", "well")
    x = rng.normal(size=(len(sample), 3)).astype(np.float32) + (states == "sick")[:, None]
    index = pd.Index([f"c{i}" for i in range(len(sample))], dtype=object)
    columns = {"sample": sample, "state": states}
    kinds = {name: pd.Index(sorted(set(text)), dtype=object) for name, text in columns.items()}
    obs = pd.DataFrame(
        {name: pd.Categorical(text, categories=kinds[name]) for name, text in columns.items()}, index=index
    )
    path = tmp_path_factory.mktemp("cells") / "cells.h5ad"
    anndata.AnnData(x, obs=obs, var=pd.DataFrame(index=pd.Index(["CD3", "CD4", "CD8"], dtype=object))).write_h5ad(path)
    return path


def test_scores_lie_in_obs_and_samples_in_uns(cells, tmp_path):
    store = read(cells, set_id="sample", reading=Reading())
    run = fit(store, epochs=2, model="deep-sets", model_choices={"depth": 2, "width": 8})
    config = ExplainConfig(orders=2, draws=2, steps=4, max_elements=7)
    found = explain(run, store, config=config, only=["p3", "p8"], device="cpu")
    (path,) = copy_with_scores(found, cells, ReadRequest(set_id="sample"), tmp_path)
    assert path == tmp_path / "cells.h5ad"
    copy = anndata.read_h5ad(path)
    scores = found.scores.to_pandas()
    for name in ("p3", "p8"):
        own = copy.obs[copy.obs["sample"] == name]["setwise_leave_one_out"].to_numpy()
        wanted = scores[scores.set_id == name]
        assert np.isnan(own).sum() == 11 - 7
        np.testing.assert_allclose(own[wanted.element], wanted.leave_one_out)
    assert copy.obs["setwise_integrated_gradients"].notna().sum() == 14
    assert list(copy.uns["setwise_sets"]["set_id"]) == found.sets["set_id"].to_pylist()
    np.testing.assert_allclose(copy.uns["setwise_faithfulness"]["area"], found.faithfulness["area"].to_numpy())


def test_other_sources_are_refused(tmp_path):
    with pytest.raises(InputError, match="h5ad"):
        copy_with_scores(None, tmp_path / "cells.csv", ReadRequest(set_id="sample"), tmp_path)  # type: ignore[arg-type]
