"""Peers learn from a fold and predict in the form of all others; what they cannot do they refuse."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from accuracy.entrant import Exercise
from accuracy.entrants import ENTRANTS, chosen_entrants
from accuracy.peers import filters, geometric, multiple_instance
from accuracy.peers.training import Recipe
from setwise import SetBatch
from setwise._checks import InputError
from tests.accuracy.made import dataset, made_sets


def _exercise(tmp_path, **changes):
    own = dataset(**changes)
    store = own.read(tmp_path)
    return Exercise(own, store, own.folds(store, 0)[0], 3)


def test_peers_are_named_with_the_package_that_they_need():
    needed = {entrant.name: entrant.package for entrant in ENTRANTS if entrant.kind == "peer"}
    assert needed == {
        "filters": "",
        "pyg-deep-sets": "torch_geometric",
        "pyg-set-transformer": "torch_geometric",
        "torchmil-abmil": "torchmil",
        "torchmil-dsmil": "torchmil",
        "torchmil-transmil": "torchmil",
        "autogluon-moments": "autogluon",
    }


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")  # PyTorch Geometric's
@pytest.mark.parametrize(
    "name",
    [
        *("filters", "pyg-deep-sets", "pyg-set-transformer", "torchmil-abmil", "torchmil-dsmil"),
        pytest.param("torchmil-transmil", marks=pytest.mark.slow),
    ],
)
def test_a_peer_predicts_the_test_sets(name, tmp_path, monkeypatch):
    (entrant,) = chosen_entrants([name])
    if entrant.package and find_spec(entrant.package) is None:
        pytest.skip(entrant.missing())
    for module in (filters, geometric, multiple_instance):
        monkeypatch.setattr(module, "_RECIPE", Recipe(epochs=2, rate=1e-2))
    exercise = _exercise(tmp_path)
    found, same = entrant.predict(exercise), entrant.predict(exercise)
    assert found.predicted.shape == (11, 2)
    assert found.predicted.sum(1) == pytest.approx(1)
    assert len(np.unique(found.predicted)) > 2
    assert np.array_equal(found.predicted, same.predicted)
    assert np.array_equal(found.truth[:, 0], exercise.fold.test % 2)


def test_filters_average_the_strongest_answers():
    model = filters.Filters(1, 1)
    with torch.no_grad():
        model.filters.weight.fill_(1.0)
        model.filters.bias.zero_()
        model.last.weight.fill_(1 / 24)
        model.last.bias.zero_()
    sets = [torch.arange(40.0)[:, None], torch.tensor([[-3.0]]), torch.tensor([[2.0], [7.0], [1.0]])]
    assert model(SetBatch.from_list(sets))[:, 0].tolist() == pytest.approx([38.5, 0.0, 7.0])  # two of 40, one of 3


def test_filters_learn_what_tells_classes_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(filters, "_RECIPE", Recipe(epochs=40, rate=1e-2, batch=4))
    found = filters.predict(_exercise(tmp_path))
    assert (found.predicted.argmax(1) == found.truth[:, 0]).mean() > 0.7


def test_models_for_two_classes_refuse_others(tmp_path):
    def read(data):
        store = made_sets(data)
        return store.with_sets(store.sets.append_column("color", [[f"color {i % 3}" for i in range(22)]]))

    with pytest.raises(InputError, match="two classes"):
        multiple_instance.predict(_exercise(tmp_path, read=read, targets=("color",)), model="ABMIL")
