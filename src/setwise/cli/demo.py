"""`setwise demo`: do the main job on data that comes with the installation.

It runs the other commands as a user would type them, so that what it shows is what they do.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setwise._checks import InputError
from setwise.cli import options
from setwise.cli.results import show_rows
from setwise.cli.screen import Screen

if TYPE_CHECKING:
    from setwise.runs.record import TestRow
    from setwise.runs.run import Run

_NEW = 5  # sets that nobody has seen, to predict in the end
_FIT = ("--width", "64", "--epochs", "10", "--batch-size", "32", "--patience", "0")
_FASTER = ("--learning-rate", "0.003", "--ensemble", "1")
_NO_GAIN = 0.9  # of the constant's error: no better than this is called a failure


@dataclass(frozen=True)
class _Contender:
    """A model of the demo: its label, its directory, and options of `fit`."""

    label: str
    directory: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """The size of a demo: sets of each part, options of every fit, and the models."""

    train: int
    validation: int
    test: int
    fit: tuple[str, ...]
    contenders: tuple[_Contender, ...]


_CONTENDERS = (
    _Contender("Deep Sets++, 50 layers", "deep-sets++-50", ("--model", "deep-sets++", "--depth", "50")),
    _Contender("Deep Sets, 50 layers", "deep-sets-50", ("--model", "deep-sets", "--depth", "50", "--no-baselines")),
    _Contender("Deep Sets, 3 layers", "deep-sets-3", ("--model", "deep-sets", "--depth", "2", "--no-baselines")),
)
# 50 layers see through the digits only after some 500 steps; then it goes fast.
_WHOLE = _Plan(4000, 300, 500, _FIT, _CONTENDERS)
_ONE = _Contender("Deep Sets++, 3 layers", "deep-sets++-3", ("--model", "deep-sets++", "--depth", "2"))
_QUICK = _Plan(700, 100, 200, (*_FIT, *_FASTER), (_ONE,))


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where tables and runs are written.")] = Path(
        "runs/demo"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="One small model on fewer sets, in about 20 seconds.")] = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Predict the variance of sets of handwritten digits, and see what set norm and residuals are good for.

    Sets of 6 to 10 real images (scikit-learn's 1,797, none both in training and in test sets). It writes the tables,
    looks at them, fits three models, predicts new sets from a saved run, and compares, in at most three minutes
    on two cores; with --quick it fits one model, in seconds.

    [bold]Examples[/bold]

    setwise demo

    setwise demo --out runs/demo --overwrite

    setwise demo --quick
    """
    from setwise._files import make_directory

    if out.exists() and not overwrite:
        raise InputError(f"{out} exists already. Name another directory with --out, or replace it with --overwrite.")
    make_directory(out)
    began = time.monotonic()
    people = Screen(quiet=quiet, as_json=json)
    plan = _QUICK if quick else _WHOLE
    tables = write_tables(out, plan)
    people.line(f"Sets of 6 to 10 handwritten digits and the variance of each set, written to {out}.")
    program = _Program(context, people)
    data = (str(tables["digits"]), "--sets", str(tables["sets"]), "--target", "variance")
    if not people.silent:
        program.run("inspect", *data)
    replace = ("--overwrite",) if overwrite else ()
    runs: dict[str, Run] = {}
    for contender in plan.contenders:
        directory = out / contender.directory
        runs[contender.label] = program.run(
            "fit", *data, *contender.choices, *plan.fit, "--out", str(directory), *replace, *program.hush
        )
    best = str(out / plan.contenders[0].directory)
    predictions = out / "predictions.csv"
    new = (best, str(tables["new_digits"]))
    program.run("predict", *new, "--out", str(predictions), *replace, *program.hush)
    _show_predictions(people, predictions, tables["new_sets"])
    rows = comparison(runs)
    people.heading("All together")
    show_rows(
        people,
        rows,
        next(iter(runs.values())).objective,
        title=f"{plan.test} held-out sets of images that no model has seen",
    )
    people.line()
    sentences = conclusion_of_one(rows) if quick else conclusion(rows)
    for sentence in sentences:
        people.line(sentence)
    seconds = time.monotonic() - began
    people.line()
    people.line(f"{seconds:.0f} seconds in all. What to look at:")
    people.line(f"- {best}/report.html: the answer first, then how sure it is, errors, and what was read")
    people.line(f"- {predictions}: predictions for {_NEW} new sets")
    people.line("- your own data: setwise inspect FILE says what would be read, setwise fit FILE --help how to go on")
    people.document(
        {
            "out": str(out),
            "seconds": seconds,
            "test": [{"name": row.name, "metrics": row.metrics} for row in rows],
            "conclusion": sentences,
            "predictions": str(predictions),
        }
    )


