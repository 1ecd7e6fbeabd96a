import json

import pytest

from setwise.cli.app import main


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("SETWISE_DATA", str(tmp_path / "home"))

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return call


def test_tasks_are_listed_with_what_is_missing(run):
    code, out, _ = run("data", "list", "--json")
    files = {task["name"]: task["files"] for task in json.loads(out)["tasks"]}
    assert code == 0
    assert (files["normal-var"], files["mnist-var"]) == ("made", "missing")


def test_files_that_cannot_be_had_end_with_what_to_do(run, tmp_path):
    code, _, err = run("data", "get", "mnist-var", "--from", str(tmp_path))
    assert code == 2
    assert "train-images-idx3-ubyte.gz" in err
    code, _, err = run("data", "get", "nothing")
    assert code == 2
    assert "mnist-var" in err


def test_a_made_task_needs_nothing(run):
    code, out, _ = run("data", "get", "normal-var")
    assert code == 0
    assert "needs no files" in out
