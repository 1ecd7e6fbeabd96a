"""Models by name."""

from collections.abc import Sequence
from typing import Any

import torch

from setwise._checks import InputError, check_choice
from setwise.models.deep_sets import deep_sets
from setwise.models.element_model import ElementModel
from setwise.models.model import SetModel
from setwise.models.set_transformer import set_transformer
from setwise.models.spec import DeepSetsSpec, SetTransformerSpec

_DEFAULTS: dict[str, dict[str, Any]] = {
    "deep-sets": {"depth": 2, "norm": "none", "residual": "none", "path": None},
    "deep-sets++": {"depth": 50, "norm": "set", "residual": "equivariant", "path": "clean"},
    "set-transformer": {"depth": 2, "norm": "none", "residual": "equivariant", "path": "non-clean"},
    "set-transformer++": {"depth": 16, "norm": "set", "residual": "equivariant", "path": "clean"},
}
MODELS = tuple(_DEFAULTS)


def make_spec(
    name: str,
    in_features: int,
    out_features: int,
    *,
    depth: int | None = None,
    width: int = 128,
    norm: str | None = None,
    residual: str | None = None,
    path: str | None = None,
    pool: str | None = None,
    heads: int | None = None,
    inducing: int | None = None,
    covariates: int = 0,
    elements: str = "vectors",
    categories: Sequence[int] | None = None,
    output: str = "sets",
) -> DeepSetsSpec | SetTransformerSpec:
    """The specification of a named model; arguments and errors as for `build`."""
    check_choice("the model's name", name, MODELS)
    given = {"depth": depth, "norm": norm, "residual": residual, "path": path}
    choices = _DEFAULTS[name] | {key: value for key, value in given.items() if value is not None}
    if choices["residual"] != "none" and choices["path"] is None:
        choices["path"] = "clean"
    if choices["residual"] == "none" and path is None:
        choices["path"] = None
    choices |= {
        "in_features": in_features,
        "out_features": out_features,
        "width": width,
        "covariates": covariates,
        "elements": elements,
        "categories": None if categories is None else tuple(categories),
        "output": output,
    }
    if name.startswith("deep-sets"):
        _refuse(name, heads=heads, inducing=inducing)
        pool = "sum" if pool is None and output == "sets" else pool
        return DeepSetsSpec(**choices, pool=pool)
    _refuse(name, pool=None if pool == "attention" else pool)
    return SetTransformerSpec(
        **choices, heads=4 if heads is None else heads, inducing=32 if inducing is None else inducing
    )


def build(
    name: str,
    in_features: int,
    out_features: int,
    *,
    depth: int | None = None,
    width: int = 128,
    norm: str | None = None,
    residual: str | None = None,
    path: str | None = None,
    pool: str | None = None,
    heads: int | None = None,
    inducing: int | None = None,
    covariates: int = 0,
    elements: str = "vectors",
    categories: Sequence[int] | None = None,
    output: str = "sets",
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> SetModel | ElementModel:
    """Build a model by name, with every choice of the paper's ablations an argument.

    Args:
        name: "deep-sets", "deep-sets++", "set-transformer" or "set-transformer++". "++" means set norm, equivariant
            residual connections and a clean path; what is not given is as the name says.
        in_features: features of an element (columns of categories, channels of images).
        out_features: K, outputs per set or per element.
        depth: Deep Sets: linear layers inside residual blocks, even (without residuals, ``depth + 1`` blocks); 50 for
            deep-sets++, 2 for deep-sets. Set Transformer: number of ISABs; 16 and 2.
        width: W, hidden features.
        norm: a word of `setwise.variants.NORMS`, such as "set", "layer" or "none".
        residual: "none", "equivariant", "mean", "max" or "sum".
        path: "clean" or "non-clean".
        pool: a word of `setwise.variants.POOLS`, "sum" where not given; Set Transformers pool by attention.
        heads: of a Set Transformer, 4 where not given.
        inducing: inducing points of a Set Transformer, 32 where not given.
        covariates: C, number of covariates of a set, which enter the decoder; with outputs per element, each element.
        elements: "vectors", "categories" or "images".
        categories: number of categories of each column, for categorical elements.
        output: "sets" gives one row of outputs per set, ``(B, K)``; "elements" one per element, a `SetBatch` of
            ``(N, K)``; "which-element" of each element the log-probability that it is the one that is meant.
        device: where the parameters lie.
        dtype: of the parameters.

    Raises:
        InputError: an unknown word, or a combination that the paper does not define.

    Source: Zhang et al. 2022, arXiv 2206.11925.

    Example:
        >>> model = build("deep-sets++", in_features=2, out_features=1, depth=50, width=128)
        >>> sum(p.numel() for p in model.parameters())
        898689
    """
    spec = make_spec(
        name,
        in_features,
        out_features,
        depth=depth,
        width=width,
        norm=norm,
        residual=residual,
        path=path,
        pool=pool,
        heads=heads,
        inducing=inducing,
        covariates=covariates,
        elements=elements,
        categories=categories,
        output=output,
    )
    return build_from_spec(spec, device=device, dtype=dtype)


def build_from_spec(
    spec: DeepSetsSpec | SetTransformerSpec,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> SetModel | ElementModel:
    """Build the model that a specification describes."""
    if isinstance(spec, DeepSetsSpec):
        return deep_sets(spec, device=device, dtype=dtype)
    return set_transformer(spec, device=device, dtype=dtype)


def _refuse(name: str, **choices: object) -> None:
    for choice, value in choices.items():
        if value is not None:
            raise InputError(f"{name} has no choice of {choice}; got {choice}={value!r}. Leave it out.")
