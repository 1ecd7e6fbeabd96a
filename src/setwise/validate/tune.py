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
from setwise._files import checksum, make_directory, write_atomic
from setwise.assess.drawn_elements import kept_elements
from setwise.fit.loop import DivergedError
from setwise.fit.preparation import prepare
from setwise.fit.study import Study
from setwise.fit.train import train
from setwise.models import MODELS
from setwise.models.families import FAMILIES, family_of_model
from setwise.runs.held_out import HeldOut, Measured, measured
from setwise.runs.run import Run, check_free
from setwise.store import columns
from setwise.store.folds import plan_folds
from setwise.store.shares import validation_share
from setwise.store.splits import Split, split_sets
from setwise.store.store import SetStore
from setwise.targets.choose import choose_kinds, events_of
from setwise.targets.metrics import score
from setwise.targets.truth import target_values
from setwise.validate.fold_plan import classes_in_sets, columns_of
from setwise.validate.fold_runs import known_of

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


@dataclass(frozen=True)
class _Part:
    """The sets that a search may see.

    Attributes:
        store: all sets.
        rows: of those that it may see.
        groups, classes: ``(B,)`` of all sets, or none.
        holds: of labels of elements, ``(B, C)`` which sets hold which classes; or none.
        places: of labels of elements, which elements are measured; or none.
    """

    store: SetStore
    rows: np.ndarray
    groups: np.ndarray | None
    classes: np.ndarray | None = None
    holds: np.ndarray | None = None
    places: np.ndarray | None = None

    def folds(self, count: int, *, validation: float | None, seed: int) -> list[tuple[Split, int]]:
        """Divide these sets into folds, as rows of the store, with the seeds of their fits."""
        groups, classes, holds = (None if x is None else x[self.rows] for x in (self.groups, self.classes, self.holds))
        plan = plan_folds(
            len(self.rows),
            folds=count,
            groups=groups,
            classes=classes,
            holds=None if holds is None else holds[:, holds.any(0)],
            validation=validation,
            seed=seed,
        )
        return [
            (Split(*(self.rows[part] for part in (f.split.train, f.split.validation, f.split.test))), f.seed)
            for f in plan
        ]


@dataclass(frozen=True)
class _Planned:
    """A search that is to be done.

    Attributes:
        part: the sets that it may see.
        models: that are tried.
        folds: of these sets, that decide between trials, and the seeds of their fits.
        split: of all sets, on whose test part is measured what it finds.
        seed: of that last fit.
        identity: checksum of everything that decides the trials.
    """

    part: _Part
    models: tuple[str, ...]
    folds: list[tuple[Split, int]]
    split: Split
    seed: int
    identity: str


def tune(
    store: SetStore,
    study: Study,
    *,
    models: Sequence[str] = TRIED,
    budget: float,
    out: str | Path,
    trials: int | None = None,
    inner: int = 3,
    outer: int = 1,
    test: float = 0.2,
    baselines: bool = True,
    resume: bool = False,
    overwrite: bool = False,
    done: Callable[[int, float], None] = lambda _number, _best: None,
) -> Tuned:
    """Search depth, width, learning rate and model by cross-validation, then fit and measure the best.

    What the study has of its own is held in all trials: depth and width among its ``model_choices``, a learning rate
    that its ``config`` was given. The first trial is the study as it is; others are drawn by the tree-structured Parzen
    estimator, each from the seed and the trials before it, so that a search that is resumed goes on as it would have. A
    time budget ends it at another trial on another machine; ``trials`` ends it at the same. The search is kept beside
    the run, in ``<out>.search``.

    Args:
        store: the sets.
        study: what is predicted, and how; its seed decides everything.
        models: names of those that are tried, beside that of the study.
        budget: seconds of a search; with ``outer`` of them, that many more.
        out: directory of the final run.
        trials: at most, or none for what the budget allows.
        inner: folds that decide between trials, of the sets that are not tested.
        outer: folds of the nested evaluation, each with a search of its own; 1 for the final run's test part alone.
        test: share of the sets that the final run is measured on.
        baselines: fit the baselines beside what was found.
        resume: go on with a search that was stopped.
        overwrite: replace run and search.
        done: is told the trials done and the best value.

    Raises:
        InputError: optuna is not installed; data, choices or directories are at fault.

    Source: Cawley, Talbot 2010, On over-fitting in model selection, JMLR 11, section 5 (nesting).
    """
    _check_choices(study, models)
    journal = _journal(Path(out), resume=resume, overwrite=overwrite)
    seed, everything = study.config.seed, _everything(store, study)
    split = split_sets(
        len(store),
        groups=everything.groups,
        given=columns.given_split(store),
        stratify=everything.classes,
        validation=validation_share(study.asked_validation, len(store)),
        test=test,
        seed=seed,
    )
    outers = everything.folds(outer, validation=study.asked_validation, seed=seed) if outer > 1 else []
    *nests, final = (_planned(everything, study, models, own, inner) for own in [*outers, (split, seed)])
    if overwrite:
        for old in journal.glob("*.log"):
            old.unlink()
    make_directory(journal)
    limits = (budget, trials)
    nested = _nested(nests, study, limits, journal, baselines=baselines, done=done) if nests else None
    best, found = _search(final, study, limits, journal / "final.log", done)
    same = _keep_choice(journal / "chosen.json", best) and resume
    fresh = (overwrite or resume) and not same
    final_run: dict[str, Any] = {"out": Path(out), "resume": same, "overwrite": fresh}
    run = train(store, best, split=split, baselines=baselines, progress=False, **final_run)
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


