"""List the data sets of the benchmark, and find them by name."""

from collections.abc import Sequence

from accuracy.data.bags import BAGS
from accuracy.data.birds import BIRDS
from accuracy.data.covid import COVID
from accuracy.data.dapg import DAPG
from accuracy.data.itn import ITN
from accuracy.data.radhar import RADHAR
from accuracy.data.setbench import SETBENCH
from accuracy.dataset import Dataset
from setwise._checks import check_choice

DATASETS: tuple[Dataset, ...] = (*BAGS, BIRDS, COVID, ITN, DAPG, *SETBENCH, RADHAR)


def chosen_data(names: Sequence[str]) -> list[Dataset]:
    """Return the data sets of these names, all where there are none.

    Raises:
        InputError: a name that there is not.
    """
    by_name = {dataset.name: dataset for dataset in DATASETS}
    for name in names:
        check_choice("the name of a data set", name, tuple(by_name))
    return [by_name[name] for name in names] if names else list(DATASETS)
