"""Properties of batches of sets of any sizes: what goes in comes out, and chunks of a streamed set are the set."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from setwise import SetBatch, models
from setwise.models.stream import stream
from setwise.testing import assert_close
from tests.fixtures.held import Held

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=7)
NUMBERS = st.floats(-1e6, 1e6, width=32)
FEW = settings(max_examples=60, deadline=None)


@st.composite
def lists_of_sets(draw: st.DrawFn) -> list[np.ndarray]:
    """Draw one to seven sets of one to nine elements, all with one to four features."""
    features = draw(st.integers(1, 4))
    return [draw(arrays.arrays(np.float32, (size, features), elements=NUMBERS)) for size in draw(SIZES)]


@FEW
@given(lists_of_sets())
def test_a_list_of_sets_comes_back(sets: list[np.ndarray]) -> None:
    batch = SetBatch.from_list(sets)
    assert batch.sizes.tolist() == [len(own) for own in sets]
    for row, own in enumerate(sets):
        np.testing.assert_array_equal(batch[row : row + 1].elements.numpy(), own)


@FEW
@given(lists_of_sets())
def test_padding_and_back_is_the_same_batch(sets: list[np.ndarray]) -> None:
    batch = SetBatch.from_list(sets)
    padded, sizes = batch.to_padded()
    again = SetBatch.from_padded(padded, sizes)
    assert torch.equal(again.elements, batch.elements)
    assert torch.equal(again.sizes, batch.sizes)
    assert torch.equal(again.layout.offsets, batch.layout.offsets)


@FEW
@given(lists_of_sets(), st.data())
def test_rows_of_a_batch_joined_again_are_the_batch(sets: list[np.ndarray], data: st.DataObject) -> None:
    batch = SetBatch.from_list(sets)
    cut = data.draw(st.integers(0, len(sets)))
    joined = SetBatch.cat([batch[:cut], batch[cut:]]) if 0 < cut < len(sets) else SetBatch.cat([batch])
    assert torch.equal(joined.elements, batch.elements)
    assert torch.equal(joined.layout.set_index, batch.layout.set_index)


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(1, 40),
    chunk=st.integers(1, 50),
    name=st.sampled_from(("deep-sets++", "set-transformer++")),
    pool=st.sampled_from(("mean", "max", "std", "sum", "attention")),
    seed=st.integers(0, 2**31),
)
def test_chunks_of_a_streamed_set_are_the_set(size: int, chunk: int, name: str, pool: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    own_pool, inducing = (pool, None) if name == "deep-sets++" else (None, 3)
    model = models.build(name, 2, 3, depth=2, width=8, pool=own_pool, inducing=inducing).double().eval()
    elements = torch.randn(size, 2, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        whole = model(SetBatch.from_list([elements]))
    assert_close(stream(model, Held(elements), chunk=chunk), whole, f"{size} elements in chunks of {chunk}", 1e-10)