def _everything(store: SetStore, study: Study) -> _Part:
    """Return all sets, with what decides how they are divided.

    Raises:
        InputError: targets, labels or groups that cannot be used.
    """
    rows, groups = np.arange(len(store)), columns.groups(store, study.group)
    events = events_of(study.targets, study.task, study.event)
    kinds = choose_kinds(store, study.targets, study.task, of=study.of, events=events)
    if study.of == "elements":
        whole = any(kind.whole_sets for kind in kinds.values())
        _, places = kept_elements(store, rows, whole=whole, labels=study.targets, seed=study.config.seed)
        return _Part(store, rows, groups, holds=classes_in_sets(store, kinds, groups), places=places)
    values = target_values(store, kinds, events=events)
    (alone, *others) = kinds.values()
    return _Part(store, rows, groups, classes=None if others else alone.strata(values[:, 0]))


def _planned(everything: _Part, study: Study, models: Sequence[str], last: tuple[Split, int], inner: int) -> _Planned:
    """Plan the search whose choices are fitted and measured on a split; refuse it where its fits would be refused.

    Raises:
        InputError: sets that cannot be divided so; targets, columns or parts that cannot be used.
    """
    store, (split, seed) = everything.store, last
    prepare(store, study.with_seed(seed), split)
    part = replace(everything, rows=np.sort(np.concatenate([split.train, split.validation])))
    folds = part.folds(inner, validation=study.asked_validation, seed=study.config.seed)
    for own, of in folds:
        prepare(store, study.with_seed(of), own)
    columns_of_sets = columns_of(store, study).to_pydict()
    content = [study.identity(), known_of(store, study), [(own.to_dict(), of) for own, of in folds], columns_of_sets]
    content += [list(models), _searched(study)]
    identity = checksum(json.dumps(content, default=str, sort_keys=True).encode())
    return _Planned(part, tuple(models), folds, split, seed, identity)


def _check_choices(study: Study, models: Sequence[str]) -> None:
    """Refuse models that there are not, and a search in which everything is held."""
    for model in models:
        check_choice("a model", model, MODELS)
    if len(models) == 1 and not _searched(study):
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
    plan: _Planned,
    study: Study,
    limits: tuple[float, int | None],
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
    budget, most = limits
    seed = study.config.seed
    search = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(path))), study_name="search", load_if_exists=True
    )
    states = optuna.trial.TrialState
    for trial in search.get_trials(states=(states.RUNNING,)):  # of a search that was killed
        search.tell(trial.number, state=states.FAIL)
    if search.user_attrs.get("identity", plan.identity) != plan.identity:
        raise InputError(
            f"{path} is of another search: other data, targets, folds or choices. Go on with those that it was begun "
            "with, name another directory, or begin again (overwrite=True, --overwrite)."
        )
    search.set_user_attr("identity", plan.identity)
    while True:
        known = search.get_trials(deepcopy=False, states=(states.COMPLETE,))
        spent = sum(trial.user_attrs["seconds"] for trial in known)
        if known and (spent >= budget or (most is not None and len(known) >= most)):
            break
        own = int(np.random.SeedSequence((seed, len(known))).generate_state(1)[0])
        search.sampler = optuna.samplers.TPESampler(seed=own, n_startup_trials=5)
        trial, began = search.ask(), time.monotonic()
        choices = {} if not known else _drawn(trial, plan.models, _searched(study))
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


def _searched(study: Study) -> list[str]:
    """List what is searched beside the model: all that the study has not of its own."""
    held = {*study.model_choices, *study.config.model_fields_set}
    spaces = dict.fromkeys(name for family in FAMILIES for name in family.space)
    return [name for name in (*spaces, "learning_rate") if name not in held]


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


def _value(plan: _Planned, study: Study) -> float:
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


def _fitted(part: _Part, study: Study, split: Split, seed: int, *, baselines: bool) -> Run:
    """Fit a study to the parts of a split, without intervals."""
    how = {"baselines": baselines, "places": part.places, "intervals": False, "progress": False}
    return train(part.store, study.with_seed(seed), split=split, **how)


def _nested(
    plans: Sequence[_Planned],
    study: Study,
    limits: tuple[float, int | None],
    journal: Path,
    *,
    baselines: bool,
    done: Callable[[int, float], None],
) -> Measured:
    """Repeat the whole search in each outer fold, and measure it on the sets of the fold."""
    everything, tested, truths, sizes = plans[0].part, [], [], []
    predicted: dict[str, list[np.ndarray]] = {}
    objective = None
    for number, plan in enumerate(plans):
        best, _ = _search(plan, study, limits, journal / f"outer-{number + 1}.log", done)
        run = _fitted(everything, best, plan.split, plan.seed, baselines=baselines)
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
