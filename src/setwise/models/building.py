"""Build models by name or by specification."""

from typing import Any

import torch

from setwise._checks import InputError
from setwise.models.families import family_of, family_of_model
from setwise.models.model import Model
from setwise.models.spec import Spec


def make_spec(name: str, in_features: int, out_features: int, **choices: Any) -> Spec:
    """Return the specification of a named model; arguments and errors as for `build`."""
    family = family_of_model(name)
    given = {choice: value for choice, value in choices.items() if value is not None}
    given = {choice: value for choice, value in given.items() if family.implied.get(choice) != value}
    for choice, value in given.items():
        if choice not in family.spec.model_fields:
            raise InputError(f"{name} has no choice of {choice}; got {choice}={value!r}. Leave it out.")
    sizes = {"in_features": in_features, "out_features": out_features}
    return family.spec(**sizes, **{**family.models[name].choices, **given})


def build(
    name: str,
    in_features: int,
    out_features: int,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    **choices: Any,
) -> Model:
    """Build a model by name, with every choice of the paper's ablations an argument.

    Args:
        name: one of `setwise.models.MODELS`, such as "deep-sets++". "++" means set norm, equivariant residual
            connections and a clean path; what is not given, or is none, is as the name says.
        in_features: features of an element (columns of categories, channels of images).
        out_features: K, outputs per set or per element.
        device: where the parameters lie.
        dtype: of the parameters.
        choices: fields of the family's specification (`DeepSetsSpec`, `SetTransformerSpec`): depth, width, norm and so
            on; and what the data decide (`setwise.models.spec.Spec`): covariates, elements, categories, output.

    Raises:
        InputError: an unknown word, a choice that the family has not, or a combination that the paper does not define.

    Source: Zhang et al. 2022, arXiv 2206.11925.

    Example:
        >>> model = build("deep-sets++", in_features=2, out_features=1, depth=50, width=128)
        >>> sum(p.numel() for p in model.parameters())
        898689
    """
    return build_from_spec(make_spec(name, in_features, out_features, **choices), device=device, dtype=dtype)


def build_from_spec(spec: Spec, *, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Model:
    """Build the model that a specification describes."""
    return family_of(spec).build(spec, device=device, dtype=dtype)
