"""The packed batch of sets: the elements of all sets one after the other, and the sizes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from setwise._checks import InputError, check_finite, check_sizes, set_label


@dataclass(eq=False)
class SetLayout:
    """The set of each element; built once with a batch and shared by all layers.

    Attributes:
        sizes: ``(B,)`` int64, elements of each set.
        offsets: ``(B + 1,)`` int64, set i holds the elements ``offsets[i]`` to ``offsets[i + 1] - 1``.
        set_index: ``(N,)`` int64, the set of each element.
        set_size: the size that all sets share, or none where sizes differ. A host value, known at entry
            and never read back from a device; where it is set, ``(B, set_size, ...)`` views cost nothing.
        largest: the size of the largest set, a host value too, or 0 where nobody knew it at entry. Not part of what
            `torch.export` sees, since it changes with every ragged batch.
    """

    sizes: Tensor
    offsets: Tensor
    set_index: Tensor
    set_size: int | None
    largest: int = field(default=0, init=False)

    @classmethod
    def from_sizes(cls, sizes: Tensor | Sequence[int]) -> "SetLayout":
        """Build the layout from sizes ``(B,)``; the sizes are trusted (`SetBatch` checks them)."""
        sizes = torch.as_tensor(sizes, dtype=torch.int64)
        host = sizes.tolist()
        offsets = torch.zeros(len(host) + 1, dtype=torch.int64, device=sizes.device)
        torch.cumsum(sizes, 0, out=offsets[1:])
        set_index = torch.repeat_interleave(sizes, output_size=sum(host))
        set_size = host[0] if host and host.count(host[0]) == len(host) else None
        return cls(sizes, offsets, set_index, set_size)._with_largest(max(host, default=0))

    @classmethod
    def uniform(cls, num_sets: int, set_size: int, device: torch.device | None = None) -> "SetLayout":
        """Build the layout of ``num_sets`` sets of ``set_size`` elements each, without a look at any value."""
        offsets = torch.arange(num_sets + 1, device=device) * set_size
        set_index = torch.arange(num_sets, device=device).repeat_interleave(set_size, output_size=num_sets * set_size)
        sizes = torch.full((num_sets,), set_size, device=device)
        return cls(sizes, offsets, set_index, set_size)._with_largest(set_size)

    def _with_largest(self, largest: int) -> "SetLayout":
        self.largest = largest
        return self

    @property
    def num_sets(self) -> int:
        """Return B, the number of sets."""
        return self.offsets.shape[0] - 1

    @property
    def num_elements(self) -> int:
        """Return N, the number of elements of all sets together."""
        return self.set_index.shape[0]

    @property
    def within(self) -> Tensor:
        """Return ``(N,)`` int64, the place of each element in its set, from 0."""
        return torch.arange(self.num_elements, device=self.device) - self.offsets[self.set_index]

    @property
    def device(self) -> torch.device:
        """Return the device of the layout."""
        return self.offsets.device

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "SetLayout":
        """Return the same layout on another device."""
        return SetLayout(
            self.sizes.to(device, non_blocking=non_blocking),
            self.offsets.to(device, non_blocking=non_blocking),
            self.set_index.to(device, non_blocking=non_blocking),
            self.set_size,
        )._with_largest(self.largest)

    def pin_memory(self) -> "SetLayout":
        """Return the same layout in page-locked memory."""
        sizes, offsets, set_index = (x.pin_memory() for x in (self.sizes, self.offsets, self.set_index))
        return SetLayout(sizes, offsets, set_index, self.set_size)._with_largest(self.largest)


@dataclass(eq=False)
class SetBatch:
    """A batch of B sets with N elements in all, packed one set after the other; immutable by convention.

    Build one with `from_list`, `from_packed` or `from_padded`, which check what enters; the constructor trusts
    its arguments. Two batches of the same sets are the same batch: sets of one size take the dense path
    whichever way they came.

    Attributes:
        elements: ``(N, D)``, or ``(N, ...)`` for elements that are not vectors (images, categories).
        layout: which element belongs to which set.
        covariates: ``(B, C)`` features of the sets as a whole, or none.

    Example:
        >>> batch = SetBatch.from_list([np.zeros((2, 3)), np.ones((5, 3))])
        >>> batch
        SetBatch(2 sets, 7 elements of shape (3,), float32, sizes 2 to 5)
    """

    elements: Tensor
    layout: SetLayout
    covariates: Tensor | None = None

    @classmethod
    def from_packed(
        cls,
        elements: Tensor | np.ndarray,
        sizes: Tensor | np.ndarray | Sequence[int],
        covariates: Tensor | np.ndarray | None = None,
        *,
        names: Sequence[object] | None = None,
    ) -> "SetBatch":
        """Build a batch from packed elements ``(N, ...)`` and sizes ``(B,)``.

        Args:
            elements: the sets one after the other; floating NumPy arrays take torch's default dtype, tensors
                keep theirs and are not copied.
            sizes: elements of each set, whole numbers above zero that add up to N.
            covariates: ``(B, C)`` features of the sets, or none.
            names: names of the sets, for errors.

        Raises:
            InputError: an empty set, NaN or infinity, or sizes that do not add up.
        """
        elements = _as_tensor(elements)
        if elements.dim() < 1:
            raise InputError("elements must have at least one axis, (N, ...); got a single number.")
        sizes = torch.as_tensor(sizes)
        check_sizes(sizes, elements.shape[0], names)
        layout = SetLayout.from_sizes(sizes).to(elements.device)
        check_finite(elements, layout.sizes, names)
        return cls(elements, layout, _checked_covariates(covariates, layout, elements, names))

    @classmethod
    def from_list(
        cls,
        sets: Sequence[Tensor | np.ndarray],
        covariates: Tensor | np.ndarray | None = None,
        *,
        names: Sequence[object] | None = None,
    ) -> "SetBatch":
        """Build a batch from one array ``(n_i, ...)`` per set; arguments and errors as for `from_packed`."""
        if isinstance(sets, Tensor | np.ndarray) and sets.ndim < 2:
            raise InputError(f"sets must be a list of arrays, one per set; got one array of shape {tuple(sets.shape)}.")
        tensors = [_as_tensor(x) for x in sets]
        if not tensors:
            raise InputError("a batch must hold at least one set; got none.")
        first = tensors[0].shape[1:]
        for position, x in enumerate(tensors):
            if x.dim() < 1 or x.shape[1:] != first:
                raise InputError(
                    f"elements must have the same shape in every set, {tuple(first)} as in {set_label(0, names)}; "
                    f"{set_label(position, names)} has shape {tuple(x.shape)}."
                )
        return cls.from_packed(torch.cat(tensors), [x.shape[0] for x in tensors], covariates, names=names)

    @classmethod
    def from_padded(
        cls,
        padded: Tensor | np.ndarray,
        sizes: Tensor | np.ndarray | Sequence[int] | None = None,
        covariates: Tensor | np.ndarray | None = None,
        *,
        mask: Tensor | np.ndarray | None = None,
        names: Sequence[object] | None = None,
    ) -> "SetBatch":
        """Build a batch from a padded tensor; what lies in the padding is never read.

        Args:
            padded: ``(B, S, ...)``.
            sizes: ``(B,)``, the first ``sizes[i]`` elements of set i are real.
            covariates: ``(B, C)`` features of the sets, or none.
            mask: ``(B, S)``, true where an element is real, anywhere in its row; give sizes or a mask, or neither
                where no set is padded.
            names: names of the sets, for errors.
        """
        padded = _as_tensor(padded)
        if padded.dim() < 2:
            raise InputError(f"a padded batch must have shape (B, S, ...); got {tuple(padded.shape)}.")
        num_sets, longest = padded.shape[:2]
        if sizes is not None and mask is not None:
            raise InputError("give sizes or a mask, not both.")
        if mask is not None:
            mask = torch.as_tensor(mask).to(padded.device)
            if mask.shape != padded.shape[:2] or mask.dtype != torch.bool:
                raise InputError(
                    f"mask must be boolean of shape {tuple(padded.shape[:2])}; "
                    f"got {mask.dtype} of shape {tuple(mask.shape)}."
                )
            return cls.from_packed(padded[mask], mask.sum(1), covariates, names=names)
        if sizes is None:
            return cls.from_packed(padded.flatten(0, 1), [longest] * num_sets, covariates, names=names)
        sizes = torch.as_tensor(sizes).to(padded.device)
        if sizes.shape != (num_sets,) or bool((sizes > longest).any()):
            raise InputError(
                f"sizes must be {num_sets} numbers of at most {longest}, as the padded shape "
                f"{tuple(padded.shape)} says; got {sizes.tolist()}."
            )
        if bool((sizes == longest).all()):
            return cls.from_packed(padded.flatten(0, 1), sizes, covariates, names=names)
        real = torch.arange(longest, device=padded.device) < sizes[:, None]
        return cls.from_packed(padded[real], sizes, covariates, names=names)

    @classmethod
    def cat(cls, batches: Sequence["SetBatch"]) -> "SetBatch":
        """Join the sets of several batches to one batch, in their order."""
        if not batches:
            raise InputError("a batch must hold at least one set; got none.")
        covariates = [b.covariates for b in batches if b.covariates is not None]
        if covariates and len(covariates) != len(batches):
            raise InputError("all batches must have covariates, or none of them.")
        return cls(
            torch.cat([b.elements for b in batches]),
            SetLayout.from_sizes(torch.cat([b.sizes for b in batches])),
            torch.cat(covariates) if covariates else None,
        )

    @property
    def sizes(self) -> Tensor:
        """Return ``(B,)`` int64, elements of each set."""
        return self.layout.sizes

    @property
    def device(self) -> torch.device:
        """Return the device of the elements."""
        return self.elements.device

    @property
    def dtype(self) -> torch.dtype:
        """Return the dtype of the elements."""
        return self.elements.dtype

    def __len__(self) -> int:
        return self.layout.num_sets

    def __getitem__(self, index: int | slice | Sequence[int] | Tensor | np.ndarray) -> "SetBatch":
        """Return the chosen sets as a batch: a position (a batch of one), a slice, a mask or a list of positions."""
        if isinstance(index, int | np.integer):
            index = [int(index)]
        chosen = torch.arange(len(self), device=self.device)[
            torch.as_tensor(index) if not isinstance(index, slice) else index
        ]
        if chosen.numel() == 0:
            raise InputError("a batch must hold at least one set; the index picks none.")
        sizes = self.sizes[chosen]
        layout = SetLayout.from_sizes(sizes)
        shift = self.layout.offsets[chosen] - layout.offsets[:-1]
        rows = torch.arange(layout.num_elements, device=self.device) + shift[layout.set_index]
        covariates = None if self.covariates is None else self.covariates[chosen]
        return SetBatch(self.elements[rows], layout, covariates)

    def with_elements(self, elements: Tensor) -> "SetBatch":
        """Return the same sets with other elements ``(N, ...)``, as an equivariant layer does."""
        return replace(self, elements=elements)

    def to_list(self) -> list[Tensor]:
        """Return one tensor ``(n_i, ...)`` per set, views of the packed elements."""
        return list(self.elements.split(self.sizes.tolist()))

    def to_padded(self) -> tuple[Tensor, Tensor]:
        """Return a padded tensor ``(B, S, ...)``, zeros after each set, and sizes ``(B,)``; a view if sizes agree."""
        trailing = self.elements.shape[1:]
        if self.layout.set_size is not None:
            return self.elements.view(len(self), self.layout.set_size, *trailing), self.sizes
        padded = self.elements.new_zeros(len(self), int(self.sizes.max()), *trailing)
        padded[self.layout.set_index, self.layout.within] = self.elements
        return padded, self.sizes

    def to(
        self,
        device: torch.device | str | torch.dtype | None = None,
        dtype: torch.dtype | None = None,
        *,
        non_blocking: bool = False,
    ) -> "SetBatch":
        """Return the batch on another device, in another floating dtype, or both; whole numbers keep their dtype.

        As for a tensor, ``batch.to("cuda")``, ``batch.to(torch.float64)`` and ``batch.to("cuda", torch.float64)``.
        """
        if isinstance(device, torch.dtype):
            device, dtype = None, device

        def move(x: Tensor) -> Tensor:
            return x.to(device, dtype if x.is_floating_point() else None, non_blocking=non_blocking)

        layout = self.layout if device is None else self.layout.to(device, non_blocking)
        return SetBatch(move(self.elements), layout, None if self.covariates is None else move(self.covariates))

    def pin_memory(self) -> "SetBatch":
        """Return the batch in page-locked memory, for asynchronous moves to a device."""
        covariates = None if self.covariates is None else self.covariates.pin_memory()
        return SetBatch(self.elements.pin_memory(), self.layout.pin_memory(), covariates)

    def __repr__(self) -> str:
        if self.layout.set_size is None:
            sizes = f"sizes {int(self.sizes.min())} to {int(self.sizes.max())}"
        else:
            sizes = f"all of size {self.layout.set_size}"
        dtype = str(self.dtype).removeprefix("torch.")
        covariates = "" if self.covariates is None else f", {self.covariates.shape[1]} covariates"
        shape = tuple(self.elements.shape[1:])
        return (
            f"SetBatch({len(self)} sets, {len(self.elements)} elements of shape {shape}, {dtype}, {sizes}{covariates})"
        )


for _cls in (SetLayout, SetBatch):
    torch.export.register_dataclass(_cls, serialized_type_name=f"setwise.{_cls.__name__}")


def _as_tensor(values: Tensor | np.ndarray | Sequence) -> Tensor:
    if isinstance(values, Tensor):
        return values
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"elements must be numbers; got an array of dtype {array.dtype}.")
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()  # torch shares no such memory
    if array.dtype.kind == "f":
        return torch.as_tensor(array, dtype=torch.get_default_dtype())
    return torch.as_tensor(array)


def _checked_covariates(
    covariates: Tensor | np.ndarray | None,
    layout: SetLayout,
    elements: Tensor,
    names: Sequence[object] | None,
) -> Tensor | None:
    if covariates is None:
        return None
    dtype = elements.dtype if elements.is_floating_point() else torch.get_default_dtype()
    covariates = torch.as_tensor(covariates).to(elements.device, dtype)
    if covariates.dim() != 2 or covariates.shape[0] != layout.num_sets:
        raise InputError(
            f"covariates must have one row per set, ({layout.num_sets}, C); got shape {tuple(covariates.shape)}."
        )
    bad = (~torch.isfinite(covariates)).any(1).nonzero()
    if bad.numel():
        raise InputError(f"covariates must be finite numbers; those of {set_label(int(bad[0]), names)} are not.")
    return covariates


def rows_of(output: Tensor | SetBatch) -> Tensor:
    """Return what a model gives as rows: one per set ``(B, ...)``, or one per element ``(N, ...)``."""
    return output.elements if isinstance(output, SetBatch) else output
