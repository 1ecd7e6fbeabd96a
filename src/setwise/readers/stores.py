"""Take a store as it is, compared with what is asked of it."""

from typing import Any

from setwise._checks import InputError
from setwise.readers.request import ReadRequest
from setwise.store.labels import labels_of
from setwise.store.processing import check_processing
from setwise.store.store import SetStore


def open_store(source: Any, request: ReadRequest) -> SetStore:
    """Return a store in memory or on disk as it is, or saved where the request says so.

    Raises:
        InputError: a table of sets or features that the store does not have; labels that it lacks; elements that were
            read otherwise than those that a model was fitted on.
    """
    opened = source if isinstance(source, SetStore) else SetStore.open(source)
    if request.sets is not None or (request.features is not None and tuple(request.features) != opened.features):
        raise InputError(
            "a store holds its features and its table of sets. Give sets and features when it is written, "
            "from the table of elements."
        )
    for name in request.labels:
        labels_of(opened, name)  # or says which there are
    if request.like is not None:
        check_processing(request.like, opened.description.processing)
    return opened if request.store is None else opened.save(request.store)
