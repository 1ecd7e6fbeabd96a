"""setwise: prediction on sets, exact on sets of any size."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from setwise import layers, models, parallel
    from setwise.batch import SetBatch, SetLayout
    from setwise.data import SetStore, read
    from setwise.element_estimators import SetElementClassifier, SetElementRegressor
    from setwise.estimators import SetClassifier, SetRegressor
    from setwise.inference import evaluate, predict
    from setwise.set_summaries import SetSummaries
    from setwise.training import FitConfig, Run, train

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
    "SetElementClassifier": "setwise.element_estimators",
    "SetElementRegressor": "setwise.element_estimators",
    "SetSummaries": "setwise.set_summaries",
    "read": "setwise.data",
    "SetStore": "setwise.data",
    "train": "setwise.training",
    "FitConfig": "setwise.training",
    "Run": "setwise.training",
    "predict": "setwise.inference",
    "evaluate": "setwise.inference",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("setwise")
    if name in ("layers", "models", "parallel"):
        return import_module(f"setwise.{name}")
    if name not in _LATER:
        raise AttributeError(f"module 'setwise' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
