"""setwise: prediction on sets, exact on sets of any size."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from setwise import layers, models, parallel
    from setwise.assess.evaluate import evaluate
    from setwise.batch import SetBatch, SetLayout
    from setwise.estimators import SetClassifier, SetElementClassifier, SetElementRegressor, SetRegressor, SetSummaries
    from setwise.explanations.explain import explain
    from setwise.fit.study import Study
    from setwise.fit.train import train
    from setwise.readers.read import read
    from setwise.report.page import write_report
    from setwise.runs.config import FitConfig
    from setwise.runs.predict import predict
    from setwise.runs.run import Run
    from setwise.store.store import SetStore
    from setwise.validate.cross_validation import cross_validate
    from setwise.validate.tune import tune

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
    "Study",
    "train",
    "FitConfig",
    "Run",
    "cross_validate",
    "tune",
    "predict",
    "evaluate",
    "explain",
    "write_report",
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
    "Study": "setwise.fit.study",
    "train": "setwise.fit.train",
    "FitConfig": "setwise.runs.config",
    "Run": "setwise.runs.run",
    "cross_validate": "setwise.validate.cross_validation",
    "tune": "setwise.validate.tune",
    "predict": "setwise.runs.predict",
    "evaluate": "setwise.assess.evaluate",
    "explain": "setwise.explanations.explain",
    "write_report": "setwise.report.page",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("setwise")
    if name in ("layers", "models", "parallel"):
        return import_module(f"setwise.{name}")
    if name not in _LATER:
        raise AttributeError(f"module 'setwise' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
