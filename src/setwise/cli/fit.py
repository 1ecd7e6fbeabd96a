"""`setwise fit`: from tables to a fitted, measured, reported model."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from setwise.cli import fit_options as choices
from setwise.cli import options, screen
from setwise.cli.inspect import show_data
from setwise.cli.results import results_document, show_results
from setwise.cli.screen import Screen

if TYPE_CHECKING:
    from setwise.store.reading import Reading
    from setwise.store.store import SetStore


@options.reads
def fit(
    context: typer.Context,
    source: options.Source,
    out: choices.Out,
    target: choices.Target = None,
    element_target: choices.ElementTarget = None,
    sets: options.Sets = None,
    set_id: options.SetId = "set_id",
    features: options.Features = None,
    covariates: choices.Covariates = None,
    group: choices.Group = None,
    task: choices.Task = None,
    order: choices.Order = None,
    validation: choices.Validation = None,
    test: choices.Test = 0.2,
    model: choices.Model = "deep-sets++",
    depth: choices.Depth = None,
    width: choices.Width = None,
    norm: choices.Norm = None,
    residual: choices.Residual = None,
    path: choices.ResidualPath = None,
    pool: choices.Pool = None,
    heads: choices.Heads = None,
    inducing: choices.Inducing = None,
    epochs: choices.Epochs = None,
    batch_size: choices.BatchSize = None,
    elements_per_batch: choices.ElementsPerBatch = None,
    max_elements: choices.MaxElements = 2000,
    optimizer: choices.Optimizer = None,
    learning_rate: choices.LearningRate = None,
    weight_decay: choices.WeightDecay = None,
    schedule: choices.Schedule = None,
    clip: choices.Clip = None,
    accumulate: choices.Accumulate = None,
    patience: choices.Patience = None,
    class_weights: choices.ClassWeights = None,
    balanced_sampling: choices.BalancedSampling = None,
    weight_column: choices.WeightColumn = None,
    precision: choices.Precision = None,
    device: choices.Device = None,
    memory: choices.Memory = None,
    workers: choices.Workers = None,
    ensemble: choices.Ensemble = None,
    calibrate: choices.Calibrate = None,
    coverage: choices.Coverage = None,
    seed: choices.Seed = None,
    overwrite: choices.Overwrite = False,
    resume: choices.Resume = False,
    baselines: choices.Baselines = True,
    store: choices.Store = None,
    tensorboard: choices.Tensorboard = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    reading: "Reading",
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
    from setwise.fit.processes import is_writer
    from setwise.fit.study import Study
    from setwise.fit.train import train
    from setwise.readers.read import read
    from setwise.report import write_report
    from setwise.runs.config import FitConfig
    from setwise.runs.run import check_free

    model_choices = {
        "depth": depth,
        "width": width,
        "norm": norm,
        "residual": residual,
        "path": path,
        "pool": pool,
        "heads": heads,
        "inducing": inducing,
    }
    fit_choices = {
        "epochs": epochs,
        "batch_size": batch_size or 0,
        "elements_per_batch": elements_per_batch,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "accumulate": accumulate,
        "balanced_sampling": balanced_sampling,
        "precision": precision,
        "device": device,
        "memory": memory,
        "workers": workers,
        "ensemble": ensemble or 0,
        "seed": seed,
    }
    zero_is_none = {"clip": clip, "patience": patience, "max_elements": max_elements}
    config = FitConfig.checked(
        **_given(fit_choices), **{name: value or None for name, value in _given(zero_is_none).items()}
    )
    if not is_writer():  # started by torchrun beside the process that writes
        quiet, json, store = True, False, None
    else:
        check_free(out, overwrite=overwrite or resume)  # before hours of reading
    people = Screen(quiet=quiet, as_json=json)
    columns = options.names(features)
    if resume and store is not None and store.is_file():  # of the fit that was stopped; its data are compared
        source, sets, columns, store = store, None, None, None
    targets, labels = options.targets(target, element_target)
    read_sets = read(source, sets=sets, set_id=set_id, features=columns, store=store, reading=reading, labels=labels)
    show_data(people, read_sets, targets=targets, of="elements" if labels else "sets")
    _show_draws(people, read_sets, config.max_elements)
    study = Study(
        targets=targets,
        of="elements" if labels else "sets",
        task=options.kinds(task, targets),
        orders=options.orders(order),
        class_weights=options.class_weights(class_weights),
        weight_column=weight_column,
        covariates=options.names(covariates) or (),
        group=group,
        model=model,
        model_choices=_given(model_choices),
        config=config,
        validation=validation,
        test=test,
        calibrate=calibrate,
        coverage=coverage,
    )
    run = train(
        read_sets,
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
    arguments = context.obj or ["fit", "..."]
    report = write_report(run, read_sets, command=shlex.join(["setwise", *arguments]))
    show_results(people, run)
    people.line()
    people.line(f"Run: {out}")
    people.line(f"Report: {report}")
    people.document({"run": str(out), "report": str(report), **results_document(run)})
    if run.record.status == "interrupted":
        screen.warn(
            f"the fit was interrupted after {run.record.epochs} epochs; the run holds the best model so far. "
            "Go on with --resume."
        )
        raise typer.Exit(130)
    return run


def _show_draws(people: Screen, store: "SetStore", most: int | None) -> None:
    """Say that large sets are sub-sampled."""
    larger = 0 if most is None else int((store.sizes > most).sum())
    if larger:
        people.line(
            f"{larger:,} sets have more than {most:,} elements: training draws {most:,} afresh in each epoch, "
            "predictions use all (--max-elements 0 trains on all)."
        )


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given; the others keep their defaults."""
    return {name: value for name, value in values.items() if value is not None}
