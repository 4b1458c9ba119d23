"""Kill a worker at a random moment of training, and compare with an undisturbed run.

    python benchmarks/faults.py [--runs 20] [--act kill|halt|all]

This needs multilayer[dask]. "halt" stops a process for three seconds, "all" kills every worker.
"""

import argparse
import logging
import os
import random
import signal
import threading
import time
import warnings

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from sklearn.datasets import make_classification

from multilayer.dask import DaskMLPClassifier

TRAININGS = (
    {"solver": "lbfgs", "max_iter": 40},
    {"batch_size": 200, "max_iter": 2, "sync_every": 1},
    {"batch_size": 200, "max_iter": 20, "sync_every": 8},
)


def act_on(pids, act, rng):
    chosen = pids if act == "all" else [rng.choice(pids)]
    for pid in chosen:
        os.kill(pid, signal.SIGSTOP if act == "halt" else signal.SIGKILL)
    if act == "halt":
        time.sleep(3)
        os.kill(chosen[0], signal.SIGCONT)


def trained(options, act=None, delay=0.0, rng=None):
    X, y = make_classification(20_003, 20, n_classes=3, n_informative=5, random_state=0)
    rows = da.from_array(X.astype(np.float32), chunks=(2500, 20)), da.from_array(y, chunks=2500)
    with (
        LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        pids = list(client.run(os.getpid).values())
        timer = threading.Timer(delay, act_on, (pids, act, rng))
        if act:
            timer.start()
        clf = DaskMLPClassifier((30, 15), random_state=1, timeout=60, **options)
        began = time.perf_counter()
        clf.fit(*rows)
        seconds = time.perf_counter() - began
        if act:
            timer.join()
        return clf.network_.thetas, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--act", choices=("kill", "halt", "all"), default="kill")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rng, equal = random.Random(0), 0
    undisturbed = [trained(training) for training in TRAININGS]
    for run in range(options.runs):
        k = run % len(TRAININGS)
        thetas, seconds = undisturbed[k]
        delay = rng.uniform(0, seconds)
        disturbed, took = trained(TRAININGS[k], options.act, delay, rng)
        same = all((a == b).all() for a, b in zip(thetas, disturbed, strict=True))
        equal += same
        print(
            f"  run {run + 1:2}: {options.act} after {delay:.2f} s, {took:.2f} s instead of "
            f"{seconds:.2f} s, {'same bits' if same else 'OTHER RESULT'}",
            flush=True,
        )
    print(f"{equal} of {options.runs} runs gave the same network as an undisturbed run")


if __name__ == "__main__":
    main()
