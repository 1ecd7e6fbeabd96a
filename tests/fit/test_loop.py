"""The fit loop on a small model."""

import random
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from setwise.fit.loop import DivergedError, fit
from setwise.layers import penalties
from setwise.runs.checkpoints import Checkpoints
from setwise.runs.config import FitConfig
from setwise.runs.outputs import outputs_of
from setwise.targets import Classes, Objective

QUICK = FitConfig(epochs=7, learning_rate=0.03, device="cpu")


class At:
    """An observer that calls a function once so many epochs are done, fractions included."""

    def __init__(self, epochs: float, action) -> None:
        self.epochs, self.action = epochs, action

    def step(self, epochs: float) -> None:
        if epochs >= self.epochs:
            self.action()

    def epoch(self, record, best_epoch) -> None:
        pass


def same(first, second) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def without_seconds(history) -> list:
    return [record.model_dump(exclude={"seconds"}) for record in history]


@pytest.fixture(scope="module")
def learned(regression, part_of, mean_model):
    """Fit for 40 epochs; return the model, the validation part and the fit."""
    model, validation = mean_model(), part_of(11, seed=1, objective=regression)
    config = QUICK.model_copy(update={"epochs": 40, "patience": None})
    part = part_of(37, objective=regression)
    return model, validation, fit(model, regression, train=part, validation=validation, config=config)


def test_fit_learns(learned):
    model, _, fitted = learned
    history = fitted.progress.history
    assert fitted.status == "finished"
    assert [record.epoch for record in history] == list(range(1, 41))
    assert history[-1].train_loss < 0.5 * history[0].train_loss
    assert set(history[-1].validation) == {"mse", "mae", "r2"}
    assert not model.training


def test_fit_keeps_the_best_epoch(regression, learned):
    model, validation, fitted = learned
    history = fitted.progress.history
    losses = np.array([record.validation_loss for record in history], float)
    assert fitted.progress.best_epoch == 1 + int(np.argmin(losses))
    outputs = outputs_of(model, validation.batches(), device=torch.device("cpu"))
    assert float(regression.loss(outputs.double(), validation.encoded)) == min(losses)
    assert same(model.state_dict(), fitted.weights)


def test_what_layers_add_to_the_loss_is_minimised_and_not_reported(regression, part_of, mean_model):
    def penalty(model):
        return 0.3 * model.first.weight.square().sum()

    def penalised(model):
        model.register_forward_hook(lambda *_: penalties.add(lambda: penalty(model)))
        return model

    class Penalised(Objective):
        """The objective with the penalty in its loss."""

        def loss(self, outputs, encoded, weights=None):
            return super().loss(outputs, encoded, weights) + penalty(model)

    config = QUICK.model_copy(update={"accumulate": 3})
    part = part_of(23, objective=regression)
    found = fit(penalised(mean_model()), regression, train=part, validation=None, config=config)
    model = mean_model()
    want = fit(model, Penalised.join(*regression.targets), train=part, validation=None, config=config)
    for name, weights in want.weights.items():
        torch.testing.assert_close(found.weights[name], weights, rtol=1e-6, atol=1e-8)
    plain = fit(mean_model(), regression, train=part, validation=None, config=config)
    assert not same(plain.weights, found.weights)
    assert found.progress.history[0].train_loss < want.progress.history[0].train_loss


def test_without_validation_the_last_epoch_is_kept(regression, part_of, mean_model):
    fitted = fit(mean_model(), regression, train=part_of(13, objective=regression), validation=None, config=QUICK)
    assert (fitted.progress.best_epoch, fitted.progress.epochs) == (7, 7)
    assert fitted.progress.history[-1].validation_loss is None


def test_same_seed_same_bits_and_nothing_global_moves(regression, part_of, mean_model):
    numbers = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002 - what must not move
    before = (torch.get_rng_state(), numbers, random.getstate(), torch.get_default_dtype())
    runs = []
    for _ in range(2):
        parts = {
            "train": part_of(17, objective=regression),
            "validation": part_of(5, seed=1, objective=regression),
        }
        runs.append(fit(mean_model(), regression, **parts, config=QUICK))
        torch.rand(3)  # what callers draw in between changes nothing
        torch.set_rng_state(before[0])
    assert same(runs[0].weights, runs[1].weights)
    assert without_seconds(runs[0].progress.history) == without_seconds(runs[1].progress.history)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], before[1])  # noqa: NPY002
    assert random.getstate() == before[2]
    assert torch.get_default_dtype() == before[3]


def test_accumulation_gives_the_gradient_of_all_sets_together(regression, part_of, mean_model):
    weights = []
    for batch_size, accumulate in ((5, 3), (15, 1)):
        train = part_of(23, objective=regression)
        train.batch_size = batch_size
        config = QUICK.model_copy(update={"accumulate": accumulate, "precision": "64-true", "epochs": 3})
        weights.append(fit(mean_model(dropout=0.0), regression, train=train, validation=None, config=config).weights)
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-mixed", "bf16-true"])
def test_precisions(precision, regression, part_of, mean_model, capfd):
    config = QUICK.model_copy(update={"precision": precision, "epochs": 3})
    model = mean_model(dropout=0.0)
    parts = {"train": part_of(17, objective=regression), "validation": part_of(7, seed=1, objective=regression)}
    fitted = fit(model, regression, **parts, config=config)
    dtype = {"64-true": torch.float64, "bf16-true": torch.bfloat16}.get(precision, torch.float32)
    assert all(value.dtype == dtype for value in fitted.weights.values())
    exact = fit(mean_model(dropout=0.0), regression, **parts, config=config.model_copy(update={"precision": "64-true"}))
    got, want = (f.progress.history[-1].validation_loss for f in (fitted, exact))
    assert got == pytest.approx(want, rel={"32-true": 1e-4, "64-true": 0}.get(precision, 0.1))
    assert capfd.readouterr() == ("", "")


