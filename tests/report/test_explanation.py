from dataclasses import replace

import numpy as np
import pytest

from setwise._checks import InputError
from setwise.explanations.config import ExplainConfig
from setwise.explanations.explain import explain
from setwise.report.explanation import draw, explanation_page
from setwise.report.explanation_files import TABLES, check_folder, write_explanation
from setwise.report.faithfulness import faithful_to, faithful_words, more_elements_words, most_faithful, standings
from setwise.report.page import add_explanation, write_report
from setwise.report.standout import _ks_distance, groups

from .test_page import Page

FEW = ExplainConfig(orders=3, draws=3, steps=8, max_sets=17)


@pytest.fixture(scope="module", params=["regression", "classification"])
def explained(request, store):
    return explain(request.getfixturevalue(request.param), store, config=FEW, device="cpu")


@pytest.fixture(scope="module")
def page(explained, store) -> Page:
    return Page(explanation_page(explained, draw(explained, store), command="setwise explain '<x>'"))


def test_holds_all_of_itself(page):
    assert not page.open
    assert page.links
    assert all(link.startswith("data:image/svg+xml;base64,") for link in page.links)
    assert not {"script", "link", "b", "i", "u"} & set(page.tags)


def test_every_figure_says_what_it_shows(page):
    assert len(page.images) == 4
    assert all(len(image["alt"]) > 40 for image in page.images)


def test_says_how_faithful_and_how_sure(page, explained):
    for own in standings(explained):
        assert faithful_words(own, explained.answers.unit) in page.text
    assert more_elements_words(explained) in page.text
    assert "setwise explain '<x>'" in page.text
    assert "1703.01365" in page.text
    assert "1806.07421" in page.text


def test_standings_count_what_the_table_holds(explained):
    table = explained.faithfulness.to_pandas()
    for own in standings(explained):
        rows = table[(table.method == own.method) & table.area.notna()]
        assert own.sets == len(rows)
        assert own.area == pytest.approx(rows.area.mean())
        assert own.beaten == pytest.approx(rows.beaten.sum() / rows.orders.sum())
    assert most_faithful(explained) in explained.methods


def test_groups_hold_the_highest_scores(explained, store):
    for group in groups(explained, store, "leave_one_out"):
        assert group.scores[group.top].min() >= group.scores[~group.top].max()
        assert (group.scores[group.top] > 0).all()
        assert len(group.features) == 3
        assert len(set(group.pairs)) == len(group.pairs)


@pytest.mark.parametrize("seed", range(5))
def test_how_far_two_distributions_lie_apart(seed):
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(seed)
    values, top = rng.integers(0, 7, 53).astype(float), rng.random(53) < 0.3
    assert _ks_distance(values, top) == pytest.approx(ks_2samp(values[top], values[~top])[0])


def test_the_folder_is_whole_or_not_there(explained, store, tmp_path, monkeypatch):
    folder, figures = tmp_path / "why", draw(explained, store)
    write_explanation(explained, figures, folder, command="x")
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted([*(f"{name}.parquet" for name in TABLES), "explanation.html", "figures"])
    with pytest.raises(InputError, match="--overwrite"):
        check_folder(folder)
    check_folder(folder, overwrite=True)
    before = (folder / "explanation.html").read_bytes()

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("setwise.report.explanation_files.explanation_page", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_explanation(explained, figures, folder, command="y")
    assert (folder / "explanation.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["why"]


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="is not an explanation"):
        check_folder(tmp_path / "mine", overwrite=True)
    with pytest.raises(InputError, match="no folder"):
        check_folder(tmp_path / "nowhere" / "why")


def test_the_report_of_a_run_takes_the_section(classification, store):
    found = explain(classification, store, config=FEW, device="cpu")
    path = write_report(classification, store, command="")
    assert add_explanation(classification, found, draw(found, store)) == path
    text = path.read_text(encoding="utf-8")
    assert "Which elements matter" in text
    assert "Not known yet" not in text
    assert not Page(text).open
    assert add_explanation(classification, found, draw(found, store)) == path  # once more, in place of the first
    assert path.read_text(encoding="utf-8") == text
    write_report(classification, store, command="")
    assert "Not known yet" in path.read_text(encoding="utf-8")


def test_the_same_explanation_gives_the_same_page(explained, store):
    first, second = (explanation_page(explained, draw(explained, store), command="") for _ in range(2))
    assert first == second


def test_an_explanation_of_a_model_that_learned_nothing_opens_with_that(explained, store):
    record = explained.answers.run.record
    constant = next(row for row in record.test if row.name == "constant")
    model = record.test[0].model_copy(update={"metrics": dict(constant.metrics)})
    run = replace(explained.answers.run, record=record.model_copy(update={"test": (model, constant)}))
    doubtful = replace(explained, answers=replace(explained.answers, run=run))
    said = faithful_to(run)
    assert said is not None
    assert "no better than a constant" in said
    page = explanation_page(doubtful, draw(doubtful, store), command="x")
    assert page.index("no better than a constant") < page.index("Explained:")
