"""Rules of the code base: direction of imports, public names, what an import costs."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import setwise
import setwise.models
import setwise.targets

PACKAGE = Path(setwise.__file__).parent
ROOT = Path(__file__).parents[1]
ORDER = [
    "_checks",
    "_lazy",
    "_options",
    "_files",
    "_notebook",
    "variants",
    "batch",
    "parallel",
    "ops",
    "streaming",
    "layers",
    "models",
    "store",
    "metrics",
    "targets",
    "prepare",
    "readers",
    "tasks",
    "runs",
    "assess",
    "fit",
    "validate",
    "explanations",
    "report",
    "estimators",
    "cli",
]
PUBLIC = {
    "setwise": [
        "SetBatch",
        "SetLayout",
        "layers",
        "models",
        "parallel",
        "SetRegressor",
        "SetClassifier",
        "SetElementClassifier",
        "SetElementRegressor",
        "SetSummaries",
        "read",
        "SetStore",
        "Study",
        "train",
        "FitConfig",
        "Run",
        "cross_validate",
        "tune",
        "predict",
        "evaluate",
        "compare",
        "explain",
        "write_report",
    ],
    "setwise.layers": [
        "Normalisation",
        "SetNorm",
        "LayerNorm",
        "FeatureNorm",
        "FeedForwardBlock",
        "ResidualBlock",
        "MultiheadAttentionBlock",
        "SetAttentionBlock",
        "InducedSetAttentionBlock",
        "PoolingByAttention",
        "Pooling",
        "Moments",
        "Codebook",
        "FourierEmbedding",
        "FisherVector",
        "SlicedQuantiles",
        "Correlations",
        "Elementwise",
        "CategoryEncoder",
        "ImageEncoder",
        "MLPDecoder",
        "make_norm",
        "make_pooling",
    ],
    "setwise.models": [
        "build",
        "build_from_spec",
        "make_spec",
        "spec_from_dict",
        "load_reference",
        "Model",
        "SetModel",
        "ElementModel",
        "Spec",
        "DeepSetsSpec",
        "SetTransformerSpec",
        "MODELS",
    ],
}


def _part(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _modules(folder):
    """Return the names of the modules in a folder."""
    paths = (ROOT / folder).rglob("*.py")
    return {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths}


def _imported(path):
    """Yield the parts of setwise that a file imports, at any depth of its code."""
    yield from (name.split(".")[1] for name in _names(path) if name.startswith("setwise."))


def _names(path):
    """Yield the full names of all that a file imports, and of the modules that they are imported from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from names


def test_imports_point_one_way():
    checked = 0
    for path in PACKAGE.rglob("*.py"):
        if _part(path) not in ORDER:
            continue
        for part in _imported(path):
            if part in ORDER:
                assert ORDER.index(part) <= ORDER.index(_part(path)), f"{path} imports setwise.{part}"
                checked += 1
    assert checked > 20


@pytest.mark.parametrize("folder", ["benchmarks", "experiments", "accuracy"])
def test_programs_import_no_circles(folder):
    """Files of a program import each other one way, whoever imports them: the package does not."""
    found = {}
    for path in (ROOT / folder).rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[module] = {name for name in _names(path) if name.split(".")[0] == folder} & _modules(folder)
    assert len(found) > 3
    try:
        graphlib.TopologicalSorter(found).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle of imports: {error.args[1]}")


def test_the_package_imports_no_program():
    programs = ("benchmarks", "experiments", "accuracy", "tests")
    for path in PACKAGE.rglob("*.py"):
        assert not [name for name in _names(path) if name.split(".")[0] in programs], path


def test_every_folder_is_in_the_order():
    parts = {_part(path) for path in PACKAGE.rglob("*.py")}
    assert parts - set(ORDER) == {"__init__", "testing"}


def test_public_names_are_frozen():
    for module, names in PUBLIC.items():
        assert list(sys.modules[module].__all__) == names
        assert all(hasattr(sys.modules[module], name) for name in names)


@pytest.mark.parametrize("module", ["setwise", "setwise.models", "setwise.targets"])
def test_completion_shows_what_there_is(module):
    """Names that are imported later are shown, those that a file needs for itself are not (PEP 562)."""
    shown = dir(sys.modules[module])
    assert set(sys.modules[module].__all__) <= set(shown)
    assert not {"Any", "TYPE_CHECKING", "import_module", "version", "lazily"}.intersection(shown)


def test_modules_are_there_from_the_first_moment_or_never():
    code = (
        "import setwise as sw; print(sw.readers.__name__); sw.SetRegressor; "
        "print(hasattr(sw, 'data'), sw.testing.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["setwise.readers", "False", "setwise.testing"]


def test_import_is_light():
    heavy = ("lightning_fabric", "sklearn", "matplotlib", "pandas", "pyarrow", "typer", "jinja2")
    code = f"import sys, setwise; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
