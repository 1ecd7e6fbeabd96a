"""`setwise predict`: predict new sets by a saved run."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setwise._checks import InputError
from setwise._options import declarations
from setwise.cli import options
from setwise.cli.declared import takes
from setwise.cli.inspect import warn_of_place, warn_of_reading
from setwise.cli.reading import reads
from setwise.cli.screen import Screen
from setwise.readers.registry import COPIERS, SETS_COPIERS, copier_of, copyable
from setwise.runs.computing import Computing

if TYPE_CHECKING:
    from setwise.readers.reading import Reading
    from setwise.runs.run import Run

_SETS_COPIES = "; ".join(
    f"of {copier.name}, a copy with them in {copier.sets_place}: {', '.join(copier.suffixes)}"
    for copier in SETS_COPIERS
)
_NUMBERS = " ".join(
    f"{copier.columns.capitalize()} of {copier.name} are numbers: classes that are text are counted from 1 "
    f"({copier.legend})."
    for copier in COPIERS
    if copier.legend
)


@reads
@takes(given=declarations(Computing.model_fields))
def predict(
    run: options.RunDirectory,
    source: options.Source,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help=f"Predictions, a row per set or element: .parquet, .csv; {_SETS_COPIES}.",
        ),
    ],
    sets: options.Sets = None,
    set_id: options.RunSetId = None,
    distance: Annotated[
        bool, typer.Option("--distance", help="Add how far each set lies from the training sets, and whether outside.")
    ] = False,
    spread: Annotated[bool, typer.Option("--spread", help="Add how far the members of an ensemble differ.")] = False,
    copies: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Of a run of elements: copy what is read into a new folder, with predictions: "
            f"{copyable()}. {_NUMBERS}",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    given: Mapping[str, Any],
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

    from setwise.cli.writing import PREDICTIONS, check_copy, check_writable, write_predictions
    from setwise.readers.request import ReadRequest
    from setwise.report.words import Words
    from setwise.runs.element_copies import check_copies
    from setwise.runs.predict import check_spread, read_for
    from setwise.runs.predict import predict as predict_sets
    from setwise.runs.remembered import read_as
    from setwise.runs.run import Run
    from setwise.runs.training_range import columns_of

    check_writable(out, overwrite=overwrite, suffixes=PREDICTIONS, inputs=(source, sets))
    check_copy(out, source)
    people = Screen(quiet=quiet, as_json=json)
    loaded = Run.load(run)
    people.say = Words.of(loaded.record.call).say
    of_elements = loaded.objective.of == "elements"
    if copies is not None and not of_elements:
        raise InputError("copies have a prediction for every element; this run predicts sets. Leave --copies out.")
    how_read = read_as(loaded, source, sets=sets, set_id=set_id, reading=reading)
    if copies is not None:
        check_copies(source, ReadRequest.of(**how_read), loaded.objective, copies)
    how = Computing(**given, progress=False if quiet or json else None)
    if of_elements and distance:
        raise InputError("distances are of sets, and this run predicts elements. Leave --distance out.")
    if of_elements:
        _predict_elements(people, loaded, source, out, copies, how_read, how, spread=spread)
        return
    check_spread(loaded, spread=spread)
    store = read_for(loaded, source, **how_read)
    warn_of_reading(store, loaded)
    where = warn_of_place(store, loaded)
    table = predict_sets(loaded, store, spread=spread, **dict(how))
    if distance:
        for name, values in columns_of(where, len(store)).items():
            table = table.append_column(name, pa.array(values))
    write_predictions(table, out, source=source, set_id=how_read["set_id"])
    people.line(f"{table.num_rows:,} sets predicted: {out} ({', '.join(table.column_names)})")
    people.document(
        {"out": str(out), "sets": table.num_rows, "columns": table.column_names}
        | {"outside": None if where is None else [store.set_ids[row] for row in where.outside.nonzero()[0]]}
        | {"skipped": dict(store.description.skipped)}
    )


def _predict_elements(
    people: Screen,
    run: "Run",
    source: Path,
    out: Path,
    copies: Path | None,
    how_read: Mapping[str, Any],
    how: "Computing",
    *,
    spread: bool,
) -> None:
    """Write a row per element, some sets at a time; with copies of the files all together."""
    import pyarrow as pa

    from setwise.cli.writing import sets_copier, write_tables
    from setwise.readers.request import ReadRequest
    from setwise.runs.element_copies import class_legend, write_copies
    from setwise.runs.predict import check_spread, read_for
    from setwise.runs.predict_elements import check_whole_sets, element_tables

    if sets_copier(out) is not None:
        raise InputError("this run predicts elements: write them to .parquet or .csv, and to a copy with --copies.")
    check_whole_sets(how.max_elements)
    check_spread(run, spread=spread)
    store = read_for(run, source, **how_read)
    warn_of_reading(store, run)
    warn_of_place(store, run)
    tables = element_tables(run, store, how, spread=spread)
    if copies is None:
        names = write_tables(tables, out)
    else:
        together = pa.concat_tables(tables)
        sizes = dict(zip(store.set_ids, store.sizes.tolist(), strict=True))
        copies.mkdir()
        try:
            made = write_copies(source, ReadRequest.of(**how_read), together, sizes, run.objective, copies)
            names = write_tables([together], out)
        except BaseException:
            shutil.rmtree(copies, ignore_errors=True)  # whole or not at all, so that the same command goes again
            raise
        people.line(f"{len(made):,} copies with predictions: {copies}")
        copier, legend = copier_of(source), class_legend(run.objective)
        if copier.legend and legend:
            people.line(f"Numbers in their {copier.columns}: {legend}")
    people.line(f"{store.num_elements:,} elements of {len(store):,} sets predicted: {out} ({', '.join(names)})")
    people.document(
        {"out": str(out), "sets": len(store), "elements": store.num_elements, "columns": names}
        | {"skipped": dict(store.description.skipped)}
    )
