"""Templates escape whatever they are given, refuse what is missing, and lay out tables; on rendered pages."""

from importlib.resources import files

import jinja2
import pytest

from setwise.report.drawing import Drawing, axes
from setwise.report.render import _environment, render
from setwise.report.table import table

from .test_page import Page

HOSTILE = ['<b> & "c"', '"><script>', "' onerror='x", "{{ 7 * 7 }}", "{% include 'x' %}", "<!-- as far as is known -->"]


def macro(name: str, *arguments: object) -> str:
    """Render a macro that the pages share."""
    return str(getattr(_environment().get_template("macros.html").module, name)(*arguments))


def shown(text: str) -> str:
    """Render all that pages share, with a text wherever one can stand."""
    with axes() as (figure, _):
        drawing = Drawing(figure, text, text)
    cells = table([text, text], [[text, text]], caption=text)
    return "".join(
        macro(name, contents)
        for name, contents in (
            ("items", [text]),
            ("figures", [drawing]),
            ("definitions", [(text, text)]),
            ("table", cells),
        )
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_stays_text_wherever_it_stands(hostile):
    page = Page(shown(hostile))
    assert not page.open
    assert page.tags == Page(shown("harmless")).tags
    assert [image["alt"] for image in page.images] == [hostile]
    assert page.text.count(hostile) == 1 + 1 + 2 + 5  # items, figures, definitions, table
    assert "<!--" not in shown(hostile)


def test_special_characters_are_escaped():
    assert macro("items", ['<b> & "c"']) == "<ul>\n<li>&lt;b&gt; &amp; &#34;c&#34;</li>\n</ul>\n"
    with axes() as (figure, _):
        assert 'alt="&#34;&gt;&lt;script&gt;"' in macro("figures", [Drawing(figure, "", '"><script>')])


def test_a_table_escapes_its_cells_and_aligns_numbers():
    made = macro(
        "table", table(["<name>", "value"], [["<a>", "1,234.5"], ["b", "-"]], caption="<c>", best={(0, 1)}, marked=[1])
    )
    for words in ("&lt;name&gt;", "&lt;a&gt;", "&lt;c&gt;", '<td class="number"><strong class="best">1,234.5'):
        assert words in made
    assert made.count('<tr class="marked"><th scope="row">b') == 1
    assert made.count('class="number"') == 3  # the title and both cells
    assert macro("table", table(["only", "head"], [], caption="")).count("<tr>") == 1


def test_definitions_escape_both_sides():
    made = macro("definitions", [("<a>", "<b>")])
    assert made.split() == ["<dl>", "<dt>&lt;a&gt;</dt>", "<dd>&lt;b&gt;</dd>", "</dl>"]


def test_intervals_stay_on_one_line():
    made = macro("table", table(["", "error"], [["a (b to c)", "1 (0.5 to 2)"]], caption=""))
    assert ">1 (0.5\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}2)<" in made
    assert ">a (b to c)<" in made


def test_a_missing_value_is_refused():
    with pytest.raises(jinja2.UndefinedError, match="'title' is undefined"):
        render("base.html", about="")


def test_the_style_sheet_reaches_the_page_as_it_is():
    style = (files("setwise.report") / "templates" / "style.css").read_text(encoding="utf-8")
    assert style.strip() in render("base.html", title="", about="")


def test_no_template_takes_text_for_html():
    for template in _environment().list_templates(extensions=["html"]):
        source = (files("setwise.report") / "templates" / template).read_text(encoding="utf-8")
        assert "safe" not in source
        assert "autoescape" not in source
