"""Probe models at their first weights: gradients against depth, how alike elements become, what norms cannot see."""

import json
import platform
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from experiments.building import initialise_as_he
from setwise._checks import InputError
from setwise._files import write_atomic
from setwise.batch import SetBatch
from setwise.fit.loop import seeded
from setwise.layers import ResidualBlock, make_norm
from setwise.models import build

FILE = "probes.json"
_FEATURES, _SETS, _ELEMENTS, _SEED = 3, 8, 17, 0
_DEPTHS = (1, 2, 4, 8, 16, 32, 50, 64, 100, 128, 200)
_WITH_NONE = ("none", "layer", "feature", "set")
_GRADIENTS = (
    *(("none", None, norm, "torch") for norm in _WITH_NONE),
    ("none", None, "none", "he"),
    *(("equivariant", path, norm, "torch") for path in ("non-clean", "clean") for norm in _WITH_NONE),
    *((pool, "clean", norm, "torch") for pool in ("mean", "max", "sum") for norm in _WITH_NONE),
)
_RESIDUALS = ("equivariant", "mean", "max")
NORMS = ("layer", "feature", "set")


def write_probes(results: Path, *, deepest: int = 200) -> Path:
    """Measure everything and write it as one file; the file."""
    results.mkdir(parents=True, exist_ok=True)
    content = {
        "gradients": gradients(deepest),
        "spreads": [row for residual in _RESIDUALS for row in spreads(residual)],
        "unseen": unseen(),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }
    path = results / FILE
    write_atomic(path, (json.dumps(content, indent=1) + "\n").encode())
    return path


def read_probes(results: Path) -> dict[str, Any] | None:
    """Read the file that `write_probes` wrote; none where it was not run.

    Raises:
        InputError: a damaged file.
    """
    path = results / FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
        return {part: content[part] for part in ("gradients", "spreads", "unseen")}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} must be what `python -m experiments probe` writes. Run it again.") from error


def gradients(deepest: int) -> list[dict[str, Any]]:
    """Compute the gradient's norm at the first linear layer by residual, path, norm and depth (two layers a block).

    Deep Sets of width 128. The loss is the mean squared error of standard normal targets for 8 sets of 17 standard
    normal elements. Values that are not finite are none.
    """
    rows = []
    for residual, path, norm, start in _GRADIENTS:
        for depth in (d for d in _DEPTHS if d <= deepest and (residual == "none" or d % 2 == 0)):
            with seeded(_SEED):
                model = build("deep-sets", _FEATURES, 1, depth=depth, norm=norm, residual=residual, path=path)
                if start == "he":
                    initialise_as_he(model)
                batch, targets = _batch(), torch.randn(_SETS, 1)
            torch.nn.functional.mse_loss(model(batch), targets).backward()
            first = next(module for module in model.modules() if isinstance(module, nn.Linear))
            assert first.weight.grad is not None
            value = first.weight.grad.double().norm()
            rows.append(
                {
                    "residual": residual,
                    "path": path,
                    "norm": norm,
                    "initialisation": start,
                    "depth": depth,
                    "value": value.item() if bool(torch.isfinite(value)) else None,
                }
            )
    return rows


def spreads(residual: str, *, depth: int = 50) -> list[dict[str, Any]]:
    """Compute the relative spread of the elements of a set after each residual block; set norm, clean path.

    It is the root mean square distance of the elements to their set's mean, over the root mean square of the elements:
    near zero, the elements of a set are all alike.
    """
    with seeded(_SEED):
        model = build("deep-sets", _FEATURES, 1, depth=depth, norm="set", residual=residual, path="clean")
        batch = _batch()
    found: list[float] = []
    for module in model.modules():
        if isinstance(module, ResidualBlock):
            module.register_forward_hook(lambda _, __, out: found.append(_relative_spread(out)))
    with torch.no_grad():
        model(batch)
    return [{"residual": residual, "layer": 2 * (i + 1), "value": value} for i, value in enumerate(found)]


def unseen(*, width: int = 128) -> list[dict[str, Any]]:
    """Compute how far apart sets that differ in one way are after a linear layer and a norm, relative to the output.

    The ways: all elements three times as large; all shifted by a vector; one element three times as large; and, after
    the linear layer, one number added to all features of all elements.
    """
    with seeded(_SEED):
        linear, shift = nn.Linear(_FEATURES, width, bias=False), torch.randn(_FEATURES)
        x = torch.randn(_ELEMENTS, _FEATURES)
    one = x.clone()
    one[0] *= 3.0
    with torch.no_grad():
        before = linear(x)
        pairs = {
            "scale": linear(3.0 * x),
            "shift": linear(x + shift),
            "scale of one element": linear(one),
            "shift common to all features after the layer": before + 1.0,
        }
        return [
            {"norm": norm, "difference": name, "value": _distance(make_norm(norm, width), before, after)}
            for norm in NORMS
            for name, after in pairs.items()
        ]


def _distance(norm: nn.Module, first: Tensor, second: Tensor) -> float:
    """Pass both sets through the norm in one batch, since feature norm's statistics are those of the batch."""
    a, b = norm(SetBatch.from_list([first, second])).to_list()
    return ((a - b).norm() / a.norm()).item()


def _batch() -> SetBatch:
    return SetBatch.from_list(list(torch.randn(_SETS, _ELEMENTS, _FEATURES)))


def _relative_spread(batch: SetBatch) -> float:
    x = torch.stack(batch.to_list())
    return ((x - x.mean(1, keepdim=True)).square().mean().sqrt() / x.square().mean().sqrt()).item()