def test_a_fit_is_silent():
    """What Fabric has to say goes to its log, and from there to the terminal."""
    program = """
import numpy as np
from setwise import FitConfig, Study, read, train
store = read([np.full((3, 2), float(i)) for i in range(8)], sets={"y": np.arange(8.0)})
config = FitConfig(epochs=1, device="cpu", precision="bf16-mixed", ensemble=1)
study = Study(targets="y", model_choices={"depth": 2, "width": 8}, config=config)
train(store, study, baselines=False, intervals=False)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_float64_loss_is_not_rounded(regression, part_of, mean_model):
    config = QUICK.model_copy(update={"precision": "64-true", "epochs": 1})
    fitted = fit(mean_model(), regression, train=part_of(7, objective=regression), validation=None, config=config)
    loss = fitted.progress.history[0].train_loss
    assert loss != float(np.float32(loss))


def test_clip_limits_the_step(regression, part_of, mean_model):
    config = QUICK.model_copy(update={"clip": 1e-13, "weight_decay": 0.0, "epochs": 2})
    model = mean_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fitted = fit(model, regression, train=part_of(13, objective=regression), validation=None, config=config)
    assert fitted.progress.history[0].gradient_norm > 1e-3, "the norm is that before clipping"
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=1e-5)  # without clipping: 0.03 a step


def test_patience_stops_early(regression, part_of, mean_model):
    noise = part_of(29, seed=3, objective=regression, noise=True)
    config = FitConfig(epochs=500, patience=4, learning_rate=0.1, schedule="constant", device="cpu")
    fitted = fit(mean_model(), regression, train=part_of(13, objective=regression), validation=noise, config=config)
    assert fitted.status == "stopped early"
    assert fitted.progress.epochs == fitted.progress.best_epoch + 4


@pytest.mark.parametrize("moment", [0.1, 2.4])
def test_ctrl_c_ends_with_a_usable_model(moment, regression, part_of, mean_model):
    model = mean_model()
    stop = At(moment, lambda: signal.raise_signal(signal.SIGINT))
    parts = {"train": part_of(31, objective=regression), "validation": part_of(7, seed=1, objective=regression)}
    fitted = fit(model, regression, **parts, config=QUICK, observers=[stop])
    assert fitted.status == "interrupted"
    assert fitted.progress.epochs == int(moment)
    assert same(model.state_dict(), fitted.weights)
    whole = fit(mean_model(), regression, **parts, config=QUICK.model_copy(update={"epochs": 7}))
    assert without_seconds(fitted.progress.history) == without_seconds(whole.progress.history)[: int(moment)]


def test_divergence_names_the_epoch(regression, part_of, mean_model):
    config = QUICK.model_copy(update={"learning_rate": 1e30, "schedule": "constant", "warmup": 0.0})
    with pytest.raises(DivergedError, match=r"no longer a finite number in epoch [12]\. Try a learning rate"):
        fit(mean_model(), regression, train=part_of(31, objective=regression), validation=None, config=config)


def test_resume_gives_the_same_bits(regression, part_of, mean_model, tmp_path):
    def stop() -> None:
        raise RuntimeError("stopped")

    parts = {"train": part_of(17, objective=regression), "validation": part_of(5, seed=1, objective=regression)}
    for moment in (0.3, 1.7, 4.2, 6.9):
        with pytest.raises(RuntimeError, match="stopped"):
            fit(
                mean_model(seed=5),
                regression,
                **parts,
                config=QUICK,
                checkpoints=Checkpoints(tmp_path, {"seed": 0}),
                resume=False,
                observers=[At(moment, stop)],
            )
        resumed = fit(
            mean_model(seed=5 if moment < 1 else 11),  # before the first checkpoint there is nothing to go on from
            regression,
            **parts,
            config=QUICK,
            checkpoints=Checkpoints(tmp_path, {"seed": 0}),
            resume=True,
        )
        whole = fit(mean_model(seed=5), regression, **parts, config=QUICK)
        assert same(resumed.weights, whole.weights)
        assert without_seconds(resumed.progress.history) == without_seconds(whole.progress.history)
        assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 7


def test_classification(part_of, mean_model):
    objective = Objective.join(Classes.fit("kind", ["a", "b"]))
    config = QUICK.model_copy(update={"epochs": 30, "patience": None})
    parts = {"train": part_of(41, objective=objective), "validation": part_of(19, seed=1, objective=objective)}
    fitted = fit(mean_model(out_features=2), objective, **parts, config=config)
    best = fitted.progress.history[fitted.progress.best_epoch - 1]
    assert best.validation["accuracy"] > 0.8
    assert set(best.validation) == {"cross_entropy", "accuracy", "balanced_accuracy", "auc"}


def test_learning_rate_warms_up_and_ends_at_zero():
    config = FitConfig(epochs=100, learning_rate=2.0, warmup=0.1)
    assert config.learning_rate_at(5.0) == pytest.approx(1.0)
    assert config.learning_rate_at(10.0) == pytest.approx(2.0)
    assert config.learning_rate_at(55.0) == pytest.approx(1.0)
    assert config.learning_rate_at(100.0) == pytest.approx(0.0, abs=1e-12)
    assert config.model_copy(update={"schedule": "constant"}).learning_rate_at(99.0) == 2.0
