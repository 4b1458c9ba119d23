"""Public names: the modules of classes, and the names that `multilayer` finds when used."""

import ast
import importlib
import pickle
import pickletools
import subprocess
import sys
from pathlib import Path

import pytest

import multilayer as ml

ROOT = Path(__file__).parents[2]
ROOMS = ["dask", "equations", "export", "plots", "report", "selection", "streaming", "tabular"]
WHEN_USED = ["dask", "export", "playground", "plots", "selection", "streaming"]


def public_classes():
    """Yield each public class with the highest module that exports it when it is imported."""
    met = set()
    for name in ["multilayer", *(f"multilayer.{room}" for room in ROOMS)]:
        module = importlib.import_module(name)
        for exported in sorted(vars(module).keys() & set(module.__all__)):
            value = getattr(module, exported)
            if isinstance(value, type) and value not in met:
                met.add(value)
                yield pytest.param(value, name, id=f"{name}.{value.__name__}")


@pytest.mark.parametrize(("kind", "module"), list(public_classes()))
def test_a_class_belongs_to_its_public_module(kind, module):
    assert kind.__module__ == module
    assert pickle.loads(pickle.dumps(kind)) is kind
    named = [arg for _, arg, _ in pickletools.genops(pickle.dumps(kind, protocol=0)) if arg]
    assert f"{module} {kind.__qualname__}" in named


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8"
    )


@pytest.mark.parametrize("room", ["dask", "selection", "streaming"])
def test_names_of_a_room_are_found_under_the_package(room):
    module = importlib.import_module(f"multilayer.{room}")
    assert getattr(ml, room) is module
    for name in module.__all__:
        assert getattr(ml, name) is getattr(module, name)


def test_dir_has_the_public_names_only():
    assert {*ml.__all__, *WHEN_USED, "fit_files", "DaskMLPClassifier"} <= set(dir(ml))
    private = {"engine", "training", "tables", "tabular", "cli", "persistence", "TYPE_CHECKING"}
    assert private.isdisjoint(dir(ml))
    assert [name for name in dir(ml) if name.startswith("_")] == ["__version__"]
    assert all(getattr(ml, name) is not None for name in dir(ml))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'multilayer' has no attribute 'MLPClasifier'"):
        _ = ml.MLPClasifier


def test_rooms_are_imported_when_their_names_are_used():
    done = run(f"""
import sys
import multilayer as ml
rooms = [f"multilayer.{{room}}" for room in {WHEN_USED}]
assert not [room for room in rooms if room in sys.modules]
assert not [name for name in ("matplotlib", "polars") if name in sys.modules]
ml.compare_baselines
assert [room for room in rooms if room in sys.modules] == ["multilayer.selection"]
""")
    assert done.returncode == 0, done.stderr


MISSING = [
    ("ml.DaskMLPClassifier", "dask", "dask"),
    ("ml.dask", "dask", "dask"),
    ("import multilayer.dask", "distributed", "dask"),
    ("ml.fit_files", "polars", "cli"),
    ("ml.playground", "duckdb", "playground"),
    ("ml.playground.open()", "uvicorn", "playground"),
    ("ml.plots.LossCurveDisplay([1]).plot()", "matplotlib", "plot"),
    ("ml.LossPlot()", "matplotlib", "plot"),
    ("ml.export.to_onnx(None)", "onnx", "onnx"),
    (
        "from multilayer.report.document import check_installed; check_installed()",
        "jinja2",
        "report",
    ),
    ("ml.playground.widget()", "anywidget", "notebook"),
]


def test_a_missing_extra_is_named():
    done = run(f"""
import sys
import multilayer as ml
for use, module, extra in {MISSING}:
    sys.modules[module] = None
    try:
        exec(use)
    except ImportError as error:
        print(error)
    del sys.modules[module]
""")
    said = done.stdout.splitlines()
    for line, (_, module, extra) in zip(said, MISSING, strict=True):
        assert line.endswith(f" needs {module}: pip install 'multilayer[{extra}]'")


def test_without_extras_the_rest_is_there():
    """`dir` lists nothing that cannot be had, so `help` works; `*` takes what needs no extra."""
    done = run("""
import sys
sys.modules.update(dict.fromkeys(["polars", "duckdb", "dask", "matplotlib", "starlette"]))
from multilayer import *
import multilayer as ml
assert HiddenLayerSearchCV is ml.selection.HiddenLayerSearchCV
assert {"dask", "streaming", "playground", "fit_files", "DaskTableEncoder"}.isdisjoint(dir(ml))
assert "compare_baselines" in dir(ml)
import inspect
assert dict(inspect.getmembers(ml))["export"] is ml.export
""")
    assert done.returncode == 0, done.stderr


def test_type_checkers_are_told_the_same_names():
    """The imports for type checkers name what `__getattr__` finds, from the same rooms."""
    tree = ast.parse(Path(ml.__file__).read_text(encoding="utf-8"))
    (checked,) = [node for node in tree.body if isinstance(node, ast.If)][:1]
    told = {
        name.name: node.module.removeprefix("multilayer").removeprefix(".")
        for node in checked.body
        for name in node.names
    }
    found = dict.fromkeys(WHEN_USED, "")
    for room in WHEN_USED:
        module = importlib.import_module(f"multilayer.{room}")
        found |= {name: room for name in module.__all__ if name in set(dir(ml)) - vars(ml).keys()}
    assert told == found
