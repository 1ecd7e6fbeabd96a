"""The Set Transformer family, Set Transformer++ among them: choices, named models, what is tried of it."""

from typing import Annotated

from pydantic import Field, model_validator

from setwise._checks import InputError
from setwise.models.choices import Norm, Residual, Width, check_residual, crossing
from setwise.models.family import Family, Preset
from setwise.models.spec import OneOf, Spec
from setwise.variants import PATHS

_KEPT = 12  # tensors (N, W) that a layer keeps at most; fused ones keep half


class SetTransformerSpec(Spec):
    """A Set Transformer: ISAB blocks, pooling by attention, three SABs, linear."""

    family = "set-transformer"

    depth: int = Field(default=16, gt=0, description="number of ISABs")
    width: Width = 128
    heads: int = Field(default=4, gt=0, description="H, attention heads, which divide the width")
    inducing: int = Field(default=32, gt=0, description="I, inducing points of each ISAB")
    norm: Norm = "set"
    residual: Residual = "equivariant"
    path: Annotated[str, OneOf(PATHS)] = Field(default="clean", description="operations on the residual path")

    @model_validator(mode="after")
    def _go_together(self) -> "SetTransformerSpec":
        if self.width % self.heads:
            raise InputError(f"heads must divide the width; got {self.heads} heads and width {self.width}.")
        if self.residual == "none":
            raise InputError("attention blocks without a residual are not defined; use 'equivariant', 'mean' or 'max'.")
        check_residual(self.residual, self.path)
        return self

    @property
    def hidden(self) -> int:
        return self.width

    @property
    def kept(self) -> int:
        return self.width * _KEPT * self.depth

    @property
    def crosses_sets(self) -> str | None:
        return crossing(self.norm)


SET_TRANSFORMER = Family(
    spec=SetTransformerSpec,
    network="setwise.models.set_transformer_network:set_transformer",
    models={
        "set-transformer": Preset({"depth": 2, "norm": "none", "residual": "equivariant", "path": "non-clean"}),
        "set-transformer++": Preset(
            {"depth": 16, "norm": "set", "residual": "equivariant", "path": "clean"},
            few={"depth": 2, "width": 64},
            some={"depth": 4, "width": 128},
            many={"depth": 16, "width": 128},
        ),
    },
    implied={"pool": "attention"},
    space={"depth": (1, 2, 4), "width": (16, 32, 64, 128)},
)
