"""Interfaces of layers: what a layer says of itself, and the refusal, by its name, of what it does not say."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from setwise.batch import SetBatch, SetLayout
from setwise.ops.parts import SetNormNumbers
from setwise.streaming.rows import Function, Rows

Streamed = Rows | SetBatch | Tensor


class SetLayer(nn.Module):
    """A layer of sets: beside ``forward``, it says how it streams a large set and what it ties together.

    A layer of your own works in batches as any module does; with `stream` it serves sets of any size, with `ties` its
    models are explained. What it does not say is refused, by its name.
    """

    def stream(self, rows: Rows) -> Streamed:  # noqa: ARG002 - refused whatever they are
        """Return what ``forward`` gives for one set in evaluation mode, from rows that are never all in memory.

        Args:
            rows: of the set's elements; see `setwise.streaming.rows`.

        Returns:
            `Rows` of an equivariant layer; a `SetBatch` of one set, or a tensor ``(1, ...)``, of a pooling.

        Raises:
            TypeError: the layer does not stream.
        """
        raise cannot_stream(self)

    def ties(self) -> tuple[str, ...]:
        """Return what lets other elements change how one is encoded in evaluation mode, in words; none, no words.

        Raises:
            TypeError: the layer does not say.
        """
        raise does_not_say(self, "what ties elements of a set together", "ties")


class SetSummary(SetLayer):
    """A summary: elements of each set to a row of numbers; invariant. Some are fitted to the training sets."""

    def fit(self, batches: Sequence[SetBatch], *, seed: int) -> None:
        """Learn from the training sets what the summary needs; by default nothing.

        Args:
            batches: all training sets.
            seed: of all draws; the same gives the same bits on the CPU.
        """

    def stream(self, rows: Rows) -> Tensor:  # noqa: ARG002 - refused whatever they are
        raise cannot_stream(self)

    def held(self, features: int) -> int:
        """Return the most numbers that are held of an element of so many features; by default only these."""
        return features


class Norm(SetLayer):
    """A normalisation: equivariant, keeps the number of features, and knows its statistics once all rows were seen."""

    def crosses_sets(self) -> bool:
        """Return whether, in training, the output for a set depends on the other sets of its batch.

        Raises:
            TypeError: the norm does not say.
        """
        raise does_not_say(self, "whether statistics cross the sets of a batch", "crosses_sets")

    def on_rows(self, rows: Rows) -> Function:  # noqa: ARG002
        """Return what the norm does to each of these rows, having swept over them as often as it must.

        Raises:
            TypeError: the norm does not stream.
        """
        raise cannot_stream(self)

    def stream(self, rows: Rows) -> Rows:
        return rows.map(self.on_rows(rows.kept()))

    def set_norm_numbers(self) -> SetNormNumbers | None:
        """Return the numbers of a set norm, for operators that compute it with other parts; none of other norms."""
        return None


class SetPooling(SetLayer):
    """A pooling: elements ``(N, W)`` to what a decoder takes; invariant.

    Attributes:
        has_seeds: learned seeds attend to the elements, so that there are attention logits.
    """

    has_seeds = False

    def grows_with_size(self) -> bool:
        """Return whether the result grows with the number of elements, as a sum does.

        Raises:
            TypeError: the pooling does not say.
        """
        raise does_not_say(self, "whether a pooling grows with the size of a set", "grows_with_size")

    def without_each(self, encoded: Tensor, rows: Tensor) -> Tensor | SetBatch:  # noqa: ARG002
        """Return what is pooled of one set without its element j, for each j of ``rows``, in one go.

        Args:
            encoded: ``(n, W)``, n at least 2; float64, since differences are small.
            rows: ``(m,)`` positions.

        Returns:
            ``(m, W)``, or a `SetBatch` of m sets of seeds.

        Raises:
            TypeError: the pooling does not say.
        """
        raise TypeError(f"leaving one out of {type(self).__name__} is not known; recompute (--exact-limit).")

    def attention_logits(self, batch: SetBatch) -> Tensor:  # noqa: ARG002
        """Return logits ``(H, I, n)`` with which I seeds look at the n elements of one set.

        Raises:
            TypeError: the pooling has no seeds.
        """
        raise TypeError(f"{type(self).__name__} has no attention; explain by another method (--method).")


def cannot_stream(module: nn.Module, reason: str | None = None) -> TypeError:
    """Return the refusal of a layer that does not stream.

    Args:
        module: the layer.
        reason: why not and what to do, a sentence; where nobody knows, none.
    """
    name = type(module).__name__
    return TypeError(f"sets this large need layers that stream; {name} does not. {reason or 'Use sub-samples.'}")


def does_not_say(module: nn.Module, what: str, method: str) -> TypeError:
    """Return the refusal of a layer that does not say what must be known of it."""
    return TypeError(
        f"it must be known {what}; {type(module).__name__} does not say. Give it a method {method}() "
        "(setwise.layers.layer)."
    )


def rowwise(layer: Callable[[SetBatch], SetBatch]) -> Function:
    """Return a layer that treats each element by itself as a function of rows."""
    return lambda rows: layer(SetBatch(rows, SetLayout.uniform(1, len(rows), rows.device))).elements
