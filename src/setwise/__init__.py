"""setwise: prediction on sets."""

from setwise.batch import SetBatch, SetLayout

__all__ = ["SetBatch", "SetLayout"]
