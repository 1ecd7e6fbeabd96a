"""Models: families, their specifications, models by name, import of the authors' checkpoints."""

from typing import TYPE_CHECKING

from setwise._lazy import lazily

if TYPE_CHECKING:
    from setwise.models.building import build, build_from_spec, make_spec
    from setwise.models.deep_sets import DeepSetsSpec
    from setwise.models.element_model import ElementModel
    from setwise.models.families import MODELS, spec_from_dict
    from setwise.models.model import Model, SetModel
    from setwise.models.reference import load_reference
    from setwise.models.set_transformer import SetTransformerSpec
    from setwise.models.spec import Spec

__all__ = [
    "build",
    "build_from_spec",
    "make_spec",
    "spec_from_dict",
    "load_reference",
    "Model",
    "SetModel",
    "ElementModel",
    "Spec",
    "DeepSetsSpec",
    "SetTransformerSpec",
    "MODELS",
]

# Imported where they are first used: the command line's help needs the families, and not torch.
__getattr__ = lazily(
    __name__,
    {
        "build": "building",
        "build_from_spec": "building",
        "make_spec": "building",
        "spec_from_dict": "families",
        "load_reference": "reference",
        "Model": "model",
        "SetModel": "model",
        "ElementModel": "element_model",
        "Spec": "spec",
        "DeepSetsSpec": "deep_sets",
        "SetTransformerSpec": "set_transformer",
        "MODELS": "families",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
