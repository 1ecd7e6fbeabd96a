"""The command line: ``python -m examples [NAME ...]`` runs examples and prints what they found as a table."""

import time
from pathlib import Path
from typing import Annotated

import typer

from examples import birds, covid, dapg, itn, mil, radhar
from examples.outcome import keep, kept, table

EXAMPLES = {"dapg": dapg, "itn": itn, "mil": mil, "radhar": radhar, "birds": birds, "covid": covid}
_RESULTS = "outcomes.json"
app = typer.Typer(name="examples", add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(EXAMPLES)}; all by default.")] = None,
    data: Annotated[Path, typer.Option(help="Where the folders of data are.")] = Path("../shared/data"),
    out: Annotated[Path, typer.Option(help="Where tables, runs and results are written.")] = Path("runs/examples"),
    reduced: Annotated[bool, typer.Option(help="A few seconds each, to see that they run.")] = False,
) -> None:
    """Run worked examples with the default settings; those whose data are absent are passed over, and said so."""
    chosen = names or list(EXAMPLES)
    for name in chosen:
        if name not in EXAMPLES:
            raise typer.BadParameter(f"there is no example {name!r}; there are {', '.join(EXAMPLES)}.")
    for name in chosen:
        example = EXAMPLES[name]
        folder = data / example.FOLDER
        if not folder.is_dir():
            print(f"{name}: passed over, since {folder} is not there.")
            continue
        own = out / name
        own.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        outcomes = example.run(folder, own, reduced=reduced)
        keep(outcomes, own / _RESULTS)
        print(f"{name}: {time.monotonic() - began:.0f} s")
    done = [out / name / _RESULTS for name in EXAMPLES if (out / name / _RESULTS).exists()]
    print(table([outcome for path in done for outcome in kept(path)]))


if __name__ == "__main__":
    app()
