"""The only skips that the tests allow: what may be absent here, and the tests that need it.

Any other skip fails, and so does the skip of a test whose need is met: a skipped test that nobody
sees proves nothing. `pytest --needing PyTorch` runs only the tests that need PyTorch, and fails
where it is absent.
"""

import os
import shutil
import sys
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import NamedTuple

import pytest


class Need(NamedTuple):
    """Whether something that tests need is present, and the patterns of these tests' node ids."""

    is_present: bool
    tests: tuple[str, ...]


NEEDS = {
    # PyTorch is larger than everything that the extra `test` installs; `make docs` installs it.
    "PyTorch": Need(
        find_spec("torch") is not None,
        ("src/multilayer/export/modules.py", "tests/export/*::test_torch_*"),
    ),
    # A browser comes with the system, not from PyPI.
    "Chromium": Need(
        bool(os.environ.get("MULTILAYER_BROWSER") or shutil.which("chromium")),
        ("tests/playground/test_page.py::*", "tests/report/test_browser.py::*"),
    ),
    "fork": Need(hasattr(os, "fork"), ("tests/engine/*::test_after_fork",)),
    # Other systems do not enforce the limit of a process's memory.
    "Linux": Need(
        sys.platform == "linux",
        (
            "tests/estimators/*::test_memory_runs_out",
            "tests/playground/test_limits.py::test_reading_is_bounded_in_memory",
        ),
    ),
    # `decision_function` is for one label a row, and scikit-learn's own MLP has none: where a
    # classifier takes several labels a row, scikit-learn's check of it skips itself.
    "a decision function of several labels": Need(
        False, ("tests/*[[]*-check_classifiers_multilabel_output_format_decision_function]",)
    ),
}


def needs_of(node_id):
    """Return the names of what a test, or a file of tests, needs."""
    return [
        name
        for name, need in NEEDS.items()
        if any(fnmatchcase(node_id, pattern) for pattern in need.tests)
    ]


def pytest_addoption(parser):
    parser.addoption(
        "--needing",
        action="append",
        default=[],
        choices=list(NEEDS),
        help="run only the tests that need this, which must be present; may be repeated",
    )


def pytest_configure(config):
    absent = [name for name in config.getoption("--needing") if not NEEDS[name].is_present]
    if absent:
        raise pytest.UsageError(f"--needing: {', '.join(absent)} is not here")


def pytest_collection_modifyitems(config, items):
    wanted = set(config.getoption("--needing"))
    if wanted:
        others = [item for item in items if wanted.isdisjoint(needs_of(item.nodeid))]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if not wanted.isdisjoint(needs_of(item.nodeid))]


def allow_only_listed(report, reason):
    """Make a skip that is not listed, or whose need is met, a failure."""
    if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        needs = needs_of(report.nodeid)
        if all(NEEDS[name].is_present for name in needs):
            report.outcome = "failed"
            rule = "what it needs is here" if needs else "conftest.py does not list it"
            report.longrepr = f"{report.nodeid} was skipped, but {rule}: {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(call):
    report = yield
    return allow_only_listed(report, call.excinfo.value if call.excinfo else "")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report():
    report = yield
    error = call.excinfo.value if (call := getattr(report, "call", None)) and call.excinfo else None
    # Of a module of src pytest says only that it cannot be imported; why is one error further in.
    return allow_only_listed(report, getattr(error, "__context__", None) or error)
