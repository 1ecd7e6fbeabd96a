"""Search for a model and its numbers under a time budget, measured on sets that took no part in it."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from setwise._checks import InputError, check_choice, counted, missing_packages
from setwise._files import make_directory, write_atomic
from setwise.fit.loop import DivergedError
from setwise.fit.study import Study
from setwise.fit.train import train
from setwise.models import MODELS
from setwise.models.families import DEFAULT, FAMILIES, family_of_model
from setwise.runs.directory import check_free
from setwise.runs.held_out import HeldOut, Measured, measured
from setwise.runs.run import Run
from setwise.store import columns
from setwise.store.shares import validation_share
from setwise.store.splits import Split, split_sets
from setwise.store.store import SetStore
from setwise.targets.metrics import score
from setwise.validate.search import Search
from setwise.validate.search_plan import Part, SearchPlan, everything_of, planned, searched

TRIED = ("deep-sets++", "set-transformer++")
_RATES = (1e-4, 1e-2)


@dataclass(frozen=True)
class Tuned:
    """The result of a search.

    Attributes:
        run: an ordinary run of the best choices; its test part took no part in the search.
        study: the best choices.
        trials: parameters and values of all trials of the final search, in order.
        nested: of ``outer`` above one, the whole search repeated in every outer fold, measured on its pooled tests.
    """

    run: Run
    study: Study
    trials: tuple[dict[str, Any], ...]
    nested: Measured | None


def tune(
    store: SetStore,
    study: Study,
    *,
    models: Sequence[str] = TRIED,
    out: str | Path,
    resume: bool = False,
    overwrite: bool = False,
    done: Callable[[int, float], None] = lambda _number, _best: None,
    **search: Any,
) -> Tuned:
    """Search depth, width, learning rate and model by cross-validation, then fit and measure the best.

    What the study has of its own is held in all trials: depth and width among its ``model_choices``, a learning rate
    that its ``config`` was given. The first trial is the study as it is, with the first of the models where it names
    none; others are drawn by the tree-structured Parzen estimator, each from the seed and the trials before it, so that
    a search that is resumed goes on as it would have. A time budget ends it at another trial on another machine;
    ``trials`` ends it at the same. The search is kept beside the run, in ``<out>.search``.

    Args:
        store: the sets.
        study: what is predicted, and how; its seed decides everything.
        models: names of those that are tried, beside that of the study.
        out: directory of the final run.
        resume: go on with a search that was stopped.
        overwrite: replace run and search.
        done: is told the trials done and the best value.
        search: budget, trials, inner, outer, test and baselines, as of `setwise.validate.search.Search`.

    Raises:
        InputError: optuna is not installed; data, choices or directories are at fault.

    Source: Cawley, Talbot 2010, On over-fitting in model selection, JMLR 11, section 5 (nesting).
    """
    how = Search(**search)
    _check_choices(study, models)
    if study.model == DEFAULT and DEFAULT not in models:
        study = study.model_copy(update={"model": models[0]})
    journal = _journal(Path(out), resume=resume, overwrite=overwrite)
    seed, everything = study.config.seed, everything_of(store, study)
    split = split_sets(
        len(store),
        groups=everything.groups,
        given=columns.given_split(store),
        stratify=everything.classes,
        validation=validation_share(study.asked_validation, len(store)),
        test=how.test,
        seed=seed,
    )
    outers = everything.folds(how.outer, validation=study.asked_validation, seed=seed) if how.outer > 1 else []
    *nests, final = (planned(everything, study, models, own, how.inner) for own in [*outers, (split, seed)])
    if overwrite:
        for old in journal.glob("*.log"):
            old.unlink()
    make_directory(journal)
    nested = _nested(nests, study, how, journal, done) if nests else None
    best, found = _search(final, study, how, journal / "final.log", done)
    same = _keep_choice(journal / "chosen.json", best) and resume
    fresh = (overwrite or resume) and not same
    final_run: dict[str, Any] = {"out": Path(out), "resume": same, "overwrite": fresh}
    run = train(store, best, split=split, baselines=how.baselines, progress=False, **final_run)
    note = (
        f"Chosen among {counted(len(found), 'trial')} by cross-validation of the {len(final.part.rows)} sets that are "
        "not held out; the held-out sets took no part in the choice."
    )
    run = replace(run, record=run.record.model_copy(update={"notes": (*run.record.notes, note)}))
    return Tuned(run.save(out), best, tuple(found), nested)


def _keep_choice(path: Path, best: Study) -> bool:
    """Keep the choice, and return whether the search had come to it before, so that its fit can be gone on with."""
    content = json.dumps(best.identity(), default=str, sort_keys=True).encode()
    same = path.is_file() and path.read_bytes() == content
    write_atomic(path, content)
    return same


def _check_choices(study: Study, models: Sequence[str]) -> None:
    """Refuse models that there are not, and a search in which everything is held."""
    for model in models:
        check_choice("a model", model, MODELS)
    if len(models) == 1 and not searched(study, models):
        raise InputError(
            "a search needs something to search; model, depth, width and learning rate are all given. Leave one of "
            "them out, or fit without a search (setwise fit)."
        )


def _journal(out: Path, *, resume: bool, overwrite: bool) -> Path:
    """Return the folder of searches; refuse it, or the directory of the run, where something would be lost."""
    if resume and overwrite:
        raise InputError("a search is either overwritten or resumed. Choose one of the two.")
    out = out.absolute()  # which has a name, as "." has not
    folder = out.with_name(f"{out.name}.search")
    if any(folder.glob("*.log")) and not (resume or overwrite):
        raise InputError(
            f"{folder} holds a search already. Go on with it (resume=True, --resume), replace it (overwrite=True, "
            "--overwrite), or name another directory."
        )
    check_free(out, overwrite=overwrite or resume)
    return folder


def _search(
    plan: SearchPlan,
    study: Study,
    how: Search,
    path: Path,
    done: Callable[[int, float], None],
) -> tuple[Study, list[dict[str, Any]]]:
    """Search the best choices for some sets; return them and all trials.

    Raises:
        InputError: the search that is gone on with is another one; what a fit finds at fault. The latter, like Ctrl-C,
            leaves no search behind before its first trial is done.
    """
    try:
        import optuna  # optional package
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise missing_packages("searches", ["optuna"], "tune") from error

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seed = study.config.seed
    search = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(path))), study_name="search", load_if_exists=True
    )
    states = optuna.trial.TrialState
    for trial in search.get_trials(states=(states.RUNNING,)):  # of a search that was killed
        search.tell(trial.number, state=states.FAIL)
    if search.user_attrs.get("identity", plan.fingerprint) != plan.fingerprint:
        raise InputError(
            f"{path} is of another search: other data, targets, folds or choices. Go on with those that it was begun "
            "with, name another directory, or begin again (overwrite=True, --overwrite)."
        )
    search.set_user_attr("identity", plan.fingerprint)
    while True:
        known = search.get_trials(deepcopy=False, states=(states.COMPLETE,))
        spent = sum(trial.user_attrs["seconds"] for trial in known)
        if known and (spent >= how.budget or (how.trials is not None and len(known) >= how.trials)):
            break
        own = int(np.random.SeedSequence((seed, len(known))).generate_state(1)[0])
        search.sampler = optuna.samplers.TPESampler(seed=own, n_startup_trials=5)
        trial, began = search.ask(), time.monotonic()
        choices = {} if not known else _drawn(trial, plan.models, searched(study, plan.models))
        trial.set_user_attr("choices", choices)
        try:
            value = _value(plan, chosen(study, choices))
        except (InputError, KeyboardInterrupt):
            if not known:
                path.unlink()
            raise
        trial.set_user_attr("seconds", time.monotonic() - began)
        search.tell(trial, value)
        done(len(known) + 1, search.best_value)
    known = search.get_trials(deepcopy=False, states=(states.COMPLETE,))
    best = min(known, key=lambda trial: (trial.value, trial.number))
    found = [{**t.user_attrs["choices"], "value": t.value, "seconds": t.user_attrs["seconds"]} for t in known]
    return chosen(study, best.user_attrs["choices"]), found


def _drawn(trial: Any, models: Sequence[str], searched: Sequence[str]) -> dict[str, Any]:
    """Draw the choices of one trial."""
    model = trial.suggest_categorical("model", list(models))
    family = family_of_model(model)
    found: dict[str, Any] = {"model": model}
    for name in searched:
        if name in family.space:
            values = family.space[name]
            alike = all(other.space.get(name, values) == values for other in FAMILIES)
            found[name] = trial.suggest_categorical(name if alike else f"{name} of {model}", list(values))
        elif name == "learning_rate" and family.fitter is None:
            found[name] = trial.suggest_float(name, *_RATES, log=True)
    return found


def chosen(study: Study, choices: Mapping[str, Any]) -> Study:
    """Return the study with the choices of a trial; none of them leaves it as it is.

    Choices of the study that the trial's family does not have do not count for it.
    """
    if not choices:
        return study
    known = family_of_model(choices["model"]).choices()
    model = {name: choice for name, choice in choices.items() if name in known}
    fitting = {name: choices[name] for name in ("learning_rate",) if name in choices}
    without = {name: None for name in study.model_choices if name not in known}
    return study.with_choices(model=choices["model"], choices=model | without, fitting=fitting)


def _value(plan: SearchPlan, study: Study) -> float:
    """Compute the decisive metric of the inner folds' pooled predictions, less being better; huge if a fit diverges."""
    truth, predicted, sizes, objective = [], [], [], None
    for split, seed in plan.folds:
        try:
            run = _fitted(plan.part, study, split, seed, baselines=False)
        except DivergedError:
            return 1e30
        if run.record.status == "interrupted":
            raise KeyboardInterrupt
        assert run.held_out is not None, "a fold without test sets"
        objective = run.objective
        truth.append(run.held_out.truth)
        predicted.append(run.held_out.predicted[run.record.model][0])
        sizes.append(run.held_out.sizes)
    assert objective is not None, "a search without folds"
    metric = objective.decisive
    of_elements = np.concatenate(sizes) if study.of == "elements" else None
    value = score(objective, np.concatenate(predicted), np.concatenate(truth), sizes=of_elements)[metric.key]
    return -metric.sign * value if math.isfinite(value) else 1e30


