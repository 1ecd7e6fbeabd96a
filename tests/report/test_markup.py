from setwise.report.markup import Markup, definitions, element, table


def test_everything_but_markup_is_escaped():
    assert element("p", '<b> & "c"') == "<p>&lt;b&gt; &amp; &quot;c&quot;</p>"
    assert element("p", Markup("<b>x</b>")) == "<p><b>x</b></p>"
    assert element("img", attributes={"alt": '"><script>'}) == '<img alt="&quot;&gt;&lt;script&gt;">'


def test_a_table_escapes_its_cells_and_aligns_numbers():
    made = table(["<name>", "value"], [["<a>", "1,234.5"], ["b", "-"]], caption="<c>", best=frozenset({(0, 1)}))
    for words in ("&lt;name&gt;", "&lt;a&gt;", "&lt;c&gt;", '<td class="number"><strong class="best">1,234.5'):
        assert words in made
    assert table(["only", "head"], [], caption="").count("<tr>") == 1


def test_definitions_escape_both_sides():
    assert definitions([("<a>", "<b>")]) == "<dl><dt>&lt;a&gt;</dt>\n<dd>&lt;b&gt;</dd></dl>"


def test_intervals_stay_on_one_line():
    text = table(["", "error"], [["a (b to c)", "1 (0.5 to 2)"]], caption="")
    assert ">1 (0.5\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}2)<" in text
    assert ">a (b to c)<" in text
