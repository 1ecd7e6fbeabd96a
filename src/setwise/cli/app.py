"""The program `setwise`: its commands, and what becomes of errors.

What commands need is imported inside them, so that help comes at once.
"""

import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from setwise._checks import InputError
from setwise.cli import screen
from setwise.cli.compare import compare
from setwise.cli.cv import cv
from setwise.cli.data import app as data
from setwise.cli.demo import demo
from setwise.cli.evaluate import evaluate
from setwise.cli.explain import explain
from setwise.cli.export import export
from setwise.cli.fit import fit
from setwise.cli.inspect import inspect
from setwise.cli.predict import predict
from setwise.cli.tune import tune

app = typer.Typer(
    name="setwise",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `setwise demo`, or with `setwise inspect` on a table of your own.",
)
for _command in (fit, cv, tune, predict, evaluate, compare, explain, inspect, export, demo):
    app.command()(_command)
app.add_typer(data, name="data")


def _show_version(asked: bool) -> None:
    if asked:
        screen.Screen().line(f"setwise {version('setwise')}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from; may stand anywhere.")] = False,
) -> None:
    """Predict on sets: one answer for an unordered collection of vectors of any size.

    Exit codes: 0 done, 2 the input or the arguments are at fault, 1 anything else, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and leave with its exit code.

    Args:
        arguments: what follows the program's name; by default those of this process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        app(given, prog_name="setwise", obj=given)
    except SystemExit as left:  # Ctrl-C where no command had anything to say of it
        if isinstance(getattr(left.__context__, "__cause__", None), KeyboardInterrupt):
            screen.warn("interrupted; files that were not finished are not kept.")
        raise
    except Exception as error:
        if debug:
            traceback.print_exc()
        sys.exit(_tell(error))


def _tell(error: Exception) -> int:
    """Print what went wrong; the exit code."""
    if isinstance(error, InputError):
        screen.complain(str(error))
        return 2
    if isinstance(error, OSError):
        named = error.filename is not None and error.strerror is not None
        screen.complain(f"{error.filename}: {error.strerror}." if named else str(error))
        return 2
    screen.complain(
        f"something unexpected happened: {type(error).__name__}: {error}. This is a fault of setwise. "
        "Please report it with the output of the same command with --debug."
    )
    return 1
