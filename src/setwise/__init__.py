"""setwise: prediction on sets, exact on sets of any size."""

from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from setwise._lazy import lazily

if TYPE_CHECKING:
    from setwise import layers, models, parallel
    from setwise.assess.compare import compare
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
    "compare",
    "explain",
    "write_report",
]

# Everything is imported where it is first used: `import setwise` is quick, and so is the command line's help.
_LATER = {
    "SetBatch": "batch",
    "SetLayout": "batch",
    "SetRegressor": "estimators",
    "SetClassifier": "estimators",
    "SetElementClassifier": "estimators",
    "SetElementRegressor": "estimators",
    "SetSummaries": "estimators",
    "read": "readers.read",
    "SetStore": "store.store",
    "Study": "fit.study",
    "train": "fit.train",
    "FitConfig": "runs.config",
    "Run": "runs.run",
    "cross_validate": "validate.cross_validation",
    "tune": "validate.tune",
    "predict": "runs.predict",
    "evaluate": "assess.evaluate",
    "compare": "assess.compare",
    "explain": "explanations.explain",
    "write_report": "report.page",
}
_find = lazily(__name__, _LATER)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("setwise")
    if not name.startswith("_") and name not in _LATER and find_spec(f"setwise.{name}") is not None:
        return import_module(f"setwise.{name}")  # modules are there from the first moment, not after somebody's import
    return _find(name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
