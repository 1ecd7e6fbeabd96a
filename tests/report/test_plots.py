import pytest
from matplotlib.figure import Figure

from setwise._checks import InputError
from setwise.runs.run import Run


def test_figures_of_a_run_and_of_one_that_was_loaded(regression, classification):
    for run in (regression, Run.load(regression.path)):
        assert isinstance(run.plot.predicted(), Figure)
        assert run.plot.residuals("y & z").axes[0].get_ylabel().endswith("y & z")
        assert isinstance(run.plot.learning(), Figure)
    for name in ("confusion", "roc", "precision_recall", "calibration", "true_probability"):
        assert isinstance(getattr(classification.plot, name)(), Figure)
        assert f"plot.{name}()" in repr(classification.plot)


def test_what_is_not_there_is_refused_in_words(regression, untested):
    with pytest.raises(InputError, match="no figure 'roc'"):
        regression.plot.roc()
    with pytest.raises(InputError, match="the run predicts"):
        regression.plot.predicted("age")
    with pytest.raises(InputError, match="held no sets out"):
        untested.plot.confusion()
