"""List the families of models, and find one by the name of a model or by a specification."""

from collections.abc import Iterable
from typing import Any

from setwise._checks import check_choice
from setwise._options import Declaration, declarations, merged
from setwise.models.boosting import BOOSTING
from setwise.models.deep_sets import DEEP_SETS
from setwise.models.family import Family
from setwise.models.kernel import KERNEL
from setwise.models.linear import LINEAR
from setwise.models.pointnet import POINTNET
from setwise.models.set_transformer import SET_TRANSFORMER
from setwise.models.spec import Spec
from setwise.models.stack import STACK
from setwise.models.trees import TREES

FAMILIES: tuple[Family, ...] = (DEEP_SETS, SET_TRANSFORMER, POINTNET, TREES, BOOSTING, LINEAR, KERNEL, STACK)
MODELS = tuple(name for family in FAMILIES for name in family.models)
DEFAULT, NETWORK = "auto", "deep-sets++"  # what is fitted where nobody says, and where networks alone will do
CHOICES = tuple(dict.fromkeys(name for family in FAMILIES for name in family.choices()))


def family_of_model(name: str) -> Family:
    """Return the family of a named model.

    Raises:
        InputError: an unknown name.
    """
    check_choice("the model's name", name, MODELS)
    return next(family for family in FAMILIES if name in family.models)


def network_instead(name: str, choices: Iterable[str], *, of: str) -> str:
    """Return the name of the model that is fitted: a network where a stack is asked for that networks alone can be.

    Args:
        name: of the model that is asked for.
        choices: that are made of it; those of networks make it one.
        of: what is predicted, sets or elements.
    """
    family = family_of_model(name)
    if not family.candidates or (of == "sets" and all(choice in family.choices() for choice in choices)):
        return name
    return NETWORK


def family_of(spec: Spec) -> Family:
    """Return the family of a specification."""
    return _by_name(spec.family)


def spec_from_dict(values: dict[str, Any]) -> Spec:
    """Return the specification that `Spec.to_dict` gave as plain values.

    Raises:
        InputError: an unknown family, an unknown or missing name, or a value that the family refuses.
        TypeError: a number that is not whole.
    """
    values = dict(values)
    if "parts" in values:
        values["parts"] = tuple(map(spec_from_dict, values["parts"]))
    return _by_name(values.pop("family", None)).spec(**values)


def _by_name(name: object) -> Family:
    check_choice("family", name, tuple(family.name for family in FAMILIES))
    return next(family for family in FAMILIES if family.name == name)


def choices_of_models(panel: str | None = None) -> tuple[Declaration, ...]:
    """Return the choices of all families as options, with what they mean for each.

    Args:
        panel: heading below which the command line's help shows them.
    """
    own = {family.name: declarations(family.choices(), panel=panel) for family in FAMILIES}
    return merged(own, shown="as the model's name and the number of sets ask for")
