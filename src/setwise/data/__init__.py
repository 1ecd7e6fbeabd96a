"""Reading sets, keeping them in a store, splitting, transforming and batching them."""

from setwise.data.batching import BatchPlan, BatchSampler, SetDataset, make_loader
from setwise.data.inspect import Summary, summarise
from setwise.data.read import read
from setwise.data.reading import Processing, Reading
from setwise.data.splits import Split, split_sets
from setwise.data.store import SetStore
from setwise.data.transforms import Standardiser

__all__ = [
    "read",
    "Reading",
    "Processing",
    "SetStore",
    "Split",
    "split_sets",
    "Standardiser",
    "BatchPlan",
    "BatchSampler",
    "SetDataset",
    "make_loader",
    "Summary",
    "summarise",
]