def _fitted(part: Part, study: Study, split: Split, seed: int, *, baselines: bool) -> Run:
    """Fit a study to the parts of a split, without intervals."""
    how = {"baselines": baselines, "places": part.places, "intervals": False, "progress": False}
    return train(part.store, study.with_seed(seed), split=split, **how)


def _nested(
    plans: Sequence[SearchPlan],
    study: Study,
    how: Search,
    journal: Path,
    done: Callable[[int, float], None],
) -> Measured:
    """Repeat the whole search in each outer fold, and measure it on the sets of the fold."""
    everything, tested, truths, sizes = plans[0].part, [], [], []
    predicted: dict[str, list[np.ndarray]] = {}
    objective = None
    for number, plan in enumerate(plans):
        best, _ = _search(plan, study, how, journal / f"outer-{number + 1}.log", done)
        run = _fitted(everything, best, plan.split, plan.seed, baselines=how.baselines)
        assert run.held_out is not None, "a fold without test sets"
        objective = run.objective
        tested.append(plan.split.test)
        truths.append(run.held_out.truth)
        sizes.append(run.held_out.sizes)
        for place, (name, repeats) in enumerate(run.held_out.predicted.items()):
            predicted.setdefault("the search" if place == 0 else name, []).append(repeats[0])
    assert objective is not None, "no outer folds"
    rows = np.concatenate(tested)
    clusters = rows if everything.groups is None else everything.groups[rows]
    pooled = {name: [np.concatenate(parts)] for name, parts in predicted.items()}
    of_elements = np.concatenate(sizes) if study.of == "elements" else None
    return measured(HeldOut(objective, np.concatenate(truths), pooled, clusters, of_elements), seed=study.config.seed)
