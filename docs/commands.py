"""Write docs/commands.md: every command with its arguments and options, from the command line itself.

Run: python docs/commands.py
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from setwise.cli.app import app

PAGE = Path(__file__).with_name("commands.md")
HEAD = """# Commands

Every command, as its `--help` says it; `python docs/commands.py` writes this page. Exit codes: 0 done, 2 the input or
the arguments are at fault, 1 anything else, 130 interrupted. Options of a study stand in [options](options.md) as well,
with their names in Python.
"""


def page() -> str:
    """Return the page as Markdown."""
    program: Any = typer.main.get_command(app)
    return "\n".join([HEAD, *(line for name in program.commands for line in _command(program.commands[name], name))])


def _command(command: Any, name: str) -> Iterator[str]:
    """Yield the section of a command, or those of the commands below it."""
    if hasattr(command, "commands"):
        for inner in command.commands:
            yield from _command(command.commands[inner], f"{name} {inner}")
        return
    words, _, examples = inspect.cleandoc(command.help or "").partition("[bold]Examples[/bold]")
    yield f"## `setwise {name}`\n"
    yield f"{_plain(words).strip()}\n"
    if examples.strip():
        yield "```text\n" + re.sub(r"\n{2,}", "\n", examples.strip()) + "\n```\n"
    yield "| | | default |\n|---|---|---|"
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            yield _row(parameter)
    yield ""


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.metavar or parameter.name.upper()]
    shown = parameter.show_default
    default = shown if isinstance(shown, str) else _value(parameter.default) if shown else ""
    default = "required" if parameter.required else default
    cells = (", ".join(f"`{name}`" for name in names), _plain(getattr(parameter, "help", None) or ""), default)
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _value(default: Any) -> str:
    given = isinstance(default, str | int | float | Path) and not isinstance(default, bool)
    return str(default) if given else ""


def _plain(text: str) -> str:
    """Return a text without rich's marks."""
    return re.sub(r"\[/?(?:bold|dim|italic|green|yellow|red|cyan)\]", "", text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
