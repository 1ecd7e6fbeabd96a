"""Enter every model of setwise by its name, with the settings that setwise ships."""

from functools import partial

from accuracy.entrant import Entrant, Exercise, Predicted
from setwise import Study, train
from setwise.models.families import MODELS, family_of_model

DEFAULT = str(Study.model_fields["model"].default)
_NETWORK, _SEVERAL = 40.0, 100.0  # beside a forest: five networks; the default, which may be several families


def study_of(exercise: Exercise, model: str) -> Study:
    """Return the study that a user would write down for the data set with this model."""
    dataset = exercise.dataset
    study = Study(targets=dataset.targets, group=dataset.group, covariates=dataset.covariates, model=model)
    return study.with_seed(exercise.seed)


def predict(exercise: Exercise, *, model: str) -> Predicted:
    """Fit a model as a user would, on the fold's split, and predict the test sets.

    Raises:
        KeyboardInterrupt: Ctrl-C ended the fit, so that the model is not the one that was asked for.
    """
    run = train(
        exercise.store,
        study_of(exercise, model),
        split=exercise.split,
        baselines=False,
        intervals=False,
        progress=False,
    )
    if run.record.status == "interrupted":
        raise KeyboardInterrupt
    held_out = run.held_out
    assert held_out is not None, "a fold without test sets"
    (predicted,) = next(iter(held_out.predicted.values()))  # the model is first
    return Predicted(run.objective, held_out.truth.reshape(len(held_out.truth), -1), predicted)


def _cost(model: str) -> float:
    if model == DEFAULT:
        return _SEVERAL
    return _NETWORK if family_of_model(model).fitter is None else 1.0


OURS: tuple[Entrant, ...] = tuple(
    Entrant(name, "setwise", f"setwise, `--model {name}`", partial(predict, model=name), cost=_cost(name))
    for name in dict.fromkeys((DEFAULT, *MODELS))
)
