"""Describe a task: where its data come from, what is predicted, how large it is in the paper."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from setwise._checks import InputError
from setwise.tasks.sets import TaskData

Kind = Literal["regression", "classification", "anomaly"]


@dataclass(frozen=True)
class RemoteFile:
    """A file that a task needs.

    Attributes:
        name: of the file, below the task's directory.
        url: where it can be fetched without a form, or none.
        md5: checksum in hexadecimal, or none where none is known.
        size: bytes, or none where it is not known.
    """

    name: str
    url: str | None = None
    md5: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Source:
    """The source of a task's data.

    Attributes:
        text: who made them.
        licence: terms of use as their publisher states them.
        page: where to read about them.
        folder: name of the directory, shared by tasks with the same data.
        files: what is needed, all of them.
        instead: other ways to have the data, each the patterns of files that are enough together.
    """

    text: str
    licence: str
    page: str
    folder: str
    files: tuple[RemoteFile, ...]
    instead: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Extent:
    """The part of a task to take; none means as in the paper.

    Attributes:
        train: training sets.
        test: test sets.
        elements: elements of a set.
        fresh: elements are drawn afresh for each training batch, by tasks that redraw; false keeps one fixed subset.
    """

    train: int | None = None
    test: int | None = None
    elements: int | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Task:
    """A task of the paper, of its code, or of the demo.

    Attributes:
        name: as on the command line.
        title: as in the paper's tables.
        kind: "regression" (one number), "classification" (a class per set) or "anomaly" (which element).
        out_features: K, outputs per set (of an anomaly task: per element).
        target: what is predicted, in words, with its unit.
        reader: reads or makes the data: ``reader(directory, extent)``; the directory is none for made data.
        source: where the data come from, or none where they are made or come with a dependency.
        redraws: whether the reader can have other elements of a set drawn for each batch.
        pool: aggregation of Deep Sets.
        elements: "vectors", "categories" or "images".
        categories: number of categories of each column, for categorical elements.
    """

    name: str
    title: str
    kind: Kind
    out_features: int
    target: str
    reader: Callable[[Path | None, Extent], TaskData]
    source: Source | None = None
    redraws: bool = False
    pool: str = "sum"
    elements: str = "vectors"
    categories: tuple[int, ...] | None = None

    @property
    def metric(self) -> str:
        """Return the metric of the paper's tables: "mse", "cross_entropy" or "accuracy"."""
        return {"regression": "mse", "classification": "cross_entropy", "anomaly": "accuracy"}[self.kind]

    def load(self, directory: Path | None, extent: Extent) -> TaskData:
        """Load or make the data of the task.

        Args:
            directory: of its files; none for made data.
            extent: how much of it.

        Raises:
            InputError: fresh elements of a task that does not redraw them; files that are missing or damaged; more than
                there is.
        """
        if extent.fresh and not self.redraws:
            raise InputError(
                "fresh elements need a task that draws others of a set for each batch, such as hematocrit or "
                f"point-cloud; {self.name} does not. Leave fresh out."
            )
        return self.reader(directory, extent)
