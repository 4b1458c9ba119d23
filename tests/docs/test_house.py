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


def own_names(tree):
    """Yield the names that a file defines: functions, variables of classes, attributes of self."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


def foreign_private_names(tree):
    """Yield the accesses to private names of other objects that another file defines."""
    known = OF_TUPLES | SCIKIT_LEARN.keys() | set(own_names(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        name, owner = node.attr, node.value
        if not name.startswith("_") or name.startswith("__") or name in known:
            continue
        own = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
        parent = isinstance(owner, ast.Call) and ast.unparse(owner.func) == "super"
        if not own and not parent:
            yield f"{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_reaches_private_names_of_others(path):
    assert list(foreign_private_names(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_the_check_finds_a_private_name():
    text = "self._d = 1; self._a, other._b, super()._c, row._replace(), other._d"
    assert list(foreign_private_names(ast.parse(text))) == ["1: other._b"]


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
