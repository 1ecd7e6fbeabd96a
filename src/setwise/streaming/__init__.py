"""The elements of one set of any size, a chunk at a time: what layers and models stream with."""

from setwise.streaming.progress import SweepBar
from setwise.streaming.scratch import parse_bytes

__all__ = ["SweepBar", "parse_bytes"]
