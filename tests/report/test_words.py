import pytest

from setwise._checks import InputError
from setwise.report.words import Words

CELLS = Words.of("samples, cells")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Sets of the table of sets (--sets) are 41 sets.", "Samples of the table of samples (--sets) are 41 samples."),
        ("The element's set has no elements", "The cell's sample has no cells"),
        ("set norm, Deep Sets++, deep-sets, Set Transformer, set_id, 'set'", None),
        ("data sets, sets of classes, sets.csv, --element-target", None),
    ],
)
def test_only_our_words_are_said_otherwise(text, said):
    assert CELLS.say(text) == (text if said is None else said)
    assert Words().say(text) == text


def test_words_have_a_singular_and_are_two():
    assert Words.of("bodies,stars").say("a set of one element") == "a body of one star"
    assert (CELLS.text, Words.of(None).text) == ("samples,cells", None)
    for text in ("samples", "a,b,c", "1,2", ",", "<b>,c"):
        with pytest.raises(InputError, match="SETS,ELEMENTS"):
            Words.of(text)


def test_what_users_named_or_typed_stays_on_a_page():
    page = '<p>3 sets</p><pre><code>fit set</code></pre><tbody><th>set 1</th></tbody><img alt="of sets"><p>a set</p>'
    said = CELLS.page(page)
    assert said.startswith("<p>3 samples</p><pre><code>fit set</code></pre><tbody><th>set 1</th></tbody>")
    assert said.endswith('<img alt="of samples"><p>a sample</p>')
