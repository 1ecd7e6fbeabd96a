from dataclasses import replace
from html.parser import HTMLParser

import pytest

from setwise.report.page import page as page_of
from setwise.report.page import write_report
from setwise.runs.run import Run
from setwise.store.inspect import summarise

COMMAND = "setwise fit '<cells>.csv' --target '<b>$x$' --out runs/x"


class Page(HTMLParser):
    """A page as a browser sees it."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.images: list[dict[str, str]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self.images.append(given)
        if tag == "svg":
            self.images.append({"alt": given["aria-label"]})
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("src", "href") if name in given]
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def written(run: Run, store) -> Page:
    path = write_report(run, store, command=COMMAND)
    assert path.name == "report.html"
    page = Page(path.read_text(encoding="utf-8"))
    assert not page.open, "every element is closed"
    return page


@pytest.fixture(scope="module", params=["regression", "classification", "untested"])
def page(request, store) -> Page:
    return written(request.getfixturevalue(request.param), store)


def test_holds_all_of_itself(page):
    assert page.links
    assert all(link.startswith("data:image/svg+xml;base64,") for link in page.links)
    assert "link" not in page.tags
    assert "script" not in page.tags


def test_every_figure_says_what_it_shows(page):
    assert page.images
    assert all(len(image["alt"]) > 40 for image in page.images)


def test_points_say_which_set_they_are_and_ids_stand_once(store, regression):
    page = written(regression, store)
    named = regression.test_predictions.column("set_id").to_pylist()
    for name in named:
        assert f"{name}: predicted" in page.text
    assert len(page.ids) == len(set(page.ids))
    assert "style" not in page.tags[1 + page.tags.index("style") :]


@pytest.mark.usefixtures("blank_here")
def test_names_the_worst_predicted_sets(store, regression, classification):
    predicted = regression.test_predictions
    errors = abs(predicted["predicted_y & z"].to_numpy() - predicted["y & z"].to_numpy())
    text = written(regression, store).text
    table = text[text.index("y & z: the worst 8") :]
    worst = predicted["set_id"].to_pylist()[errors.argmax()]
    assert worst in table[: table.index(f"{errors.max():.4g}")]
    assert "1 less the probability of the true class" in written(classification, store).text


@pytest.mark.usefixtures("blank_here")
def test_opens_with_what_was_asked_how_good_it_is_and_what_to_distrust(store, regression, classification, untested):
    for run, words in ((regression, "R2"), (classification, "AUC"), (untested, "nobody knows")):
        opening = written(run, store).text
        opening = opening[: opening.index("Result on held-out sets")]
        places = [opening.index(word) for word in ("Asked: can", "How good: ", "To distrust: ")]
        assert places == sorted(places)
        assert words in opening


def test_shows_features_against_the_target_without_a_model(store, classification):
    text = written(classification, store).text
    assert "kind against the features of 83 sets" in text
    assert "correlation ratios of ranks" in text


@pytest.mark.usefixtures("blank_here")
def test_a_model_card_lies_beside_the_report(store, regression, classification):
    for run in (regression, classification):
        written(run, store)
        card = (run.path / "card.md").read_text(encoding="utf-8")
        assert run.record.weights_sha256 in card
        assert run.record.fingerprint in card
        for words in ("Intended use", "## How good it is", "gradient boosting", "\\<u\\>b\\</u\\>", "torch ", COMMAND):
            assert words in card
    assert "high" in card


def test_names_from_users_are_text(page):
    assert not {"b", "i", "u"} & set(page.tags)
    assert "<u>b</u>" in page.text
    assert "{{ c }}" in page.text


def test_tells_data_configuration_versions_and_how_to_repeat(page):
    assert COMMAND in page.text
    for words in (
        "fingerprint of the data",
        "checksum of the weights",
        "learning rate",
        "torch",
        "equivariant",
        "Problems",
    ):
        assert words in page.text


def test_regression_shows_two_figures_for_each_target(store, regression):
    page = written(regression, store)
    alternatives = " ".join(image["alt"] for image in page.images)
    for name in ("<b>$x$", "y & z"):
        assert f"predicted against true {name}" in alternatives
    assert len(page.images) == 8
    for words in ("gradient boosting", "ridge", "R2 of y & z"):
        assert words.lower() in page.text.lower()


def test_classification_shows_confusion_roc_and_sizes(store, classification):
    alternatives = [image["alt"] for image in written(classification, store).images]
    assert sum("Confusion matrix of 3 classes" in text for text in alternatives) == 1
    assert sum("ROC curve" in text for text in alternatives) == 1
    assert sum("against set size" in text for text in alternatives) == 1


def test_a_run_without_held_out_sets_says_so(store, untested):
    page = written(untested, store)
    assert "nothing is known of how good" in page.text
    assert len(page.images) == 3


def test_the_same_run_gives_the_same_bytes(store, regression):
    first, second = (write_report(regression, store, command="").read_bytes() for _ in range(2))
    assert first == second


def test_a_run_in_memory_has_nowhere_to_put_it(store, regression):
    with pytest.raises(RuntimeError, match="directory"):
        write_report(Run(regression.record, regression.model), store, command="")


@pytest.mark.usefixtures("blank_here")
def test_says_how_files_were_read_and_which_were_left_out(store, regression):
    updated = {
        "processing": {"compensation": "all", "cofactors": {"CD4-A": 150.0}, "fills": {}, "matrix": None},
        "reading": ("two files are of another day.",),
        "skipped": {"<b>.fcs": "it ends in the middle of its data"},
    }
    record = regression.record.model_copy(update=updated)
    summary = summarise(store, targets=("y",))
    text = page_of(replace(regression, record=record), summary, store, command="")
    for words in ("How the data were read", "150", "two files are of another day.", "&lt;b&gt;.fcs", "it ends in"):
        assert words in text
    assert "1 file or set left out, of which" in text
    assert text.count("two files are of another day.") == 1
    assert text.index("two files are of another day.") > text.index("<h2>Data</h2>")
    assert "Left out" not in page_of(regression, summary, store, command="")
