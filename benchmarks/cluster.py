"""Training on a local Dask cluster: one worker, two workers, and one process without Dask.

    python benchmarks/cluster.py [--rows 2000000]
    python benchmarks/cluster.py --overhead

This needs multilayer[dask]. Each variant computes the cost and its gradient over all rows, for a
network of 50-128-64-1 units in float32. The result is the median of several rounds, in which the
variants alternate. --overhead measures an evaluation of very few rows, for 1 to 8 workers and
networks of several sizes.
"""

import argparse
import time
from itertools import pairwise

import dask.array as da
import numpy as np
from dask import delayed
from distributed import Client, LocalCluster

from multilayer.dask.collections import check_collections
from multilayer.dask.source import Source
from multilayer.engine.interface import Examples, Objective
from multilayer.engine.native import NativeEngine
from multilayer.engine.threads import sharing
from multilayer.estimators.targets import ClassTargets
from multilayer.shards.sums import gradient_sums

HIDDEN, FEATURES, CHUNKS = (128, 64), 50, 8


def block(i, rows):
    rng = np.random.default_rng(i)
    return rng.standard_normal((rows, FEATURES), dtype=np.float32)


def median_of(ways, rounds):
    seconds = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return {name: (float(np.median(took)), min(took)) for name, took in seconds.items()}


def shards_on(client, rows):
    size = rows // CHUNKS
    X = da.concatenate(
        [
            da.from_delayed(
                client_block, shape=(size, FEATURES), dtype=np.float32, meta=np.empty((0, 0), "f4")
            )
            for client_block in (delayed(block)(i, size) for i in range(CHUNKS))
        ]
    )
    y = (X[:, 0] > 0).astype(int)
    source = Source(client, check_collections(X, y, None, True), 600.0)
    targets = ClassTargets.of(np.array([0, 1]))
    shards = source.shards(targets, held_out=False)
    source.release()
    return shards


def overhead(rounds):
    """Print the time of communication, and its fit by a + b W + c P + d W P."""
    measured = []
    for n in (1, 2, 4, 8):
        with cluster(n) as workers, Client(workers, set_as_default=False) as client:
            few = shards_on(client, 8 * CHUNKS)
            for hidden in (16, 700, 8000):
                thetas = drawn((FEATURES, hidden, 1))
                objective = Objective(("relu",), "logistic")
                few.total(gradient_sums, thetas, objective)
                ways = {n: lambda few=few, t=thetas, o=objective: few.total(gradient_sums, t, o)}
                seconds = median_of(ways, 3 * rounds)[n][0]
                size = sum(theta.size for theta in thetas)
                measured.append((n, size, seconds))
                print(f"  {n} worker(s), {size:7} parameters {seconds * 1e3:8.1f} ms", flush=True)
    table = np.array(measured)
    columns = np.stack([np.ones(len(table)), table[:, 0], table[:, 1], table[:, 0] * table[:, 1]])
    weights = 1 / table[:, 2]  # so that short times count as much as long ones
    found = np.linalg.lstsq((columns * weights).T, table[:, 2] * weights, rcond=None)[0]
    print("  seconds = {:.2g} + {:.2g} W + {:.2g} P + {:.2g} W P".format(*found))


def cluster(n):
    return LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=":0")


def drawn(sizes):
    rng = np.random.RandomState(0)
    return [(rng.randn(k, n + 1) / np.sqrt(n)).astype(np.float32) for n, k in pairwise(sizes)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--overhead", action="store_true")
    options = parser.parse_args()
    if options.overhead:
        overhead(options.rounds)
        return
    rows = options.rows // CHUNKS * CHUNKS

    thetas = drawn((FEATURES, *HIDDEN, 1))
    objective = Objective(("relu", "relu"), "logistic")
    X = np.concatenate([block(i, rows // CHUNKS) for i in range(CHUNKS)])
    y = (X[:, 0] > 0).astype(int)

    def evaluate(n_threads):
        def run():
            with sharing(n_threads):
                NativeEngine(thetas, Examples(X, y), objective).cost_and_gradient()

        return run

    with (
        cluster(1) as one,
        cluster(2) as two,
        Client(one, set_as_default=False) as client_1,
        Client(two, set_as_default=False) as client_2,
    ):
        on_1, on_2 = shards_on(client_1, rows), shards_on(client_2, rows)
        few = shards_on(client_2, 8 * CHUNKS)
        ways = {
            "one process, 1 thread": evaluate(1),
            "one process, 2 threads": evaluate(2),
            "1 worker": lambda: on_1.total(gradient_sums, thetas, objective),
            "2 workers": lambda: on_2.total(gradient_sums, thetas, objective),
            "2 workers, 64 rows": lambda: few.total(gradient_sums, thetas, objective),
        }
        for way in ways.values():
            way()
        took = median_of(ways, options.rounds)
    print(f"{rows} rows of {FEATURES} features, {sum(t.size for t in thetas)} parameters, float32")
    for name, (median, best) in took.items():
        print(f"  {name:24} median {median * 1e3:8.1f} ms, best {best * 1e3:8.1f} ms")
    for one, other in (("1 worker", "2 workers"), ("2 workers", "one process, 2 threads")):
        ratios = [a / b for a, b in zip(took[one], took[other], strict=True)]
        print(f"  {one} / {other}: {ratios[0]:.2f} of medians, {ratios[1]:.2f} of best times")


if __name__ == "__main__":
    main()
