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
            help="Predictions, a row per set or element: .parquet, .csv; of an .h5ad, a copy with them in uns: .h5ad.",
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
    copies: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Of a run of elements: copy the FCS or .h5ad files that are read into a new folder, with predictions.",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    reading: "Reading",
) -> None:
    """Predict new sets with a run. Features are found by their names, in whatever order they come.

    A run that was fitted with --element-target gives a row per element: set_id, element (its place in the set, from 0)
    and the predictions, written some sets at a time.

    [bold]Examples[/bold]

    setwise predict runs/hct new_cells.parquet --out predictions.parquet

    setwise predict runs/status new.h5ad --set-id sample --out predicted.h5ad

    setwise predict runs/anemia new_cells.csv.gz --sets new_visits.csv --out predictions.csv --overwrite
    """
    import pyarrow as pa

    from setwise._checks import InputError
    from setwise.cli.writing import ANNDATA, check_anndata, check_writable, write_predictions, write_tables
    from setwise.inference import predict as predict_sets
    from setwise.inference.element_copies import check_copies, write_copies
    from setwise.inference.predict import check_spread, read_for
    from setwise.inference.predict_elements import check_whole_sets, element_tables
    from setwise.streaming import parse_bytes
    from setwise.training.run import Run

    check_writable(out, overwrite=overwrite, suffixes=(".parquet", ".csv", ANNDATA), inputs=(source, sets))
    check_anndata(out, source)
    people = Screen(quiet=quiet, as_json=json)
    loaded = Run.load(run)
    limit = None if memory_limit is None else parse_bytes(memory_limit)
    if copies is not None:
        check_copies(source, copies)
    if loaded.objective.rows == "elements":
        if out.suffix.lower() == ANNDATA:
            raise InputError("this run predicts cells: write them to .parquet or .csv, and to a copy with --copies.")
        check_whole_sets(max_elements)
        check_spread(loaded, spread=spread)
        store = read_for(loaded, source, sets=sets, set_id=set_id, reading=reading)
        tables = element_tables(
            loaded,
            store,
            device=device,
            elements_per_batch=elements_per_batch,
            workers=workers,
            memory_limit=limit,
            spread=spread,
            progress=False if quiet or json else None,
        )
        kept: list[pa.Table] = []
        names = write_tables(tables if copies is None else (kept.append(table) or table for table in tables), out)
        if copies is not None:
            together = pa.concat_tables(kept)
            made = write_copies(source, together, loaded.objective, copies, sets=sets, set_id=set_id, reading=reading)
            people.line(f"{len(made):,} copies with predictions: {copies}")
        people.line(f"{store.num_elements:,} elements of {len(store):,} sets predicted: {out} ({', '.join(names)})")
        people.document({"out": str(out), "sets": len(store), "elements": store.num_elements, "columns": names})
        return
    if copies is not None:
        raise InputError("copies have a prediction for every element; this run predicts sets. Leave --copies out.")
    table = predict_sets(
        loaded,
        source,
        sets=sets,
        set_id=set_id,
        reading=reading,
        device=device,
        elements_per_batch=elements_per_batch,
        max_elements=max_elements,
        seed=seed,
        workers=workers,
        memory_limit=limit,
        spread=spread,
        progress=False if quiet or json else None,
    )
    write_predictions(table, out, source=source, set_id=set_id)
    people.line(f"{table.num_rows:,} sets predicted: {out} ({', '.join(table.column_names)})")
    people.document({"out": str(out), "sets": table.num_rows, "columns": table.column_names})
