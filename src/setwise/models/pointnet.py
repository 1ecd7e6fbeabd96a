"""The PointNet family: choices, named models, what is tried of it."""

from typing import Annotated

from pydantic import Field, model_validator

from setwise._checks import InputError
from setwise.models.choices import Norm, Width, crossing
from setwise.models.family import Family, Preset
from setwise.models.spec import OneOf, Spec

TRANSFORMS = ("both", "input", "feature", "none")
_KEPT = 3  # tensors that a layer keeps for gradients at most: before and after its norm, and after its ReLU
_LARGEST = 1 << 26  # weights of a layer that predicts a transform


class PointNetSpec(Spec):
    """A PointNet: layers shared by the elements, transforms that the set predicts for them, the maximum.

    W is the width of the first layers; later ones have 2 and 16 times as many features.
    """

    family = "pointnet"

    width: Width = 64
    norm: Norm = "set"
    transforms: Annotated[str, OneOf(TRANSFORMS)] = Field(
        default="both", description="T-Nets: of the elements as they come (input), after two layers (feature), or both"
    )
    orthogonality: float = Field(
        default=0.001, ge=0, description="weight in the loss of how far the feature transform is from orthogonal"
    )

    @model_validator(mode="after")
    def _is_of_a_size(self) -> "PointNetSpec":
        weights = 4 * self.width * self.in_features**2
        if self.elements == "vectors" and self.transforms in ("both", "input") and weights > _LARGEST:
            raise InputError(
                f"a transform of {self.in_features:,} features takes {weights:,} weights; {_LARGEST:,} are allowed. "
                "Leave it out (transforms='feature', --transforms feature)."
            )
        return self

    @property
    def hidden(self) -> int:
        return 16 * self.width

    @property
    def kept(self) -> int:
        nets = {"both": 2, "none": 0}.get(self.transforms, 1)
        return _KEPT * self.width * (21 + 19 * nets)

    @property
    def crosses_sets(self) -> str | None:
        return crossing(self.norm)


POINTNET = Family(
    spec=PointNetSpec,
    network="setwise.models.pointnet_network:pointnet",
    models={"pointnet": Preset({}, few={"width": 16}, some={"width": 32}, many={"width": 64})},
    implied={"pool": "max"},
    space={"width": (16, 32, 64, 128)},
)
