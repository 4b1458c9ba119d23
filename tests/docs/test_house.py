"""The house rules that no linter has: private names, parameters of `train`, length of files."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "multilayer").rglob("*.py"))
NATIVE = [p for end in ("hpp", "cpp") for p in sorted((ROOT / "native").rglob(f"*.{end}"))]
PAGE = sorted((ROOT / "src" / "multilayer" / "playground" / "page").iterdir())

# Names that scikit-learn keeps private and that have no public counterpart.
SCIKIT_LEARN = {
    "_init_callback_context": "its protocol of callbacks",
    "_label_binarizer": "the kind of targets of its MLPClassifier",
    "_predictors": "the trees of its HistGradientBoosting",
    "_validate_params": "its check of parameters",
}
OF_TUPLES = {"_asdict", "_fields", "_replace"}


def foreign_private_names(tree):
    """Yield the accesses to private names of objects other than self, cls and super()."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        name, owner = node.attr, node.value
        if not name.startswith("_") or name.startswith("__") or name in OF_TUPLES:
            continue
        own = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
        parent = isinstance(owner, ast.Call) and ast.unparse(owner.func) == "super"
        if not own and not parent and name not in SCIKIT_LEARN:
            yield f"{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_reaches_private_names_of_others(path):
    assert list(foreign_private_names(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_the_check_finds_a_private_name():
    found = foreign_private_names(ast.parse("self._a, other._b, super()._c, row._replace()"))
    assert list(found) == ["1: other._b"]


def test_train_has_eight_parameters_at_most():
    trains = [
        node
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name in ("train", "minimize")
    ]
    assert len(trains) >= 6
    for node in trains:
        assert len([*node.args.args, *node.args.kwonlyargs]) <= 8, ast.unparse(node.args)


@pytest.mark.parametrize("path", [*SOURCES, *NATIVE, *PAGE], ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
