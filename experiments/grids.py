"""The grids: which rows on which tasks make up a table."""

from collections.abc import Iterable
from dataclasses import dataclass

from experiments import paper, rows
from experiments.rows import Row
from setwise._checks import check_choice


@dataclass(frozen=True)
class Section:
    """Some rows of a table, on some tasks.

    Attributes:
        title: what is compared.
        tasks: names of tasks.
        rows: those of the paper.
        controls: rows that the paper lacks.
        note: what the reader has to know.
    """

    title: str
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    controls: tuple[Row, ...] = ()
    note: str = ""

    @property
    def all_rows(self) -> tuple[Row, ...]:
        """Return the paper's rows, then the controls."""
        return (*self.rows, *self.controls)

    def label(self, key: str) -> str:
        """Return the label of a row in this section."""
        return next(row.label for row in self.all_rows if row.key == key)


@dataclass(frozen=True)
class Grid:
    """A table of the paper, or the appendix.

    Attributes:
        name: on the command line.
        title: in the report.
        sections: one for a table, several for the appendix.
    """

    name: str
    title: str
    sections: tuple[Section, ...]

    def cells(self, tasks: Iterable[str] = ()) -> list[tuple[str, Row]]:
        """Yield pairs of a task and a row, each once; those of the named tasks, or all."""
        wanted = set(tasks)
        pairs = {
            (task, row.key): (task, row)
            for section in self.sections
            for task in section.tasks
            for row in section.all_rows
            if not wanted or task in wanted
        }
        return list(pairs.values())


_DEEP_SETS_CONTROLS = (rows.CONSTANT, *rows.SUMMARIES, rows.HE, rows.ZERO, *rows.CARRIED)
_WITHOUT_SUMMARIES = (rows.CONSTANT, rows.HE, rows.ZERO, *rows.CARRIED)
_OWN = ("digits-var", "mnist-var-mixed", "mnist-var-scaled")

GRIDS = {
    grid.name: grid
    for grid in (
        Grid(
            "table1",
            "Table 1: what a norm does for Deep Sets of 50 layers",
            (Section("", paper.TASKS, rows.NORMS, (rows.CONSTANT, rows.HE, rows.CARRIED[0])),),
        ),
        Grid(
            "table2",
            "Table 2: residual connections and norms, Deep Sets of 50 layers",
            (Section("", paper.TASKS, rows.DEEP_SETS_RESIDUAL, (rows.CONSTANT, rows.ZERO, rows.CARRIED[1])),),
        ),
        Grid(
            "table3",
            "Table 3: residual connections and norms, Set Transformer of 16 layers",
            (Section("", paper.TASKS, rows.SET_TRANSFORMER_RESIDUAL, (rows.CONSTANT, *rows.MAX_ARC)),),
        ),
        Grid(
            "table4",
            "Table 4: depth",
            (
                Section("The paper's tasks", paper.TASKS, rows.DEPTH, _DEEP_SETS_CONTROLS),
                Section("Images", (paper.CLASSIFIED,), rows.DEPTH, (rows.CONSTANT, rows.HE, rows.ZERO)),
                Section(
                    "Tasks beside the paper's tables",
                    _OWN,
                    rows.DEPTH,
                    _DEEP_SETS_CONTROLS,
                    "Sets of 6 to 10 images are in the authors' code; scaled pixels and the digits are ours.",
                ),
            ),
        ),
        Grid(
            "appendix",
            "Appendix",
            (
                Section(
                    "Feature norm, batch size, and test sets unlike the training sets",
                    ("normal-var-ood",),
                    rows.BATCH_SIZES,
                    (rows.CONSTANT,),
                    "Means of the test sets in [-30, 30], of the training sets in [-10, 10]; equal numbers of steps.",
                ),
                Section(
                    "Weighted averages: what layer norm removes",
                    ("weighted-average-real", "weighted-average-one-hot"),
                    rows.WEIGHTED,
                    (rows.CONSTANT, *rows.SUMMARIES),
                ),
                Section(
                    "Categories instead of numbers",
                    ("point-cloud-categorical", "hematocrit-categorical"),
                    (rows.DEEP_SETS_50, *rows.NORMS[1:], rows.DEEP_SETS_PLUS_50, rows.SET_TRANSFORMER_PLUS_16),
                    (rows.CONSTANT,),
                ),
                Section(
                    "Sum ARC, expected to explode",
                    ("mnist-var", "normal-var", "digits-var"),
                    (rows.SUM_ARC, rows.DEEP_SETS_PLUS_50),
                    (rows.CONSTANT,),
                ),
            ),
        ),
    )
}


def get_grid(name: str) -> Grid:
    """Return the grid with a name.

    Raises:
        InputError: there is none.
    """
    check_choice("the table", name, tuple(GRIDS))
    return GRIDS[name]
