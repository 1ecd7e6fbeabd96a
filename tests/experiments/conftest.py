"""Tiny runs, so that the whole runner takes a second."""

import pytest

from experiments.scales import Protocol

TINY = Protocol(epochs=3, batch_size=7, learning_rate=1e-3, train=23, test=17, elements=5)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setattr("experiments.running.protocol", lambda task, scale: TINY)  # noqa: ARG005 - as the real one


@pytest.fixture
def places(tmp_path):
    """Return directories of checkpoints and of records."""
    return {"work": tmp_path / "work", "results": tmp_path / "results"}
