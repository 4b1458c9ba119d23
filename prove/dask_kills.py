"""Workers of a Dask cluster are killed at random moments of training, which must not change Θ.

python prove/dask_kills.py [--times 100] [--seed 0]

Fits run one after the other on a cluster of two workers, while a thread kills workers with
SIGKILL; the nannies start others. A kill counts as survived if the fit in which it fell ends with
the bits of a calm one. Prints one line, and exits with 1 if a fit fails.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import sys
import threading
import warnings
from typing import Any

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from distributed.utils import get_mp_context
from sklearn.datasets import make_classification

from multilayer.dask import DaskMLPClassifier, cluster

OPTIONS: dict[str, Any] = {
    "hidden_layer_sizes": (16,),
    "batch_size": 50,
    "n_iter_no_change": 10**6,
    "tol": 0.0,
    "random_state": 0,
    "timeout": 120,
}
# The ways of training take turns, by actors and by tasks: with local steps, or the full batch.
WAYS: list[tuple[dict[str, Any], int]] = [
    ({"sync_every": 8, "max_iter": 80}, cluster._MAX_GATHERED),
    ({"solver": "lbfgs", "max_iter": 200}, cluster._MAX_GATHERED),
    ({"sync_every": 8, "max_iter": 20}, -1),
]
PAUSES = 0.02, 1.0  # seconds between kills, at least and at most
PATIENCE = 10.0  # seconds in which a nanny should have started a worker


class Killer(threading.Thread):
    """Kills a random worker again and again, until a fit ends.

    Parameters
    ----------
    cluster : LocalCluster
    rng : Generator
    times : int
        Kills at most.
    """

    def __init__(self, cluster: LocalCluster, rng: np.random.Generator, times: int) -> None:
        super().__init__(daemon=True)
        self.cluster, self.rng, self.times = cluster, rng, times
        self.killed: list[int] = []
        self.ended = threading.Event()

    def run(self) -> None:
        """Kill until the fit has ended, and replace nannies that have given up."""
        missed = 0.0
        while not self.ended.wait(pause := self.rng.uniform(*PAUSES)):
            pids = self._working()
            missed = 0.0 if pids else missed + pause
            if missed > PATIENCE:
                self.cluster.scale(2)
                missed = 0.0
            if pids and len(self.killed) < self.times:
                self.killed.append(int(self.rng.choice(pids)))
                os.kill(self.killed[-1], signal.SIGKILL)

    def _working(self) -> list[int]:
        """Return the processes of workers that the scheduler knows, without those just killed."""
        known = self.cluster.scheduler.workers
        nannies = [n for n in self.cluster.workers.values() if n.worker_address in known and n.pid]
        return [nanny.pid for nanny in nannies if nanny.pid not in self.killed]


def fitted(client: Client, rows: Any, way: tuple[dict[str, Any], int]) -> list[np.ndarray]:
    """Return Θ of a network that is trained in one of the ways."""
    options, cluster._MAX_GATHERED = way
    return DaskMLPClassifier(client=client, **OPTIONS, **options).fit(*rows).network_.thetas


def main() -> int:
    """Kill workers until they were killed often enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(arguments.seed)
    X, y = make_classification(2000, 10, n_informative=6, n_classes=3, random_state=0)
    rows = [da.from_array(a, chunks=(400, *a.shape[1:])) for a in (X, y)]
    survived = killed = 0
    failures = []
    # Workers are forked from a process that has imported everything, or each would take seconds.
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    get_mp_context().set_forkserver_preload(["distributed", "multilayer.dask"])
    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=":0", silence_logs=60) as workers,
        Client(workers) as client,
    ):
        calm = [fitted(client, rows, way) for way in WAYS]
        for k in itertools.count():
            if killed >= arguments.times or len(failures) == 3:
                break
            killer = Killer(workers, rng, arguments.times - killed)
            killer.start()
            try:
                thetas = fitted(client, rows, WAYS[k % len(WAYS)])
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
            else:
                if all(map(np.array_equal, thetas, calm[k % len(WAYS)])):
                    survived += len(killer.killed)
                else:
                    failures.append("Θ is another one than that of the calm fit")
            finally:
                killer.ended.set()
                killer.join()
            killed += len(killer.killed)
    print(f"kills of a Dask worker: {survived} of {killed} survived", *failures, sep="\n  ")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
