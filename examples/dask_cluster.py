"""
Training on a cluster
=====================

The workers here are processes on this machine::

    python examples/dask_cluster.py

This needs multilayer[dask]. For a cluster of your own, use Client("tcp://scheduler:8786").
"""

import time

import dask.array as da
import numpy as np
from dask import delayed
from distributed import Client

from multilayer.dask import DaskMLPClassifier


def spiral(seed, rows):
    """Generate rows of two spirals, as a worker would generate or read its part of a table."""
    rng = np.random.RandomState(seed)
    turn, arm = rng.uniform(0.3, 3, rows), rng.randint(2, size=rows)
    angle = np.pi * (turn + arm)
    X = np.column_stack([turn * np.sin(angle), turn * np.cos(angle)])
    return np.column_stack([X + rng.normal(0, 0.1, X.shape), arm]).astype(np.float32)


def main(rows=400_000, parts=8):
    size = rows // parts
    table = da.concatenate(
        [
            da.from_delayed(delayed(spiral)(seed, size), shape=(size, 3), dtype=np.float32)
            for seed in range(parts)
        ]
    )
    X, y = table[:, :2], table[:, 2].astype(int)
    for options in (
        {"solver": "lbfgs", "max_iter": 100},  # all rows at every step, as on one machine
        {"batch_size": 500, "max_iter": 5, "learning_rate_init": 0.01},  # mini-batches
    ):
        clf = DaskMLPClassifier((32, 16), random_state=0, **options)
        began = time.perf_counter()
        clf.fit(X, y)
        seconds = time.perf_counter() - began
        print(
            f"{clf.solver}: {clf.n_iter_} iterations in {seconds:.1f} s, cost {clf.loss_:.4f}, "
            f"accuracy {clf.score(X, y):.3f}, sync_every {clf.sync_every_}"
        )
    print(clf.predict_proba(X))  # lazy: nothing is computed yet
    return clf.to_local()  # an MLPClassifier, which is saved, loaded and used without Dask


if __name__ == "__main__":
    with Client(n_workers=2, threads_per_worker=1):
        main()
