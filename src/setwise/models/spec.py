"""What a model is: frozen, serialisable specifications of the two families."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from setwise._checks import InputError, check_choice, check_positive
from setwise.layers.residual import check_residual
from setwise.variants import NORMS, POOLS

ELEMENTS = ("vectors", "categories", "images")
OUTPUTS = ("sets", "elements", "which-element")


@dataclass(frozen=True, kw_only=True)
class DeepSetsSpec:
    """A Deep Sets model.

    Attributes:
        in_features: features of an element (columns of categories, channels of images).
        out_features: K, outputs per set or per element.
        depth: linear layers inside residual blocks, an even number; without residuals there are ``depth + 1`` blocks.
        width: W, hidden features.
        norm: a word of `setwise.variants.NORMS`; "feature" has running statistics in evaluation, "feature-by-element"
            and "feature-by-set" the batch's own.
        residual: "none", "equivariant", "mean", "max" or "sum".
        path: "clean" or "non-clean"; none exactly where there is no residual.
        pool: a word of `setwise.variants.POOLS`; none exactly where outputs are per element.
        covariates: C, features of the set as a whole that enter the decoder; with outputs per element, each element.
        elements: "vectors", "categories" or "images".
        categories: number of categories of each column, for categorical elements.
        output: "sets" (one row of outputs per set), "elements" (one per element) or "which-element" (of each element
            the log-probability that it is the one that is meant).
    """

    in_features: int
    out_features: int
    depth: int = 50
    width: int = 128
    norm: str = "set"
    residual: str = "equivariant"
    path: str | None = "clean"
    pool: str | None = "sum"
    covariates: int = 0
    elements: str = "vectors"
    categories: tuple[int, ...] | None = None
    output: str = "sets"

    def __post_init__(self) -> None:
        _check_common(self)
        if self.output == "sets":
            check_choice("pool", self.pool, tuple(POOLS))
        elif self.pool is not None:
            raise InputError(f"outputs per element pool nothing; got pool={self.pool!r}. Leave the pooling out.")
        if self.residual == "none":
            if self.path is not None:
                raise InputError(f"a model without residuals has no path; got path={self.path!r}. Leave it out.")
            return
        check_residual(self.residual, self.path)
        if self.depth % 2:
            raise InputError(f"depth must be even, two linear layers to a residual block; got {self.depth}.")

    def to_dict(self) -> dict[str, Any]:
        """The specification as plain values, for JSON."""
        return {"family": "deep-sets", **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class SetTransformerSpec:
    """A Set Transformer: ISAB blocks, pooling by attention, three SABs, linear.

    Attributes: as `DeepSetsSpec`, and
        depth: number of ISABs.
        heads: H, divides the width.
        inducing: I, inducing points of each ISAB.
    """

    in_features: int
    out_features: int
    depth: int = 16
    width: int = 128
    heads: int = 4
    inducing: int = 32
    norm: str = "set"
    residual: str = "equivariant"
    path: str = "clean"
    covariates: int = 0
    elements: str = "vectors"
    categories: tuple[int, ...] | None = None
    output: str = "sets"

    def __post_init__(self) -> None:
        _check_common(self)
        check_positive(heads=self.heads, inducing=self.inducing)
        if self.width % self.heads:
            raise InputError(f"heads must divide the width; got {self.heads} heads and width {self.width}.")
        if self.residual == "none":
            raise InputError("attention blocks without a residual are not defined; use 'equivariant', 'mean' or 'max'.")
        check_residual(self.residual, self.path)

    def to_dict(self) -> dict[str, Any]:
        """The specification as plain values, for JSON."""
        return {"family": "set-transformer", **asdict(self)}


def spec_from_dict(values: dict[str, Any]) -> DeepSetsSpec | SetTransformerSpec:
    """The inverse of ``to_dict``.

    Raises:
        InputError: an unknown family, an unknown or missing name, or a value that the family refuses.
    """
    values = dict(values)
    family = values.pop("family", None)
    check_choice("family", family, ("deep-sets", "set-transformer"))
    cls = DeepSetsSpec if family == "deep-sets" else SetTransformerSpec
    known = {f.name for f in fields(cls)}
    unknown, missing = values.keys() - known, {"in_features", "out_features"} - values.keys()
    if unknown or missing:
        raise InputError(
            f"a {family} specification must have in_features and out_features, and no other names than "
            f"{', '.join(sorted(known))}; unknown: {sorted(unknown)}, missing: {sorted(missing)}."
        )
    if values.get("categories") is not None:
        values["categories"] = tuple(values["categories"])
    return cls(**values)


def _check_common(spec: DeepSetsSpec | SetTransformerSpec) -> None:
    for name in ("in_features", "out_features", "depth", "width"):
        value = getattr(spec, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number; got {value!r}.")
        check_positive(**{name: value})
    if spec.covariates < 0:
        raise InputError(f"covariates must be the number of covariates, at least zero; got {spec.covariates}.")
    check_choice("norm", spec.norm, tuple(NORMS))
    check_choice("elements", spec.elements, ELEMENTS)
    check_choice("output", spec.output, OUTPUTS)
    if spec.output != "sets" and spec.covariates and spec.elements != "vectors":
        raise InputError(
            f"with outputs per element, covariates go with vectors; elements are {spec.elements}. Leave them out."
        )
    if spec.output == "which-element" and spec.out_features != 1:
        raise InputError(f"which element is meant takes one output per element; got {spec.out_features}.")
    if (spec.elements == "categories") != (spec.categories is not None):
        raise InputError("categories must be given exactly where elements='categories'.")
    if spec.categories is not None and len(spec.categories) != spec.in_features:
        raise InputError(
            f"categories must have one number per column, in_features={spec.in_features}; got {spec.categories}."
        )
