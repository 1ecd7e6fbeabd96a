"""Using a run: predictions for new sets, and metrics where the targets are known."""

from setwise.inference.evaluate import Evaluation, evaluate
from setwise.inference.predict import predict

__all__ = ["predict", "evaluate", "Evaluation"]