class _Program:
    """The program itself, run by the demo with arguments that it shows first."""

    def __init__(self, context: typer.Context, people: Screen):
        self._command: Any = context.find_root().command
        self._people = people
        self.hush = ("--quiet",) if people.silent else ()

    def run(self, *arguments: str) -> Any:
        """Run a command; what its function returns."""
        shown = [argument for argument in arguments if argument not in self.hush]
        self._people.command(shown)
        returned = self._command.main(list(arguments), prog_name="setwise", standalone_mode=False, obj=shown)
        if isinstance(returned, int):  # it left early, with this exit code
            raise typer.Exit(returned)
        return returned


def write_tables(out: Path, plan: _Plan) -> dict[str, Path]:
    """Write the tables of elements and sets, and those of a few new sets, as users have them.

    Returns:
        Paths of "digits", "sets", "new_digits" and "new_sets".
    """
    import pyarrow.compute as pc

    from setwise.cli.writing import write_tables
    from setwise.tasks.digits import digit_sets

    drawn = digit_sets(train=plan.train, validation=plan.validation, test=plan.test + _NEW)
    new = drawn.sets["set_id"][-_NEW:]
    paths = {}
    for name, table in (("digits", drawn.elements), ("sets", drawn.sets)):
        chosen = pc.is_in(table["set_id"], value_set=new)  # pyright: ignore[reportAttributeAccessIssue]
        suffix = "parquet" if name == "digits" else "csv"
        paths[name], paths[f"new_{name}"] = out / f"{name}.{suffix}", out / f"new_{name}.{suffix}"
        write_tables([table.filter(pc.invert(chosen))], paths[name])  # pyright: ignore[reportAttributeAccessIssue]
        write_tables([table.filter(chosen)], paths[f"new_{name}"])
    return paths


def comparison(runs: "dict[str, Run]") -> "list[TestRow]":
    """Return the models by their labels, then the baselines."""
    from setwise.runs.record import TestRow

    models = [TestRow(name=label, metrics=run.record.test[0].metrics) for label, run in runs.items()]
    baselines = [row for run in runs.values() for row in run.record.test[1:]]
    return [*models, *baselines]


def conclusion(rows: "Sequence[TestRow]") -> list[str]:
    """Say what the table shows about depth, whatever it shows."""
    error = {row.name: row.metrics["mse"] for row in rows}
    constant = error["constant"]
    with_both, plain, shallow = (error[contender.label] for contender in _CONTENDERS)
    if plain > _NO_GAIN * constant:
        first = "50 plain layers, as torch initialises them, learn nothing: they are no better than a constant."
    else:
        first = f"Here 50 plain layers do learn: an error of {plain:.3g}, where a constant has {constant:.3g}."
    if with_both < _NO_GAIN * constant:
        second = (
            "50 layers with set norm and clean equivariant residuals work: "
            f"their mean squared error is {with_both / constant:.0%} of the constant's"
        )
        second += ", and less than that of 3 layers." if with_both < shallow else "; 3 layers do better still."
    else:
        second = "50 layers with set norm and clean equivariant residuals did not learn here either."
    return [first, second]


def conclusion_of_one(rows: "Sequence[TestRow]") -> list[str]:
    """Say how the first model compares with the constant and with the best of the baselines."""
    model, *others = rows
    best = min(others, key=lambda row: row.metrics["mse"])
    against = {row.name: model.metrics["mse"] / row.metrics["mse"] for row in others}
    shares = f"{against['constant']:.0%} of the constant's and {against[best.name]:.0%} of that of {best.name}"
    return [
        f"The mean squared error of {model.name} is {shares}, the best of the baselines.",
        "What set norm and residuals are good for shows with 50 layers: setwise demo, without --quick.",
    ]


def _show_predictions(people: Screen, predictions: Path, truth: Path) -> None:
    """Show new sets beside their true values, which the model was not told."""
    import pyarrow.csv

    from setwise.report.rounding import number

    told = pyarrow.csv.read_csv(predictions).to_pydict()
    real = pyarrow.csv.read_csv(truth).to_pydict()
    by_name = dict(zip(real["set_id"], real["variance"], strict=True))
    rows = [
        [name, number(value), number(by_name[name])]
        for name, value in zip(told["set_id"], told["predicted_variance"], strict=True)
    ]
    people.table(["new set", "predicted variance", "true variance"], rows)
