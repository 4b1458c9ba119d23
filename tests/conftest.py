"""Set up what all tests share: no windows, no deadlines, seeded random numbers."""

import os
import signal

import dask
import numpy as np
import pytest
from browser_cases import CHROMIUM
from distributed.utils import get_mp_context
from hypothesis import settings

for shared in ("cases", "comparisons", "network_cases", "playground_cases", "waiting"):
    pytest.register_assert_rewrite(shared)

os.environ["MPLBACKEND"] = "Agg"
os.environ["SCIPY_ARRAY_API"] = "1"  # else scikit-learn skips its checks of array-API input

# A worker of a cluster is a fork of a process that has imported what workers need.
dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
get_mp_context().set_forkserver_preload(["distributed", "multilayer.dask"])

# A shell starts background processes with Ctrl-C ignored; tests that press it would never end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run; `--hypothesis-profile=searching` draws new ones.
settings.register_profile("multilayer", deadline=None, derandomize=True)
settings.register_profile("searching", deadline=None, max_examples=1000)
settings.load_profile("multilayer")


@pytest.fixture(autouse=True)
def _numpys_global_generator():
    """What a test draws without a seed of its own is the same in every run."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    yield
    np.random.set_state(state)  # noqa: NPY002


@pytest.fixture
def rng():
    return np.random.RandomState(0)


# What the tests share is imported by name; collected for doctests, it would be imported twice.
collect_ignore_glob = ["*_cases.py", "cases.py", "comparisons.py", "waiting.py"]


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        # As root, and where /dev/shm is small, as in a container.
        args = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        browser.close()
