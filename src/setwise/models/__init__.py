"""Models: the Deep Sets and Set Transformer families, their specifications, import of the authors' checkpoints."""

from setwise.models.build import MODELS, build, build_from_spec, make_spec
from setwise.models.element_model import ElementModel
from setwise.models.model import SetModel
from setwise.models.reference import load_reference
from setwise.models.spec import DeepSetsSpec, SetTransformerSpec, spec_from_dict

__all__ = [
    "build",
    "build_from_spec",
    "make_spec",
    "spec_from_dict",
    "load_reference",
    "SetModel",
    "ElementModel",
    "DeepSetsSpec",
    "SetTransformerSpec",
    "MODELS",
]
