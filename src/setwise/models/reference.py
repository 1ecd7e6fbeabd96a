"""Import checkpoints of the authors' code (rajesh-lab/deep_permutation_invariant)."""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from setwise._checks import InputError, check_choice
from setwise.models.building import build
from setwise.models.model import SetModel

_NORMS = {
    "none": "none",
    "layer_norm": "layer",
    "layer_norml": "layer",
    "feature_norm": "feature",
    "feature_norml": "feature-by-set",
    "feature_norml1": "feature-by-element",
    "set_norm": "set",
    "set_norml": "set",
}
_FAMILIES = {
    ("deep_sets", "none"): ("deep-sets", "none", None),
    ("deep_sets2", "he"): ("deep-sets", "equivariant", "clean"),
    ("deep_sets2", "resnet"): ("deep-sets", "equivariant", "non-clean"),
    ("deep_sets2", "agg"): ("deep-sets", "mean", "clean"),
    ("set_transformer", "resnet"): ("set-transformer", "equivariant", "non-clean"),
    ("set_transformer2", "he"): ("set-transformer", "equivariant", "clean"),
    ("set_transformer2_agg", "agg"): ("set-transformer", "max", "clean"),
}
_ATTENTION_BLOCK = {
    "fc_q": "queries",
    "fc_k": "keys",
    "fc_v": "values",
    "fc_o": "linear",
    "normQ": "norm_queries",
    "normK": "norm_keys",
    "norm0": "norm1",
    "norm1": "norm2",
}


def load_reference(
    state: Mapping[str, Tensor] | str | Path,
    *,
    family: str,
    norm: str = "none",
    residual_pipeline: str | None = None,
    aggregation: str | None = None,
    residual: str | None = None,
    heads: int = 4,
) -> SetModel:
    """Turn a checkpoint of the authors' code into a model of ours; the words are the authors'.

    Args:
        state: a state dict, or the path of a file with one (as ``torch.save`` writes it; nothing in it is executed).
        family: "deep_sets", "deep_sets2", "set_transformer", "set_transformer2" or "set_transformer2_agg".
        norm: "none", "layer_norm", "feature_norm", "set_norm", or a masked variant: "layer_norml", "feature_norml",
            "feature_norml1", "set_norml".
        residual_pipeline: "he" (equivariant, clean path), "resnet" (non-clean) or "agg" (aggregated); needed for
            "deep_sets2" alone, the other families have one each.
        aggregation: "sum" (default), "mean" or "max" for Deep Sets; Set Transformers pool by "attention".
        residual: "mean" or "max" for the aggregated pipeline, where it is not the authors' (mean for Deep Sets, max for
            Set Transformers).
        heads: attention heads, which a state dict does not tell.

    Returns:
        The model, in training mode, with the dtype of the checkpoint. Set Transformer++ checkpoints have norms of the
        inducing points as queries that are never used; they are left out.

    Raises:
        InputError: an unknown word, a missing or unreadable file, or a state dict that does not fit the words.
    """
    pipeline = _checked_pipeline(family, residual_pipeline)
    check_choice("norm", norm, tuple(_NORMS))
    name, own_residual, path = _FAMILIES[family, pipeline]
    if isinstance(state, str | Path):
        state = _read(Path(state))
    renamed = _rename(state, family)
    sizes = _sizes(state, family)
    model = build(
        name,
        sizes["in_features"],
        sizes["out_features"],
        depth=sizes["depth"],
        width=sizes["width"],
        inducing=sizes.get("inducing"),
        norm=_NORMS[norm],
        residual=residual or own_residual,
        path=path,
        pool=(aggregation or "sum") if name == "deep-sets" else None,
        heads=None if name == "deep-sets" else heads,
        dtype=next(iter(state.values())).dtype,
    )
    expected = model.state_dict()
    kept = {key: value for key, value in renamed.items() if key in expected}
    unknown = {key for key in renamed.keys() - kept.keys() if not _never_used(key, norm)}
    missing = expected.keys() - kept.keys()
    wrong = {key for key in kept if kept[key].shape != expected[key].shape}
    if unknown or missing or wrong:
        raise InputError(
            f"the state dict does not fit family={family!r}, norm={norm!r}, residual_pipeline={pipeline!r}; "
            f"missing: {sorted(missing)[:3]}, unknown: {sorted(unknown)[:3]}, of another shape: {sorted(wrong)[:3]}."
        )
    model.load_state_dict(kept)
    assert isinstance(model, SetModel)
    return model


