"""List what takes part, the default of setwise first, and find it by name."""

from collections.abc import Sequence

from accuracy.baselines import BASELINES
from accuracy.entrant import Entrant
from accuracy.ours import DEFAULT, OURS
from accuracy.peers.automatic import AUTOMATIC
from accuracy.peers.filters import FILTERS
from accuracy.peers.geometric import GEOMETRIC
from accuracy.peers.multiple_instance import MULTIPLE_INSTANCE
from setwise._checks import check_choice

ENTRANTS: tuple[Entrant, ...] = (*OURS, *BASELINES, *FILTERS, *GEOMETRIC, *MULTIPLE_INSTANCE, *AUTOMATIC)
_DEFAULT_WORD = "default"


def chosen_entrants(names: Sequence[str]) -> list[Entrant]:
    """Return the entrants of these names, all where there are none; "default" is the default of setwise.

    Raises:
        InputError: a name that there is not.
    """
    by_name = {entrant.name: entrant for entrant in ENTRANTS}
    for name in names:
        check_choice("the name of a model", name, (_DEFAULT_WORD, *by_name))
    wanted = dict.fromkeys(DEFAULT if name == _DEFAULT_WORD else name for name in names)
    return [by_name[name] for name in wanted] if names else list(ENTRANTS)
