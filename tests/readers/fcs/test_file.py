"""FCS files of real instruments, and the faults that they have, one by one."""

import csv
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setwise._checks import InputError
from setwise.readers.fcs.file import open_fcs
from setwise.readers.fcs.text import parse_keywords
from setwise.readers.fcs.write import write_fcs

REAL = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "fcs_readers"
needs_files = pytest.mark.skipif(not REAL.is_dir(), reason="the real FCS files (shared/data/fcs_readers) are not here")
# files that flowio 1.4.0 cannot read, with what their TEXT segments say
BY_TEXT = {"cytoflow/Partec - CyFlow v2.9.fcs": (72989, 4), "cytoflow/PU87@10+B200.fcs": (5000, 3)}


def _manifest():
    if not REAL.is_dir():
        return []
    with (REAL / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _all(file):
    return np.concatenate(list(file.read()))


@needs_files
def test_every_real_file_has_its_events_and_channels():
    rows = _manifest()
    assert len(rows) == 35
    for row in rows:
        file = open_fcs(REAL / row["file"])
        expected = BY_TEXT.get(row["file"]) or (int(row["events"]), int(row["channels"]))
        values = _all(file)
        assert values.shape == expected, row["file"]
        assert np.isfinite(values).all(), row["file"]
        assert file.version == row["fcs_version"]
        assert not file.faults, row["file"]


@needs_files
def test_values_are_those_of_flowio_where_it_reads():
    flowio = pytest.importorskip("flowio")
    agreeing = 0
    for row in _manifest():
        ours = open_fcs(REAL / row["file"])
        loose = {"ignore_offset_error": True, "ignore_offset_discrepancy": True}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = flowio.FlowData(str(REAL / row["file"]), **loose)
            except flowio.exceptions.MultipleDataSetsError:
                theirs = flowio.read_multiple_data_sets(str(REAL / row["file"]), **loose)[0]
            except KeyError:
                continue
        raw = np.asarray(theirs.events, np.float64)
        if not raw.ndim or row["file"].endswith("C6.fcs"):  # its offsets in TEXT point into TEXT, which flowio follows
            continue
        raw = raw.reshape(-1, len(ours.channels))
        linear = [n for n, channel in enumerate(ours.channels) if channel.decades == 0]
        gains = np.array([ours.channels[n].gain for n in linear])
        np.testing.assert_allclose(_all(ours)[:, linear], raw[:, linear] / gains, rtol=1e-12, err_msg=row["file"])
        agreeing += 1
    assert agreeing == 30


@needs_files
def test_the_second_data_set_of_a_file():
    assert open_fcs(REAL / "flowio/coulter.lmd").data_sets == 2
    assert open_fcs(REAL / "flowio/coulter.lmd", data_set=2).events == 18110
    with pytest.raises(InputError, match="has 2 data sets; there is no number 3"):
        open_fcs(REAL / "flowio/coulter.lmd", data_set=3)


def _bytes(data, *, bits, kind="I", order="4,3,2,1", total, ranges=None, faults=(0, 0), more=()):
    """Make an FCS 3.0 file by hand."""
    pairs = [("$PAR", len(bits)), ("$TOT", total), ("$DATATYPE", kind), ("$BYTEORD", order), ("$MODE", "L"), *more]
    for n, width in enumerate(bits, 1):
        pairs += [(f"$P{n}B", width), (f"$P{n}N", f"c{n}"), (f"$P{n}R", (ranges or {}).get(n, 2**width))]
        if not any(name == f"$P{n}E" for name, _ in more):
            pairs.append((f"$P{n}E", "0,0"))
    text = "/" + "".join(f"{name}/{value}/" for name, value in pairs)
    begin = 58 + len(text)
    end = begin + len(data) - 1
    offsets = (58, begin - 1, begin + faults[0], end + faults[1], 0, 0)
    return b"FCS3.0    " + b"".join(f"{x:8d}".encode() for x in offsets) + text.encode() + data


def _open(tmp_path, content, **choices):
    path = tmp_path / "made.fcs"
    path.write_bytes(content)
    return open_fcs(path, **choices)


def test_integers_of_24_bits(tmp_path):
    values = [[1, 2], [70_000, 16_777_215], [3, 5]]
    data = b"".join(v.to_bytes(3, "big") for row in values for v in row)
    np.testing.assert_array_equal(_all(_open(tmp_path, _bytes(data, bits=[24, 24], total=3))), values)
    data = b"".join(v.to_bytes(3, "little") for row in values for v in row)
    made = _bytes(data, bits=[24, 24], total=3, order="1,2,3,4")
    np.testing.assert_array_equal(_all(_open(tmp_path, made)), values)


def test_integers_of_different_widths(tmp_path):
    data = b"".join(struct.pack(">HI", a, b) + bytes([c]) for a, b, c in [(1, 2**31, 3), (65535, 7, 255)])
    file = _open(tmp_path, _bytes(data, bits=[16, 32, 8], total=2))
    np.testing.assert_array_equal(_all(file), [[1, 2**31, 3], [65535, 7, 255]])


def test_integers_that_share_bytes(tmp_path):
    values = np.array([[513, 7], [1023, 1], [5, 6], [0, 1000], [11, 13]])
    stream = "".join(f"{x:010b}" for x in values.ravel())
    stream += "0" * (-len(stream) % 8)
    data = int(stream, 2).to_bytes(len(stream) // 8, "big")
    np.testing.assert_array_equal(_all(_open(tmp_path, _bytes(data, bits=[10, 10], total=5))), values)


def test_bits_beyond_the_range_are_no_values(tmp_path):
    data = struct.pack(">HH", 0b1111_0011_1111_1111, 0b0101_0000_0000_0001)
    file = _open(tmp_path, _bytes(data, bits=[16, 16], total=1, ranges={1: 1024, 2: 1000}))
    np.testing.assert_array_equal(_all(file), [[1023, 1]])


def test_doubles_and_parts_smaller_than_the_file(tmp_path):
    values = np.random.default_rng(1).normal(size=(29, 3))
    file = _open(tmp_path, _bytes(values.astype(">f8").tobytes(), bits=[64] * 3, kind="D", total=29))
    pieces = list(file.read(8))
    assert [len(piece) for piece in pieces] == [8, 8, 8, 5]
    np.testing.assert_array_equal(np.concatenate(pieces), values)


def test_logarithmic_and_linear_amplifiers(tmp_path):
    data = struct.pack(">HHH", 512, 512, 512)
    more = [("$P1E", "4,0"), ("$P2E", "3,10"), ("$P3G", "4")]
    file = _open(tmp_path, _bytes(data, bits=[16] * 3, total=1, ranges={1: 1024, 2: 1024, 3: 1024}, more=more))
    np.testing.assert_allclose(_all(file), [[100.0, 10 * 10**1.5, 128.0]], rtol=1e-12)


@pytest.mark.parametrize("end", [0, 1, 5])
def test_ends_that_point_behind_the_last_byte(tmp_path, end):
    data = struct.pack(">HHHH", 1, 2, 3, 4) + b"tail....."
    file = _open(tmp_path, _bytes(data, bits=[16, 16], total=2, faults=(0, end - 9)))
    np.testing.assert_array_equal(_all(file), [[1, 2], [3, 4]])


def test_blanks_doubled_delimiters_and_empty_values():
    text = "/ $PAR / 2 /$DATATYPE/I/$BYTEORD/1,2/$P1N/a//b/"
    assert parse_keywords(text.encode()) == {"$PAR": "2", "$DATATYPE": "I", "$BYTEORD": "1,2", "$P1N": "a/b"}
    text = "/$CYT//$PAR/2/$DATATYPE/I/$BYTEORD/1,2/"
    assert parse_keywords(text.encode())["$PAR"] == "2"
    assert parse_keywords("|$SRC|Müller|".encode("latin-1")) == {"$SRC": "Müller"}


_MIXED = [(7, 2.5, 3.25, 300), (2**31, -1.0, 1e300, 65535), (0, 0.5, -4.0, 1)]


def _mixed(version=b"FCS3.2", *, order="<", widths=(32, 32, 64, 16), own=("I", "", "D", "I")):
    data = b"".join(struct.pack(f"{order}IfdH", *row) for row in _MIXED)
    more = [(f"$P{n}DATATYPE", kind) for n, kind in enumerate(own, 1) if kind]
    byteord = "1,2,3,4" if order == "<" else "4,3,2,1"
    made = _bytes(data, bits=widths, kind="F", order=byteord, total=3, ranges=dict.fromkeys(range(1, 5), 0), more=more)
    return version + made[6:]


@pytest.mark.parametrize("order", "<>")
def test_channels_with_types_of_their_own(tmp_path, order):
    file = _open(tmp_path, _mixed(order=order))
    np.testing.assert_array_equal(_all(file), _MIXED)
    assert not file.faults


def test_widths_of_floats_are_those_of_their_type(tmp_path):
    file = _open(tmp_path, _mixed(widths=(32, 64, 32, 16)))
    np.testing.assert_array_equal(_all(file), _MIXED)


def test_types_that_fit_the_events_are_taken_and_told_of(tmp_path):
    old = _open(tmp_path, _mixed(b"FCS3.0"))
    np.testing.assert_array_equal(_all(old), _MIXED)
    assert old.faults == ("$P1DATATYPE, $P3DATATYPE, $P4DATATYPE are followed",)
    doubles = np.arange(6.0).reshape(2, 3)
    made = _bytes(doubles.astype(">f8").tobytes(), bits=[64] * 3, kind="F", total=2)
    file = _open(tmp_path, made)
    np.testing.assert_array_equal(_all(file), doubles)
    assert "$P1B, $P2B, $P3B are followed" in file.faults[0]
    floats = _bytes(doubles.astype(">f4").tobytes(), bits=[32] * 3, kind="F", total=2, more=[("$P2DATATYPE", "I")])
    file = _open(tmp_path, floats)  # a keyword that came along from another file
    np.testing.assert_array_equal(_all(file), doubles)
    assert file.faults == ("$P2DATATYPE is not followed, since FCS3.0 has no such keyword",)
    with pytest.raises(InputError, match=r"\$P1DATATYPE must be I, F or D"):
        _open(tmp_path, _mixed(own=("A", "", "D", "I")))


def _floats(count, *, total, tail=b"", faults=(0, 0), more=()):
    data = np.arange(1, 1 + 2 * count, dtype=">f4").tobytes()
    return _bytes(data + tail, bits=[32, 32], kind="F", total=total, faults=faults, more=more)


@pytest.mark.parametrize(
    ("content", "events", "told"),
    [
        (_floats(40, total=20), 40, "$TOT says 20 events, and its DATA segment holds 40, all of which are read"),
        (_floats(3, total=0), 3, "$TOT says 0 events, and its DATA segment holds 3"),
        (_floats(40, total=40, tail=bytes(64)), 40, "64 bytes of its DATA segment behind the 40 events"),
        (_floats(40, total=40, tail=b"00000000"), 40, "8 bytes of its DATA segment behind the 40 events"),
        (_floats(40, total=40, tail=b"x" * 13), 40, "13 bytes of its DATA segment behind the 40 events"),
        (_floats(40, total=40, faults=(0, 1)), 40, None),
        (_floats(40, total=40, faults=(0, -8)), 40, "its events end with the file, not at byte"),
        (_floats(40, total=40, tail=b"y" * 50, faults=(0, -53)), 40, "ends 3 bytes too early"),
        (_floats(40, total="", tail=b"zzz"), 40, "3 bytes at the end of its DATA segment are no whole event"),
        (_floats(40, total=40, faults=(-10_000, -10_000)), 40, "does not say where its events are"),
        (_floats(40, total=40, tail=b"y" * 50, faults=(0, -10_000)), 40, "does not say where its events end"),
    ],
)
def test_a_length_that_is_not_that_of_the_events_is_told(tmp_path, content, events, told):
    file = _open(tmp_path, content)
    np.testing.assert_array_equal(_all(file), np.arange(1, 1 + 2 * events).reshape(-1, 2))
    if told is None:
        assert not file.faults
    else:
        assert told in file.faults[0]


def test_events_that_are_there_can_be_taken_where_more_are_told(tmp_path):
    content = _floats(40, total=1_000_000_000)
    with pytest.raises(InputError, match=r"says 1,000,000,000 events, .* holds 40\. .* \(--ignore-tot\)"):
        _open(tmp_path, content)
    file = _open(tmp_path, content, ignore_tot=True)
    assert (file.events, len(file.faults)) == (40, 1)
    with pytest.raises(InputError, match=r"cut off: it should hold 40 events, and has room for 36\. .*--ignore-tot"):
        _open(tmp_path, _floats(40, total=40)[:-31])
    assert _open(tmp_path, _floats(40, total=40)[:-31], ignore_tot=True).events == 36


def test_a_segment_that_several_layouts_fill_is_refused(tmp_path):
    made = _bytes(bytes(range(1, 161)), bits=[64, 64], kind="F", total=3)
    with pytest.raises(InputError, match="may hold 20 or 10, by the types and widths"):
        _open(tmp_path, made)


@pytest.mark.parametrize(("text", "order"), [("1234", "<"), ("1 , 2", "<"), ("4;3;2;1", ">"), ("2,1", ">")])
def test_spellings_of_the_order_of_bytes(tmp_path, text, order):
    data = struct.pack(f"{order}HHH", 1, 258, 3)
    np.testing.assert_array_equal(
        _all(_open(tmp_path, _bytes(data, bits=[16] * 3, total=1, order=text))), [[1, 258, 3]]
    )


def test_supplemental_text_that_is_not_there_is_told(tmp_path):
    file = _open(tmp_path, _floats(4, total=4, more=[("$BEGINSTEXT", 90_000), ("$ENDSTEXT", 91_000)]))
    assert "supplemental TEXT" in file.faults[0]


def _made(tmp_path):
    return write_fcs(tmp_path / "a.fcs", np.ones((101, 3)), ["A", "B", "C"]).read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b[:0], "is no FCS file"),
        (lambda b: b[:30], "is cut off within its first"),
        (lambda b: b"FCS1.0" + b[6:], "version FCS1.0"),
        (lambda b: b[:100], "cut off"),
        (lambda b: b[:-600], "should hold 101 events, and has room for"),
        (lambda b: b.replace(b"$MODE|L", b"$MODE|H"), "histograms"),
        (lambda b: b.replace(b"$DATATYPE|F", b"$DATATYPE|A"), "DATATYPE must be"),
        (lambda b: b.replace(b"$TOT|101", b"$TOT|999"), r"says 999 events, and its DATA segment .* holds 101"),
        (lambda b: b.replace(b"$PAR|3", b"$PAR|0"), "PAR must be"),
        (lambda b: b.replace(b"$BYTEORD|1,2,3,4", b"$BYTEORD|3,4,1,2"), "BYTEORD must be"),
    ],
)
def test_files_that_are_refused_by_name(tmp_path, change, words):
    path = tmp_path / "b.fcs"
    path.write_bytes(change(_made(tmp_path)))
    with pytest.raises(InputError, match=words) as refused:
        _all(open_fcs(path))
    assert str(path) in str(refused.value)


@settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flips=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=6),
    cut=st.one_of(st.none(), st.integers(0, 2000)),
    ints=st.booleans(),
)
def test_damaged_files_are_refused_or_read_and_nothing_else(tmp_path, flips, cut, ints):
    data = np.arange(60, dtype=">u2").tobytes()
    content = bytearray(_bytes(data, bits=[16, 16, 16], total=20) if ints else _made(tmp_path))
    for place, value in flips:
        content[place % len(content)] = value
    path = tmp_path / "damaged.fcs"
    path.write_bytes(bytes(content[:cut]))
    refusals = []
    try:
        file = open_fcs(path)
        with np.errstate(all="ignore"):
            assert _all(file).shape == (file.events, len(file.channels))
    except InputError as error:
        refusals.append(str(error))
    assert all(str(path) in text for text in refusals)
