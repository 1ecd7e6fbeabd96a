"""setwise: prediction on sets, exact on sets of any size."""

from setwise import layers, models
from setwise.batch import SetBatch, SetLayout

__all__ = ["SetBatch", "SetLayout", "layers", "models"]
