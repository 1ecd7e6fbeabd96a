"""What is to be learned of elements: their labels, parts of the split (whole sets), weights."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from setwise._checks import InputError, check_choice
from setwise.store import columns
from setwise.store.kinds import WITH_POINTS, comma_number, not_numbers
from setwise.store.labels import check_no_label, is_text_label, label_codes, label_numbers, labels_of
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.targets.heads import Classification, Head, Regression
from setwise.targets.objectives import Objective
from setwise.targets.problem import ClassWeights, Problem, class_weights_of, set_weights, split_of
from setwise.targets.which_element import WhichElement, check_marks

ELEMENT_KINDS = ("regression", "classification", "which-element")


def define_of_elements(
    store: SetStore,
    targets: Sequence[str],
    *,
    task: str | Mapping[str, str] | None,
    class_weights: ClassWeights,
    weight_column: str | None,
    group: str | None,
    split: Split | None,
    shares: tuple[float, float],
    standardise: bool,
    seed: int,
) -> Problem:
    """Take labels, split and weights from a store; arguments as for `setwise.train`.

    Raises:
        InputError: labels that cannot be used; a class of the test part that was never trained on.
    """
    kinds = kinds_of_labels(store, targets, task)
    parts, group = split_of(store, split, group=group, shares=shares, stratify=None, seed=seed)
    weights = None if weight_column is None else set_weights(store, weight_column, parts.train)
    train = store.positions(parts.train)
    heads: list[Head] = []
    truth = np.empty((store.num_elements, len(kinds)))
    for position, (name, kind) in enumerate(kinds.items()):
        if kind == "classification":
            head, truth[:, position] = _classification(store, name, parts, train)
        elif kind == "regression":
            head, truth[:, position] = _regression(store, name, train, standardise=standardise)
        else:
            truth[:, position] = _marks(store, name)
            head = WhichElement.fit(name, truth[train, position])
        heads.append(head)
    if class_weights is not None:
        counted = np.ones(len(train)) if weights is None else np.repeat(weights[parts.train], store.sizes[parts.train])
        heads = class_weights_of(heads, truth[train], class_weights, counted)
    return Problem(
        store, truth, parts, Objective.of(*heads, rows="elements"), group, weight_column, weights, of="elements"
    )


def element_truth(store: SetStore, objective: Objective) -> np.ndarray:
    """Labels of all elements ``(N, T)`` as predictions are compared with them.

    Raises:
        InputError: no such labels, a class that the objective does not know, no label at all, marks that do not fit.
    """
    truth = np.empty((store.num_elements, len(objective.heads)))
    for position, head in enumerate(objective.heads):
        column = labels_of(store, head.target)
        if isinstance(head, Classification):
            names, codes = label_codes(column)
            truth[:, position] = _numbers_of(head, names, codes, store)
        elif isinstance(head, WhichElement):
            truth[:, position] = _marks(store, head.target)
        else:
            truth[:, position] = label_numbers(column, head.target)
        if np.isnan(truth[:, position]).all():
            raise InputError(f"label {head.target!r} must be known for some elements; it is missing for all of them.")
    return truth


def truth_labels(objective: Objective, truth: np.ndarray) -> dict[str, pa.Array]:
    """Truth ``(N, T)`` as columns of a table: numbers, names of classes, 1 and 0 of marks."""
    found = {}
    for position, head in enumerate(objective.heads):
        values = truth[:, position]
        if isinstance(head, Classification):
            missing = np.isnan(values)
            indices = pa.array(np.where(missing, 0, values).astype(np.int32), mask=missing)
            names = pa.array([str(label) for label in head.classes])
            found[head.target] = pa.DictionaryArray.from_arrays(indices, names).dictionary_decode()
        else:
            values = (values == 1).astype(np.float64) if isinstance(head, WhichElement) else values
            found[head.target] = pa.array(values, from_pandas=True)
    return found


def kinds_of_labels(store: SetStore, targets: Sequence[str], task: str | Mapping[str, str] | None) -> dict[str, str]:
    """What kind of prediction each label asks for: text and two different numbers for classes, others for numbers.

    Raises:
        InputError: no label, one that elements do not have or that is a feature; a task that is no label's; text
            that is hardly a class.
    """
    if not targets or len(set(targets)) < len(targets):
        raise InputError(f"there must be labels to predict, each named once; got {listed(list(targets))}.")
    check_no_label(columns.vector_features(store), targets)
    said = dict.fromkeys(targets, task) if isinstance(task, str) else dict(task or {})
    for name, kind in said.items():
        if name not in targets:
            raise InputError(f"task must be said of labels, {listed(list(targets))}; got {name!r}.")
        check_choice(f"the task of {name!r}", kind, ELEMENT_KINDS)
    kinds = {}
    for name in targets:
        column = labels_of(store, name)
        if is_text_label(column) and name not in said:
            _check_text(column, name)
        two = is_text_label(column) or len(label_codes(column)[0]) == 2
        kinds[name] = said.get(name) or ("classification" if two else "regression")
    if "which-element" in kinds.values() and len(kinds) > 1:
        raise InputError(
            f"which element of a set is meant is learned alone; got {len(kinds)} labels, {listed(list(kinds))}. "
            "Name one of them."
        )
    return kinds


def _check_text(column: pa.Array, name: str) -> None:
    """Refuse text that is hardly a class: numbers with a stray word or commas, text that tells elements apart."""
    names, codes = label_codes(column)
    amounts = np.bincount(codes[codes >= 0], minlength=len(names))
    different, known = int((amounts > 0).sum()), int(amounts.sum())
    if example := comma_number(pa.array(names, pa.string()), missing=()):
        raise InputError(f"label {name!r} must hold numbers with decimal points; it holds {example!r}. {WITH_POINTS}.")
    if different <= 2:
        return
    odd = not_numbers(pa.array(names, pa.string()), missing=()).to_numpy(zero_copy_only=False) & (amounts > 0)
    first = names[int(odd.argmax())] if odd.any() else names[int(codes[codes >= 0][0])]
    what = f"label {name!r} is text with {different:,} different values for {known:,} elements"
    if different > known // 2:
        what += f", too many for classes, such as {first!r}"
    elif 0 < amounts[odd].sum() < known / 2:
        what += f" and looks like numbers but in {amounts[odd].sum():,} of them, such as {first!r}"
    else:
        return
    raise InputError(
        f"{what}. Write numbers as numbers, and leave those empty that are not known; or say that these are classes "
        f"(task='classification', --task {name}=classification)."
    )


def _regression(store: SetStore, name: str, train: np.ndarray, *, standardise: bool) -> tuple[Head, np.ndarray]:
    values = label_numbers(labels_of(store, name), name)
    _check_some(values[train], name)
    if not np.nanmax(values[train]) > np.nanmin(values[train]):
        raise InputError(
            f"label {name!r} must vary among the training elements; all that have one have "
            f"{np.nanmax(values[train]):g}. Choose another, or add sets with other values."
        )
    return Regression.fit(name, values[train], standardise=standardise), values


def _classification(store: SetStore, name: str, parts: Split, train: np.ndarray) -> tuple[Head, np.ndarray]:
    names, codes = label_codes(labels_of(store, name))
    trained = codes[train]
    _check_some(np.where(trained < 0, np.nan, trained), name)
    classes = sorted(names[code] for code in np.unique(trained[trained >= 0]))
    if len(classes) < 2:
        raise InputError(
            f"label {name!r} must have two classes at least among the training elements; all that have one are "
            f"{classes[0]!r}. Add sets with elements of another class, or choose another label."
        )
    head = Classification(target=name, classes=tuple(classes), share=float((trained >= 0).mean()))
    held = np.full(len(store), "", dtype=object)
    for part in ("validation", "test"):
        held[getattr(parts, part)] = part
    return head, _numbers_of(head, names, codes, store, held)


def _marks(store: SetStore, name: str) -> np.ndarray:
    """1 of the element that is meant, NaN of all others ``(N,)``; truth values count as 1 and 0."""
    column = labels_of(store, name)
    if is_text_label(column):
        names, codes = label_codes(column)
        known = [{"true": 1.0, "false": 0.0}.get(label.lower(), 2.0) for label in names]
        marks = np.where(codes < 0, 0.0, np.array([*known, 0.0])[codes])
    else:
        marks = np.nan_to_num(label_numbers(column, name))
    check_marks(marks, store.sizes, store.set_ids, name)
    return np.where(marks == 1, 1.0, np.nan)


def _numbers_of(
    head: Classification, names: Sequence[str], codes: np.ndarray, store: SetStore, parts: np.ndarray | None = None
) -> np.ndarray:
    """Numbers of the classes of all elements, NaN where missing; other classes than the head's are refused."""
    number = {label: float(i) for i, label in enumerate(head.classes)}
    table = np.array([*(number.get(name, np.inf) for name in names), np.nan])
    found = table[codes]  # -1, a missing label, is the last
    unknown = np.isinf(found)
    if parts is not None:  # sets of no part do not matter
        unknown &= np.repeat(parts != "", store.sizes)
    if unknown.any():
        first = int(unknown.argmax())
        owner = int(np.searchsorted(store.offsets[1:], first, side="right"))
        where = f"set {store.set_ids[owner]!r}" + (f" of the {parts[owner]} part" if parts is not None else "")
        raise InputError(
            f"label {head.target!r} must be one of the classes of the training elements, "
            f"{listed([repr(label) for label in head.classes])}; {int(unknown.sum()):,} elements have others, such as "
            f"{names[codes[first]]!r} in {where}. Join rare classes, or leave those labels empty"
            + ("." if parts is None else ", or choose another split.")
        )
    return np.where(np.isinf(found), np.nan, found)


def _check_some(values: np.ndarray, name: str) -> None:
    if np.isnan(values).all():
        raise InputError(
            f"label {name!r} must be known for some elements of the training sets; it is missing for all of them. "
            "Fill it in, or choose another label."
        )
