"""Read several AnnData files: each of them a sample, or with samples of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.anndata.file import opened
from setwise.readers.anndata.read import read_anndata
from setwise.readers.files import FILE, SetFiles, find_files, opened_files
from setwise.readers.formats.anndata import AnnData
from setwise.readers.paths import label_of, listed_files, name_of
from setwise.readers.per_set import add_columns, named_rows
from setwise.readers.request import ReadRequest
from setwise.store.sparse import SparseElements
from setwise.store.store import SetStore
from setwise.store.suffixes import stem_of
from setwise.store.tables import listed


def read_several(source: Any, request: ReadRequest) -> SetStore:
    """Read a folder, a pattern or a list of files, in memory; all must have the same features, in any order.

    Where ``obs`` has the column ``set_id``, it names the samples, each of which lies in one file, and the table of sets
    gets a column ``file``; else each file is a sample, named by the table of sets or by its file.

    Raises:
        InputError: a file that cannot be read, unless ``skip_bad``; samples in several files; other features.
    """
    listing = listed_files(source, _is_one)
    root, paths, _ = listing
    in_files = _has_samples(paths, request)
    own = replace(request, sets=None, store=None)
    if in_files:
        found = SetFiles(list(paths), [label_of(path, root) for path in paths])
        files, stores = opened_files(found, lambda path: read_anndata(path, own), request, kind=AnnData.name)
        sets = request.named_sets()
    else:
        found = find_files(listing, request, kind=AnnData.name, id_of=name_of)
        names = dict(zip(found.paths, found.ids, strict=True))
        opener = partial(_read_alone, names=names, request=own)
        files, stores = opened_files(found, opener, request, kind=AnnData.name)
        sets = None if files.table is None else named_rows(files.table, request.set_id, request.sets_name)
    joined = _joined(stores, files, str(root), in_files=in_files)
    table, problems = add_columns(joined.sets, sets, request.sets_name, strict=request.strict)
    description = replace(
        joined.description,
        problems=(*files.problems, *joined.description.problems, *problems),
        notes=(*files.notes, *joined.description.notes),
        skipped=dict(files.skipped),
    )
    kept = joined.with_sets(table).with_description(description)
    return kept if request.store is None else kept.save(request.store)


def _is_one(path: Path) -> bool:
    return AnnData().is_one(path)


def _read_alone(path: Path, *, names: dict[Path, str], request: ReadRequest) -> SetStore:
    return read_anndata(path, request, alone=names[path])


def _has_samples(paths: Sequence[Path], request: ReadRequest) -> bool:
    """Return whether the first file that can be read has a column that names the samples."""
    for path in paths:
        try:
            with opened(path, request.reading, matrix=False) as cells:
                return request.set_id in cells.obs.columns
        except InputError:
            continue
    return False


def _joined(stores: Sequence[SetStore], files: SetFiles, where: str, *, in_files: bool) -> SetStore:
    """Return the sets of several stores as one; features go by the names of the first."""
    first = stores[0]
    ids = [name for store in stores for name in store.set_ids]
    if twice := sorted(name for name, count in Counter(ids).items() if count > 1):
        raise InputError(
            f"{where}: every sample must lie in one file; {listed(twice, 3)} lie in several. Join these files "
            "(anndata.concat), or name another column (--set-id)."
        )
    for name, store in zip(files.ids, stores, strict=True):
        if set(store.features) != set(first.features):
            odd = sorted(set(store.features) ^ set(first.features))
            raise InputError(
                f"all files must have the same features; {name} and {files.ids[0]} differ in {len(odd)}, such as "
                f"{listed(odd, 3)}. Name those that all have with --features."
            )
    tables = [store.sets for store in stores]
    if in_files and not any(FILE in table.column_names for table in tables):
        stems = [stem_of(Path(name)) for name in files.ids]
        tables = [x.append_column(FILE, pa.repeat(stem, len(x))) for x, stem in zip(tables, stems, strict=True)]
    sets = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    sizes = np.concatenate([store.sizes for store in stores])
    labels = {
        name: pa.chunked_array([store.labels[name] for store in stores]).unify_dictionaries() for name in first.labels
    }
    orders = [np.array([store.features.index(name) for name in first.features]) for store in stores]
    pieces = [store.sparse for store in stores]
    if all(piece is not None for piece in pieces):
        taken = [piece.take(order) for piece, order in zip(pieces, orders, strict=True) if piece is not None]
        elements: Any = _stacked(taken)
    else:
        dense = [np.concatenate(list(store.chunks()))[:, order] for store, order in zip(stores, orders, strict=True)]
        elements = np.concatenate(dense)
    left_out = {name: reason for store in stores for name, reason in store.left_out.items()}
    notes = tuple(dict.fromkeys(note for store in stores for note in store.description.notes))
    description = replace(first.description, left_out=left_out, notes=notes)
    return SetStore.from_description(elements, sizes, sets, description, labels)


def _stacked(pieces: Sequence[SparseElements]) -> SparseElements:
    """Return the rows of several matrices, one after the other."""
    offsets = np.cumsum([0, *(int(piece.begins[-1]) for piece in pieces)])
    begins = [piece.begins[1:] + offset for piece, offset in zip(pieces, offsets[:-1], strict=True)]
    return SparseElements(
        np.concatenate([np.zeros(1, np.int64), *begins]),
        np.concatenate([piece.columns for piece in pieces]),
        np.concatenate([piece.values for piece in pieces]),
        pieces[0].width,
    )
