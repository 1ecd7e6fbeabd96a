"""`setwise predict`: predictions for new sets from a saved run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setwise.cli import options
from setwise.cli.screen import Screen

if TYPE_CHECKING:
    from setwise.data.reading import Reading


@options.reads
def predict(
    run: options.RunDirectory,
    source: options.Source,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Predictions, a row per set: .parquet or .csv; of an .h5ad, a copy of it with them in uns: .h5ad.",
        ),
    ],
    sets: options.Sets = None,
    set_id: options.SetId = "set_id",
    device: options.Device = "auto",
    elements_per_batch: options.ElementsPerBatch = None,
    max_elements: options.MaxElements = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the elements that --max-elements draws.")] = 0,
    workers: options.Workers = 0,
    memory_limit: options.MemoryLimit = None,
    spread: Annotated[bool, typer.Option("--spread", help="Add how far the members of an ensemble differ.")] = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    reading: "Reading",
) -> None:
    """Predict new sets with a run. Features are found by their names, in whatever order they come.

    [bold]Examples[/bold]

    setwise predict runs/hct new_cells.parquet --out predictions.parquet

    setwise predict runs/status new.h5ad --set-id sample --out predicted.h5ad

    setwise predict runs/anemia new_cells.csv.gz --sets new_visits.csv --out predictions.csv --overwrite
    """
    from setwise.cli.writing import ANNDATA, check_anndata, check_writable, write_predictions
    from setwise.inference import predict as predict_sets
    from setwise.streaming import parse_bytes

    check_writable(out, overwrite=overwrite, suffixes=(".parquet", ".csv", ANNDATA), inputs=(source, sets))
    check_anndata(out, source)
    table = predict_sets(
        run,
        source,
        sets=sets,
        set_id=set_id,
        reading=reading,
        device=device,
        elements_per_batch=elements_per_batch,
        max_elements=max_elements,
        seed=seed,
        workers=workers,
        memory_limit=None if memory_limit is None else parse_bytes(memory_limit),
        spread=spread,
        progress=False if quiet or json else None,
    )
    write_predictions(table, out, source=source, set_id=set_id)
    people = Screen(quiet=quiet, as_json=json)
    people.line(f"{table.num_rows:,} sets predicted: {out} ({', '.join(table.column_names)})")
    people.document({"out": str(out), "sets": table.num_rows, "columns": table.column_names})
