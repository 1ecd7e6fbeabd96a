"""Transforms of features: published values of the logicle scale, numbers that make one, which feature has which."""

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.fcs.write import write_fcs
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.store.processing import Processing
from setwise.store.scales import scale_of, scales_for

X = np.array([-10000.0, -1000, -100, -10, -1, 0, 1, 5, 100, 1000, 10000, 100000, 262144, 500000])
OF_FLOWUTILS = {  # 1.2.2, logicle_c, which is the authors' code
    "logicle:262144:0.5:4.5:0": "-0.4616104350043351 -0.23211535395017646 0.009041134692025388 0.099917946544774 "
    "0.1099906900730379 0.1111111111111111 0.11223153214918431 0.11671188550995001 0.21318108753019682 "
    "0.45433757617239867 0.6838326572265573 0.9069275914814589 1.0 1.0623366761069832",
    "logicle:10000:1:4:0.5": "-0.33333333333333337 -0.10182013417637403 0.1711770654953605 0.31444588072846696 "
    "0.3314416125134491 0.3333333333333333 0.3352250541532175 0.34278838565567626 0.49548960117130614 "
    "0.7684868008430407 1.0 1.2233366622577724 1.3164294711440103 1.3787725650901361",
    "logicle:1000:0:4:0": "-1.2499999989251211 -1.0 -0.7500001074877236 -0.500010854648286 -0.25106980177441446 0.0 "
    "0.25106980177441446 0.4247859034127956 0.7500001074877236 1.0 1.2499999989251211 1.4999999989143724 "
    "1.6046349794021948 1.6747424999982727",
    "logicle:262144:0.25:4.5:-0.2": "-0.6466353470627901 -0.4122475552154986 -0.17033179988663463 "
    "-0.014568328906052079 0.008989583917844091 0.011627906976744179 0.014266230035644267 0.024796797758470632 "
    "0.193587613840123 0.43550336916898696 0.6698911610162784 0.9026509784381531 1.0 1.0652204656796256",
}


def test_published_values_of_the_logicle_scale():
    # Gating-ML 2.0 (Spidlen et al. 2015, Cytometry A 87A, 683), table of Logicle(x, 1000, 1, 4, 0)
    found = scale_of("logicle:1000:1:4:0").apply(np.array([-10.0, -5, -1, 0, 0.3, 1, 3, 10, 100, 1000]))
    want = [0.067574, 0.147986, 0.228752, 0.25, 0.256384, 0.271248, 0.312897, 0.432426, 0.739548, 1.0]
    assert found == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("text", OF_FLOWUTILS)
def test_values_of_another_program(text):
    want = [float(number) for number in OF_FLOWUTILS[text].split()]
    assert scale_of(text).apply(X) == pytest.approx(want, abs=1e-12)


def test_defaults_and_words():
    assert scale_of("logicle").text == scale_of("biexponential").text == "logicle:262144:0.5:4.5:0"
    assert scale_of("logicle", 1024.0).text == "logicle:1024:0.5:4.5:0"
    assert scale_of("log:10").apply(np.array([-5.0, 10, 1000])) == pytest.approx([1, 1, 3])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("asinh", "one of arcsinh, logicle"),
        ("logicle:a", "numbers after its word"),
        ("logicle:100:3:4", "0 <= W <= M / 2"),
        ("log:0", "above zero"),
        ("log:1:2", "one of"),
        ("logicle:nan", "finite numbers"),
    ],
)
def test_what_is_no_scale_is_refused(text, said):
    with pytest.raises(InputError, match=said):
        scale_of(text)


def _found(cofactor=None, transform=None, usual=150.0):
    features = [("CD3", "FITC-A"), ("CD4",), ("FSC-A",)]
    return scales_for(
        features,
        cofactor=cofactor,
        transform=transform,
        amounts=[True, True, False],
        usual=usual,
        tops=[1e5, 2e5, 3e5],
    )


@pytest.mark.parametrize(
    ("asked", "cofactors", "scales"),
    [
        ({}, {"CD3": 150, "CD4": 150}, {}),
        ({"cofactor": 0.0}, {}, {}),
        ({"cofactor": {"FITC-A": 50}}, {"CD3": 50, "CD4": 150}, {}),
        ({"cofactor": {"CD*": 7, "CD4": 0}}, {"CD3": 7}, {}),
        ({"cofactor": {"*": 9, "FSC-A": 1000}}, {"CD3": 9, "CD4": 9, "FSC-A": 1000}, {}),
        ({"transform": "none"}, {}, {}),
        ({"transform": "log"}, {}, {"CD3": "log:1", "CD4": "log:1"}),
        (
            {"transform": {"CD3": "logicle", "FSC-A": "log"}},
            {"CD4": 150},
            {"CD3": "logicle:100000:0.5:4.5:0", "FSC-A": "log:1"},
        ),
        ({"transform": {"CD3": "none"}, "cofactor": 5.0}, {"CD4": 5}, {}),
        ({"transform": {"FSC-A": "arcsinh"}}, {"CD3": 150, "CD4": 150, "FSC-A": 150}, {}),
        ({"transform": "log", "cofactor": {"CD4": 5}}, {"CD4": 5}, {"CD3": "log:1"}),
    ],
)
def test_which_feature_has_which(asked, cofactors, scales):
    assert _found(**asked) == (cofactors, scales)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"cofactor": {"CD8": 5}}, "there is none 'CD8'"),
        ({"transform": {"CD3": "log"}, "cofactor": {"CD3": 5}}, "cannot be log and have a cofactor"),
        ({"transform": {"x*": "log"}}, "there is none 'x\\*'"),
    ],
)
def test_what_is_of_no_feature_is_refused(asked, said):
    with pytest.raises(InputError, match=said):
        _found(**asked)


def test_tables_and_new_data_of_a_model():
    table = pa.table({"set_id": ["a", "a", "b"], "CD3": [-5.0, 10, 1000], "CD4": [1.0, 3, 100]})
    store = read(table, reading=Reading(transform={"CD3": "logicle:1000:1:4:0"}, cofactor={"CD4": 5}))
    assert store.elements(1)[0] == pytest.approx([1.0, np.arcsinh(20)], rel=1e-6)
    done = store.description.processing
    assert Processing.from_dict(done.to_dict()) == done
    assert "logicle (T=1000, W=1, M=4, A=0) of CD3" in done.describe()
    again = read(table, features=["CD3", "CD4"], like=done)
    assert again.elements(0) == pytest.approx(store.elements(0))
    with pytest.raises(InputError, match="transforms must be those that the model was fitted with"):
        read(table, like=done, reading=Reading(transform="log"))


def test_channels_of_fcs_files(tmp_path):
    events = np.array([[100.0, -10, 7], [200, 1000, 8], [300, 3, 1000]], np.float32)
    write_fcs(tmp_path / "a.fcs", events, ["FSC-A", "FL1-A", "FL2-A"], labels=["", "CD3", "CD4"], ranges=[1000] * 3)
    store = read(tmp_path, reading=Reading(transform={"FL1-A": "logicle:1000:1:4:0", "FSC-A": "log"}))
    assert store.elements(0)[:, 1] == pytest.approx([0.067574, 1.0, 0.312897], abs=1e-5)
    assert store.elements(0)[:, 2] == pytest.approx(np.arcsinh(events[:, 2] / 150))
    assert store.elements(0)[:, 0] == pytest.approx(np.log10(events[:, 0]))
    usual = read(tmp_path, reading=Reading(transform="logicle"))
    assert usual.description.processing.scales == dict.fromkeys(("CD3", "CD4"), "logicle:1000:0.5:4.5:0")
