"""The Deep Sets family, Deep Sets++ among them: choices, named models, what is tried of it."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from setwise._checks import InputError, check_choice
from setwise.models.choices import Norm, Residual, Width, check_residual, crossing, growing
from setwise.models.family import Family, Preset
from setwise.models.spec import OneOf, Spec
from setwise.variants import PATHS, POOLS

_KEPT = 4  # tensors (N, W) that a layer keeps at most; fused ones keep half


class DeepSetsSpec(Spec):
    """A Deep Sets model."""

    family = "deep-sets"

    depth: int = Field(
        default=50,
        gt=0,
        description="linear layers inside residual blocks, an even number; without residuals there are depth + 1 "
        "blocks of one",
    )
    width: Width = 128
    norm: Norm = "set"
    residual: Residual = "equivariant"
    path: Annotated[str | None, OneOf(PATHS)] = Field(
        default=None, description="operations on the residual path; clean by default, none without residuals"
    )
    pool: Annotated[str | None, OneOf(tuple(POOLS))] = Field(
        default=None, description="the pooling, a sum by default; none where outputs are per element"
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_that_follow(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take a clean path where there are residuals, and a sum where there is something to pool."""
        path = None if values.get("residual") == "none" else "clean"
        pool = "sum" if values.get("output", "sets") == "sets" else None
        return {"path": path, "pool": pool, **values}

    @model_validator(mode="after")
    def _go_together(self) -> "DeepSetsSpec":
        if self.output == "sets":
            check_choice("pool", self.pool, tuple(POOLS))
        elif self.pool is not None:
            raise InputError(f"outputs per element pool nothing; got pool={self.pool!r}. Leave the pooling out.")
        if self.residual == "none":
            if self.path is not None:
                raise InputError(f"a model without residuals has no path; got path={self.path!r}. Leave it out.")
            return self
        check_choice("path", self.path, PATHS)
        check_residual(self.residual, self.path)
        if self.depth % 2:
            raise InputError(f"depth must be even, two linear layers to a residual block; got {self.depth}.")
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

    @property
    def needs_whole_sets(self) -> tuple[str, str, str] | None:
        choice = growing(self.pool)
        why = "a sum over sub-samples has another scale than one over the whole sets that are predicted"
        return (choice, why, "Pool by the mean") if choice is not None else None


DEEP_SETS = Family(
    spec=DeepSetsSpec,
    network="setwise.models.deep_sets_network:deep_sets",
    models={
        "deep-sets": Preset({"depth": 2, "norm": "none", "residual": "none"}),
        "deep-sets++": Preset(
            {"depth": 50, "norm": "set", "residual": "equivariant"},
            few={"depth": 4, "width": 64},
            some={"depth": 10, "width": 128},
            many={"depth": 50, "width": 128},
        ),
    },
    fitting={"pool": "mean"},
    space={"depth": (2, 4, 10, 20), "width": (16, 32, 64, 128)},
)
