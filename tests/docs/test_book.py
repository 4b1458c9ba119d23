"""The executed pages of the book, which `make docs` runs: what they must name and show."""

import importlib
import re
from inspect import ismodule
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import multilayer

DOCS = Path(__file__).parents[2] / "docs"
PUBLIC = ["", "equations", "plots", "selection", "report", "export", "streaming", "dask"]


@pytest.mark.parametrize("name", [*PUBLIC, "playground"])
def test_the_reference_has_every_public_name(name):
    module = importlib.import_module(f"multilayer.{name}".rstrip("."))
    reference = (DOCS / "reference" / "api.rst").read_text(encoding="utf-8")
    sections = re.split(r"^\.\. currentmodule:: (\S+)$", reference, flags=re.MULTILINE)
    listed = {
        f"{of}.{line.strip()}"
        for of, text in zip(sections[1::2], sections[2::2], strict=True)
        for line in text.splitlines()
    }
    for exported in set(dir(module) if name == "" else module.__all__) - {"__version__"}:
        if ismodule(getattr(module, exported)):
            assert f"multilayer.{exported}" in {*sections, *re.findall(r"``(\S+?)``", reference)}
        else:  # by its short name, if it has one
            home = "multilayer" if hasattr(multilayer, exported) else module.__name__
            assert f"{home}.{exported}" in listed


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive:UserWarning")
def test_the_page_on_choosing_layers_runs(capsys):
    text = (DOCS / "selection.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    names = {}
    for code in blocks:
        if "tcp://" in code:  # a cluster: tests/selection/test_workers.py has one
            continue
        quick = code.replace("n_candidates=200", "n_candidates=20").replace("cv=10", "cv=3")
        exec(compile(quick, "selection.md", "exec"), names)
        plt.close("all")
    assert "A network is needed" in capsys.readouterr().out
    assert names["search"].best_score_ > 0.9