def _checked_pipeline(family: str, pipeline: str | None) -> str:
    check_choice("family", family, sorted({family for family, _ in _FAMILIES}))
    known = [p for f, p in _FAMILIES if f == family]
    if pipeline is None and len(known) == 1:
        return known[0]
    check_choice(f"residual_pipeline of {family}", pipeline, known)
    assert pipeline is not None
    return pipeline


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise InputError(f"the checkpoint must be a file; {path} is not there.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        RuntimeError,
        EOFError,
        LookupError,
        ValueError,
        OSError,
        pickle.UnpicklingError,
    ) as error:
        raise InputError(
            f"{path} cannot be read: it must be a state dict of tensors alone, saved with "
            "torch.save(model.state_dict(), path)."
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path} must hold a state dict, names to tensors. Save it with model.state_dict().")
    return state


def _rename(state: Mapping[str, Tensor], family: str) -> dict[str, Tensor]:
    """Rename modules to ours; every module of the authors' encoder, decoder and tail has one of ours."""
    renamed = {}
    blocks = 1 + max((int(key.split(".")[1]) for key in state if key.startswith("enc.")), default=-1)
    for key, value in state.items():
        key = re.sub(r"\.weights$", ".weight", re.sub(r"\.biases$", ".bias", key))
        if key.endswith("num_batches_tracked"):
            continue
        if family.startswith("deep_sets"):
            renamed[_rename_deep_sets(key, family, blocks)] = value
        else:
            renamed[_rename_set_transformer(key)] = value
    return renamed


def _rename_deep_sets(key: str, family: str, blocks: int) -> str:
    key = re.sub(r"^dec\.(\d+)", r"decoder.layers.\1", key)
    key = re.sub(r"^enc\.(\d+)\.(weight|bias)$", r"encoder.\1.module.\2", key)
    if family == "deep_sets":
        key = re.sub(r"^enc\.(\d+)\.fc\.", r"encoder.\1.linear.", key)
    key = re.sub(r"^enc\.(\d+)\.fc2\.", r"encoder.\1.linear2.", key)
    key = re.sub(r"^enc\.(\d+)\.fc\.", r"encoder.\1.linear1.", key)
    if family == "deep_sets2":
        key = re.sub(r"^enc\.(\d+)\.norm\.", r"encoder.\1.norm1.", key)
    key = re.sub(r"^enc\.", "encoder.", key)
    key = re.sub(r"^norm\.", f"encoder.{blocks}.", key)  # norm, ReLU, linear after the clean encoder
    key = re.sub(r"^fc\.1\.", f"encoder.{blocks + 2}.module.", key)
    return re.sub(r"^fc\.(weight|bias)$", rf"encoder.{blocks}.module.\1", key)


def _rename_set_transformer(key: str) -> str:
    parts = key.split(".")
    parts = [_ATTENTION_BLOCK.get(part, part) if "mab" in key else part for part in parts]
    key = ".".join(parts)
    key = re.sub(r"^enc\.(\d+)\.I$", r"encoder.\1.inducing.elements", key)
    key = key.replace(".mab0.", ".gather.").replace(".mab1.", ".spread.").replace(".mab.", ".block.")
    key = re.sub(r"^dec\.0\.S$", "pooling.seeds.elements", key)
    key = re.sub(r"^dec\.0\.", "pooling.", key)
    key = re.sub(r"^dec\.4\.", "decoder.linear.", key)
    key = re.sub(r"^dec\.(\d+)\.", lambda m: f"decoder.blocks.{int(m[1]) - 1}.", key)
    key = re.sub(r"^enc\.0\.(weight|bias)$", r"encoder.0.module.\1", key)
    return re.sub(r"^enc\.", "encoder.", key)


def _never_used(key: str, norm: str) -> bool:
    """Return whether a value is never read: norms of inducing points as queries, masked norms' running statistics."""
    return "gather.norm_queries." in key or (norm in ("feature_norml", "feature_norml1") and ".running_" in key)


def _sizes(state: Mapping[str, Tensor], family: str) -> dict[str, int]:
    """Read sizes off the state dict."""
    encoder = [int(key.split(".")[1]) for key in state if key.startswith("enc.")]
    last = "dec.6.weight" if family.startswith("deep_sets") else "dec.4.weight"
    if not encoder or last not in state:
        raise InputError(f"a {family} state dict must have enc.* and {last}; got {sorted(state)[:3]}.")
    if family.startswith("deep_sets"):
        first = state["enc.0.fc.weight" if family == "deep_sets" else "enc.0.weight"]
        depth = max(encoder) - 1 if family == "deep_sets" else 2 * max(encoder)
        return {
            "in_features": first.shape[1],
            "out_features": state[last].shape[0],
            "depth": depth,
            "width": first.shape[0],
        }
    isabs = [key for key in state if re.fullmatch(r"enc\.\d+\.I", key)]
    first = state["enc.0.mab0.fc_k.weight" if family == "set_transformer" else "enc.0.weight"]
    return {
        "in_features": first.shape[1],
        "out_features": state[last].shape[0],
        "depth": len(isabs),
        "width": first.shape[0],
        "inducing": state[isabs[0]].shape[1],
    }
