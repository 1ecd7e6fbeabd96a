"""Tables of sets in Excel files."""

import datetime as dt

import numpy as np
import openpyxl
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.store.excel import read_sheet

HEAD = ["set_id", "resp", "visit", "age", "ward"]
ROWS = [
    ["001", "No", dt.date(2021, 1, 3), 30, "07"],
    ["002", None, dt.date(2021, 1, 4), 31.5, "7"],
    ["010", "Yes", None, "NA", None],
]


@pytest.fixture
def write(tmp_path):
    def writer(*rows, more=(), merge=None, hidden=False):
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for row in rows:
            sheet.append(row)
        for title, others in more:
            other = book.create_sheet(title)
            for row in others:
                other.append(row)
        if merge:
            sheet.merge_cells(merge)
        if hidden:
            sheet.sheet_state = "hidden"
        book.save(tmp_path / "s.xlsx")
        return tmp_path / "s.xlsx"

    return writer


def _sheet(path, **more):
    return read_sheet(path, set_id="set_id", **more)[0]


def test_text_keeps_zeros_dates_are_dates_and_numbers_numbers(write):
    table = _sheet(write(HEAD, *ROWS))
    assert table.to_pylist() == [
        {"set_id": "001", "resp": "No", "visit": dt.date(2021, 1, 3), "age": 30, "ward": "07"},
        {"set_id": "002", "resp": None, "visit": dt.date(2021, 1, 4), "age": 31.5, "ward": "7"},
        {"set_id": "010", "resp": "Yes", "visit": None, "age": None, "ward": None},
    ]
    kinds = {"n": [1, 2], "text numbers": ["1", "2.5"], "mixed": ["x", 7], "when": [dt.datetime(2020, 1, 1, 9), None]}
    rows = [["set_id", *kinds], *([f"0{row}", *(values[row] for values in kinds.values())] for row in range(2))]
    table = _sheet(write(*rows))
    assert [table.schema.field(name).type for name in kinds] == [
        pa.int64(),
        pa.float64(),
        pa.string(),
        pa.timestamp("us"),
    ]
    assert table["set_id"].to_pylist() == ["00", "01"]
    assert table["mixed"].to_pylist() == ["x", "7"]


def test_the_table_of_sets_of_a_reading(write):
    cells = pa.table({"set_id": ["001", "010", "002", "001"], "x": [1.0, 5.0, 2.0, 0.5]})
    store = read(cells, sets=write([], [None, *HEAD], *([None, *row] for row in ROWS)))
    assert store.sets["resp"].to_pylist() == ["No", "Yes", None]
    path = write(["About"], ["of"], more=[("Labels", [HEAD, *ROWS])])
    assert read(cells, sets=path, reading=Reading(sheet="Labels")).sets["ward"].to_pylist() == ["07", None, "7"]
    with pytest.raises(InputError, match=r"'Sheet' \(of Sheet, Labels; --sheet names another\) has no column 'set_id'"):
        read(cells, sets=path)
    with pytest.raises(InputError, match=r"has no sheet 'x' .* it has Sheet, Labels"):
        read(cells, sets=path, reading=Reading(sheet="x"))
    with pytest.raises(InputError, match=r"sheet .* is a choice for tables of sets in Excel files"):
        read(cells, sets={"set_id": ["001", "002", "010"]}, reading=Reading(sheet="x"))
    with pytest.raises(InputError, match="name the table as well"):
        read(cells, reading=Reading(sheet="x"))
    assert len(_sheet(write(["no"], ["x"], more=[("Labels", [HEAD, *ROWS])], hidden=True))) == 3


def test_what_is_no_plain_table_is_refused_in_words(write, tmp_path):
    for arguments, message in (
        ({"rows": [["Study 7", None], HEAD[:2], ["a", "x"]], "merge": "A1:B1"}, "must not be merged; A1 to B1 are"),
        ({"rows": [["set_id", "dose"], [None, "mg"], ["a", 1], ["b", 2]]}, r"row 2 looks like a second one .*'mg'"),
        ({"rows": [["set_id", None], ["a", 1]]}, "must have a name in row 1, .*; column B has none"),
        ({"rows": [["set_id", "y", "y"], ["a", 1, 2]]}, "'y' is there twice"),
        ({"rows": [["set_id", "y"]]}, "it has 1 rows"),
        ({"rows": []}, "it has 0 rows"),
    ):
        with pytest.raises(InputError, match=message):
            _sheet(write(*arguments.pop("rows"), **arguments))
    (tmp_path / "s.xlsx").write_bytes(b"no such file")
    with pytest.raises(InputError, match=r"s\.xlsx cannot be read"):
        _sheet(tmp_path / "s.xlsx")
    with pytest.raises(InputError, match="there is no file"):
        _sheet(tmp_path / "none.xlsx")
    with pytest.raises(InputError, match=r"read as tables of sets .* save the sheet as CSV"):
        read(write(HEAD, *ROWS))


def test_a_summary_below_the_table_is_told(write, tmp_path):
    cells = pa.table({"set_id": ["a", "b", "b"], "x": np.array([0.5, 2.0, 1.0])})
    for last, message in (
        (["Total", 3], r"'Total'\. .* It is the last row"),
        ([None, 3], "empty in row 3. It is the last"),
    ):
        rows = [["set_id", "y"], ["a", 1], ["b", 2], last]
        csv = tmp_path / "s.csv"
        csv.write_text("\n".join(",".join("" if x is None else str(x) for x in row) for row in rows))
        for sets in (write(*rows), csv):
            with pytest.raises(InputError, match=message):
                read(cells, sets=sets)
