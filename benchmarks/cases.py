"""Make the models and batches that are measured, and the floor of each, its matrix products alone."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

import setwise as sw

MODELS = {
    "deep-sets++ 50": ("deep-sets++", 50),
    "set-transformer++ 16": ("set-transformer++", 16),
    "deep-sets 2": ("deep-sets", 2),
    "set-transformer 2": ("set-transformer", 2),
}
BATCHES: dict[str, Callable[[], list[int]]] = {
    "uniform 16x1,000": lambda: [1000] * 16,
    "ragged 50 to 5,000": lambda: torch.logspace(1.69897, 3.69897, 16).round().int().tolist(),
    "tiny 64x10": lambda: [10] * 64,
    "one of 100,000": lambda: [100_000],
}
WIDTH, FEATURES, HEADS = 128, 2, 4


@dataclass(frozen=True)
class Product:
    """``count`` products of ``(batch, rows, inner)`` with ``(batch, inner, columns)``."""

    rows: int
    inner: int
    columns: int
    count: int
    batch: int = 1


def make_model(name: str) -> sw.models.SetModel:
    """Build a model of the table, with the same weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        family, depth = MODELS[name]
        model = sw.models.build(family, FEATURES, 1, depth=depth, width=WIDTH)
        assert isinstance(model, sw.models.SetModel)
        return model


def make_batch(name: str) -> sw.SetBatch:
    """Make a batch of the table, the same each time."""
    generator = torch.Generator().manual_seed(0)
    sizes = BATCHES[name]()
    return sw.SetBatch.from_packed(torch.randn(sum(sizes), FEATURES, generator=generator), sizes)


def products(model: str, sizes: list[int]) -> list[Product]:
    """List the matrix products of a model's encoder; the first layer's and the decoder's are too small to count."""
    family, depth = MODELS[model]
    elements = sum(sizes)
    if family.startswith("deep-sets"):
        return [Product(elements, WIDTH, WIDTH, depth + 1)]
    inducing, heads = 32, HEADS
    points = len(sizes) * inducing
    # Each ISAB: keys, values and queries of the elements, and their last linear; as much for the inducing points.
    found = [Product(elements, WIDTH, WIDTH, 4 * depth), Product(points, WIDTH, WIDTH, 4 * depth)]
    for size in sizes:  # logits and weighted values, of both attentions
        found.append(Product(size, WIDTH // heads, inducing, 2 * depth, batch=heads))
        found.append(Product(size, inducing, WIDTH // heads, 2 * depth, batch=heads))
    return found


def floor(model: str, sizes: list[int], *, training: bool) -> Callable[[], None]:
    """Make a function that computes the products of a model and nothing else; training adds both backward products."""
    work = []
    for p in products(model, sizes):
        a, b = torch.randn(p.batch, p.rows, p.inner), torch.randn(p.batch, p.inner, p.columns)
        work.append((p.count, a, b, torch.empty(p.batch, p.rows, p.columns), torch.empty_like(a), torch.empty_like(b)))

    def run() -> None:
        for count, a, b, c, da, db in work:
            for _ in range(count):
                torch.bmm(a, b, out=c)
                if training:
                    torch.bmm(c, b.transpose(1, 2), out=da)
                    torch.bmm(a.transpose(1, 2), c, out=db)

    return run
