"""Clusters of two workers, and rows with labels."""

import numpy as np
import pytest
from dask_cases import QUIET
from distributed import Client, LocalCluster
from sklearn.datasets import make_classification


@pytest.fixture(scope="module")
def client():
    with LocalCluster(n_workers=2, threads_per_worker=1, **QUIET) as cluster, Client(cluster) as c:
        yield c


@pytest.fixture(scope="module")
def labelled():
    X, y = make_classification(1003, 7, n_classes=3, n_informative=5, random_state=0)
    return X, np.array(["red", "green", "blue"])[y]


@pytest.fixture
def mortal():
    """A cluster whose workers may be killed: its nannies do not always start them again."""
    with Client(n_workers=2, threads_per_worker=1, set_as_default=False, **QUIET) as client:
        yield client
