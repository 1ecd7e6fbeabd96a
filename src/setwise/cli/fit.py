"""`setwise fit`: from tables to a fitted, measured, reported model."""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setwise.cli import options, screen
from setwise.cli.inspect import show_data
from setwise.cli.reading import reads
from setwise.cli.results import results_document, show_results
from setwise.cli.screen import Screen
from setwise.cli.study import read_sets, study_of, takes_study
from setwise.fit.torchrun import is_writer
from setwise.runs.directory import check_free

if TYPE_CHECKING:
    from setwise.fit.study import Study
    from setwise.readers.reading import Reading
    from setwise.runs.run import Run
    from setwise.store.store import SetStore

_RUN = "Run"


@reads
@takes_study()
def fit(
    context: typer.Context,
    source: options.Source,
    out: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where the run is written.")],
    sets: options.Sets = None,
    set_id: options.SetId = "set_id",
    features: options.Features = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=_RUN, help="Replace the run that is there.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=_RUN, help="Go on with a run that was stopped.")
    ] = False,
    baselines: Annotated[
        bool, typer.Option(rich_help_panel=_RUN, help="Measure ridge and gradient boosting as well.")
    ] = True,
    seed_check: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            rich_help_panel=_RUN,
            show_default="none",
            help="Fit again from N other seeds: how far do metrics and predictions move?",
        ),
    ] = 0,
    store: Annotated[
        Path | None,
        typer.Option(metavar="NEW.arrow", rich_help_panel=_RUN, help="Keep what was read, for tables beyond memory."),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", rich_help_panel=_RUN, help="Write curves for TensorBoard.")
    ] = False,
    call: options.Call = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    given: Mapping[str, Any],
    reading: "Reading | None",
) -> object:
    """Fit a model to sets, measure it on sets it has not seen beside simple baselines, and write a report.

    [bold]Examples[/bold]

    setwise fit cells.parquet --sets patients.csv --target hematocrit --out runs/hct

    setwise fit cells.parquet --sets visits.csv --target anemia --group patient --covariates age,sex
    --model set-transformer++ --max-elements 1000 --out runs/anemia

    setwise fit cells.parquet --sets patients.csv --target age --target cmv --target stage --task stage=ordinal
    --order stage=I,II,III,IV --class-weights balanced --out runs/several

    setwise fit samples/ --sets samples.csv --target cmv --features CD3,CD4,CD8 --out runs/cmv

    setwise fit cells.parquet --element-target cell_type --out runs/cell_types

    setwise fit cells.parquet --sets patients.csv --target hematocrit --out runs/hct --resume
    """
    study = study_of(given)
    if not is_writer():  # started by torchrun beside the process that writes
        quiet, json, store = True, False, None
    else:
        check_free(out, overwrite=overwrite or resume)  # before torch is imported, and hours of reading

    from setwise.readers.registry import reader_of
    from setwise.report.words import Words
    from setwise.validate.few_sets import fit_and_measure

    people = Screen(quiet=quiet, as_json=json)
    columns = options.names(features)
    if resume and store is not None and store.is_file():  # of the fit that was stopped; its data are compared
        source, sets, columns, store = store, None, None, None
        reading = reading and reading.of_sets  # the rest was done when the store was written
    words = Words.chosen(call, reader_of(source).words)
    people.say = words.say
    found = read_sets(given, reading, source=source, sets=sets, set_id=set_id, features=columns, store=store)
    show_data(people, found, targets=study.targets, of=study.of)
    _show_draws(people, found, study.config.max_elements)
    run = fit_and_measure(
        found,
        study,
        baselines=baselines,
        out=out,
        overwrite=overwrite,
        resume=resume,
        progress=False if people.silent else None,
        tensorboard=tensorboard,
    )
    if not is_writer():
        return run
    if words.text is not None:
        run = replace(run, record=run.record.model_copy(update={"call": words.text})).save(out)
    if seed_check and run.record.status != "interrupted":
        run = _checked_by_seeds(people, run, found, study, seed_check).save(out)
    from setwise.report.page import write_report  # it draws, which the fit does not wait for
    from setwise.runs.held_out_table import HELD_OUT

    arguments = context.obj or ["fit", "..."]
    report = write_report(run, found, command=shlex.join(["setwise", *arguments]))
    show_results(people, run)
    people.line()
    people.line(f"Run: {out}")
    if run.record.test:
        people.line(f"Held-out predictions: {out / HELD_OUT}")
    people.line(f"Report: {report}")
    people.document({"run": str(out), "report": str(report), **results_document(run)})
    if run.record.status == "interrupted":
        screen.warn(
            f"the fit was interrupted after {run.record.epochs} epochs; the run holds the best model so far. "
            "Go on with --resume."
        )
        raise typer.Exit(130)
    return run


def _checked_by_seeds(people: Screen, run: "Run", store: "SetStore", study: "Study", count: int) -> "Run":
    """Fit again from other seeds, and say so as it goes."""
    from setwise.validate.seed_check import with_seed_check

    if not run.record.test:
        screen.warn("no sets were held out, so that there is nothing to compare fits from other seeds by.")

    def told(number: int) -> None:
        people.line(f"Seed check: fit {number} of {count}")

    return with_seed_check(run, store, study, count, progress=False if people.silent else None, told=told)


def _show_draws(people: Screen, store: "SetStore", most: int | None) -> None:
    """Say that large sets are sub-sampled."""
    larger = 0 if most is None else int((store.sizes > most).sum())
    if larger:
        people.line(
            f"{larger:,} sets have more than {most:,} elements: training draws {most:,} afresh in each epoch, "
            "predictions use all (--max-elements 0 trains on all)."
        )
