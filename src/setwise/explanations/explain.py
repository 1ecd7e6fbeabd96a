"""Explain a run: a score for every element, how far the scores can be trusted, how the answer varies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from setwise.explanations.answer import Answers
from setwise.explanations.attention import attention
from setwise.explanations.config import ATTENTION, GRADIENTS, LEAVE_ONE_OUT, SIGNED, ExplainConfig
from setwise.explanations.cost import Plan, plan
from setwise.explanations.deletion import by_score, deletion
from setwise.explanations.integrated_gradients import integrated_gradients
from setwise.explanations.leave_one_out import Measure, leave_one_out
from setwise.explanations.more_elements import draw_fewer
from setwise.explanations.one_set import OneSet, load_set, set_models
from setwise.explanations.tables import Tables
from setwise.runs.devices import chosen_device
from setwise.runs.run import Run
from setwise.store.store import SetStore

RANDOM = "random"


@dataclass(frozen=True)
class Explanation:
    """Explanations of a run's answers for some sets.

    Attributes:
        config: how.
        answers: what was explained.
        methods: by which elements were scored.
        coupling: what ties the elements of a set to each other in the encoder, or none.
        scores: a row per scored element: ``set_id``; ``element``, its row within the set, from 0, in the order of the
            source; ``row``, its row in the source where that has the sets one after the other; ``answer``; a column per
            method; labels of the elements, such as coordinates, where the store has some.
        sets: a row per set: ``set_id``, ``size``, ``scored`` elements, ``answer``, ``predicted`` (a probability, or the
            target's units), ``explained`` (what scores add up to), ``left_out_by`` (how leave-one-out was computed),
            ``gradients_difference``, ``gradients_error``, ``gradients_steps``, ``spread`` and ``drift`` (`Draws`).
        faithfulness: a row per set and method: ``area`` (`Deletion.area`), mean and standard deviation of the areas of
            random orders, how many orders there were, and how many of them have a smaller area.
        deletion: the curves: ``set_id``, ``method`` (or "random"), ``order``, ``removed``, ``share``, ``explained``.
        more_elements: ``set_id``, ``answer``, ``elements``, ``draws``, ``mean``, ``std``, ``low`` and ``high``
            (5 and 95 percent).
    """

    config: ExplainConfig
    answers: Answers
    methods: tuple[str, ...]
    coupling: str | None
    scores: pa.Table
    sets: pa.Table
    faithfulness: pa.Table
    deletion: pa.Table
    more_elements: pa.Table


def explain(
    run: Run | str | Path,
    store: SetStore,
    *,
    config: ExplainConfig | None = None,
    only: Sequence[str] | None = None,
    device: str = "auto",
    on_elements: Callable[[int], None] = lambda _: None,
) -> Explanation:
    """Score the elements of sets by every method, with deletion curves, and draw fewer elements.

    Args:
        run: a run, or the directory of one.
        store: the sets.
        config: how; by default `ExplainConfig()`.
        only: names of the sets to explain; by default all, or a draw of ``config.max_sets``.
        device: where to compute: ``"auto"`` (a CUDA device where there is one), ``"cpu"``, ``"cuda"`` ...
        on_elements: told how many elements passed through the model; about `Plan.total` in all.

    Raises:
        InputError: what was asked for does not fit the run or the data; a device that is not there.

    Source: see `leave_one_out`, `integrated_gradients`, `attention`, `Deletion` and `Draws`.
    """
    run = run if isinstance(run, Run) else Run.load(run)
    config = ExplainConfig() if config is None else config
    answers, chosen = Answers.of(run, config.of, scale=config.scale), plan(run, store, config, only=only)
    model = run.model
    where = chosen_device(device)
    found = Tables(chosen.methods)
    try:
        model.to(where).eval()
        for row in chosen.rows.tolist():
            one = load_set(run, store, row, max_elements=chosen.max_elements, seed=config.seed, advance=on_elements)
            _explain_one(
                one, answers, config, chosen, np.random.default_rng((config.seed, row)), found, int(store.offsets[row])
            )
    finally:
        model.cpu()
    tables = found.finished()
    tables["scores"] = _with_labels(tables["scores"], store, run.objective.names)
    return Explanation(config, answers, chosen.methods, set_models(model)[0].ties(), **tables)


def _with_labels(scores: pa.Table, store: SetStore, targets: Sequence[str]) -> pa.Table:
    """Return the scores with what the store keeps beside their elements, such as where they lie in a slide."""
    for name, values in store.labels.items():
        if name not in (*scores.column_names, *targets):
            scores = scores.append_column(name, values.take(scores["row"].combine_chunks()))
    return scores


def _explain_one(
    one: OneSet,
    answers: Answers,
    config: ExplainConfig,
    chosen: Plan,
    rng: np.random.Generator,
    found: Tables,
    offset: int,
) -> None:
    """Explain one set, and add all of it to the tables."""
    outputs = one.outputs()
    column = answers.column(outputs)
    name, value = answers.names[column], float(answers.explained(outputs, column)[0])

    def measure(outputs: torch.Tensor) -> torch.Tensor:
        return answers.explained(outputs, column)

    def shown(outputs: torch.Tensor) -> torch.Tensor:
        return answers.shown(outputs, column)

    scores, about = _scores(one, measure, config, chosen.methods)
    draws = draw_fewer(one, shown, draws=config.draws, rng=rng)
    found.add_scores(one.set_id, name, one.index, offset, scores)
    found.add_set(
        set_id=one.set_id,
        size=one.size,
        scored=len(one),
        answer=name,
        predicted=float(shown(outputs)[0]),
        explained=value,
        **about,
        spread=draws.spread,
        drift=draws.drift,
    )
    found.add_draws(one.set_id, name, draws)
    by_chance = [deletion(one, measure, rng.permutation(len(one))) for _ in range(config.orders)]
    for order, curve in enumerate(by_chance):
        found.add_curve(one.set_id, RANDOM, order, curve)
    for method in chosen.methods:
        curve = deletion(one, measure, by_score(scores[method], rng))
        found.add_curve(one.set_id, method, 0, curve)
        found.add_faithfulness(one.set_id, method, name, curve, by_chance, signed=method in SIGNED)


def _scores(
    one: OneSet, measure: Measure, config: ExplainConfig, methods: Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Score the elements ``(n,)`` by every method, with what is to be said of the scores."""
    scores: dict[str, np.ndarray] = {}
    about: dict[str, object] = {}
    for method in methods:
        if method == LEAVE_ONE_OUT:
            scores[method], about["left_out_by"] = leave_one_out(one, measure, exact_limit=config.exact_limit)
        elif method == GRADIENTS:
            found = integrated_gradients(one, measure, steps=config.steps)
            scores[method] = found.scores
            about |= {
                "gradients_difference": found.difference,
                "gradients_error": found.error,
                "gradients_steps": found.steps,
            }
        else:
            assert method == ATTENTION
            scores[method] = attention(one)
    return scores, about
