"""setwise: prediction on sets, exact on sets of any size."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from setwise import layers, models, parallel
    from setwise.assess.evaluate import evaluate
    from setwise.batch import SetBatch, SetLayout
    from setwise.estimators import SetClassifier, SetElementClassifier, SetElementRegressor, SetRegressor, SetSummaries
    from setwise.fit.train import train
    from setwise.readers.read import read
    from setwise.runs.config import FitConfig
    from setwise.runs.predict import predict
    from setwise.runs.run import Run
    from setwise.store.store import SetStore

__all__ = [
    "SetBatch",
    "SetLayout",
    "layers",
    "models",
    "parallel",
    "SetRegressor",
    "SetClassifier",
    "SetElementClassifier",
    "SetElementRegressor",
    "SetSummaries",
    "read",
    "SetStore",
    "train",
    "FitConfig",
    "Run",
    "predict",
    "evaluate",
]

# Everything is imported where it is first used: `import setwise` is quick, and so is the command line's help.
_LATER = {
    "SetBatch": "setwise.batch",
    "SetLayout": "setwise.batch",
    "SetRegressor": "setwise.estimators",
    "SetClassifier": "setwise.estimators",
    "SetElementClassifier": "setwise.estimators",
    "SetElementRegressor": "setwise.estimators",
    "SetSummaries": "setwise.estimators",
    "read": "setwise.readers.read",
    "SetStore": "setwise.store.store",
    "train": "setwise.fit.train",
    "FitConfig": "setwise.runs.config",
    "Run": "setwise.runs.run",
    "predict": "setwise.runs.predict",
    "evaluate": "setwise.assess.evaluate",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("setwise")
    if name in ("layers", "models", "parallel"):
        return import_module(f"setwise.{name}")
    if name not in _LATER:
        raise AttributeError(f"module 'setwise' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
