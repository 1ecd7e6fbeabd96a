"""Models on sets of any size, a chunk of elements at a time: exact, with the activations of one layer held once."""

from setwise.streaming.progress import SweepBar
from setwise.streaming.run import count_sweeps, stream
from setwise.streaming.scratch import parse_bytes

__all__ = ["stream", "count_sweeps", "SweepBar", "parse_bytes"]
