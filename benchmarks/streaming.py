"""Compare training from files of four times the memory limit with training from memory.

    python benchmarks/streaming.py [--limit 600] [--ulimit]

This writes Parquet files of random rows, with 50 features of float32 and a class, to the folder for
temporary files. Two processes train the same network on them. One reads all rows into memory; the
other calls `fit_files` within a control group of `--limit` megabytes including page cache (as root,
cgroup v1 or v2), or with --ulimit under a limit on the address space. The time of an epoch is half
the difference between fits of three epochs and of one.
"""

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

FEATURES, HIDDEN, BATCH, FILES = 50, (128, 64), 500, 8
GROUP = "multilayer-benchmark"


def write(folder, rows):
    import numpy as np
    import polars as pl

    for k in range(FILES):
        rng = np.random.default_rng(k)
        X = rng.standard_normal((rows // FILES, FEATURES), dtype=np.float32)
        table = pl.DataFrame(X, schema=[f"x{j}" for j in range(FEATURES)])
        y = (X[:, :5].sum(axis=1) > X[:, 5] ** 2).astype(int)
        table.with_columns(pl.Series("y", y)).write_parquet(
            folder / f"{k}.parquet", row_group_size=50_000
        )


def train(folder, way, memory):
    from multilayer import MLPClassifier, TableEncoder
    from multilayer.streaming import fit_files

    warnings.simplefilter("ignore")
    options = {"batch_size": BATCH, "random_state": 0, "tol": 0.0}
    if way == "memory":
        import numpy as np
        import polars as pl

        table = pl.read_parquet(f"{folder}/*.parquet")
        y = table["y"].to_numpy()
        X = TableEncoder().fit_transform(table.drop("y"))
        del table
        X = np.ascontiguousarray(X)
    seconds = []
    for epochs in (1, 3):
        clf = MLPClassifier(HIDDEN, max_iter=epochs, **options)
        began = time.perf_counter()
        if way == "memory":
            clf.fit(X, y)
        else:
            clf = fit_files(clf, f"{folder}/*.parquet", "y", memory=memory, folder=folder)[1]
        seconds.append(time.perf_counter() - began)
    status = Path("/proc/self/status").read_text()
    peak = float(status.split("VmHWM:")[1].split()[0]) / 1e3
    print((seconds[1] - seconds[0]) / 2, seconds[0], peak, clf.loss_)


def confine(limit):
    """Move this process into a control group with a memory limit in bytes."""
    root = Path("/sys/fs/cgroup")
    v2 = (root / "cgroup.controllers").exists()
    group = (root if v2 else root / "memory") / GROUP
    group.mkdir(exist_ok=True)
    (group / ("memory.max" if v2 else "memory.limit_in_bytes")).write_text(str(limit))
    (group / "cgroup.procs").write_text(str(os.getpid()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=600, help="megabytes")
    parser.add_argument("--memory", default=None, help="the argument of fit_files")
    parser.add_argument("--ulimit", action="store_true")
    parser.add_argument("--train", nargs=2, metavar=("FOLDER", "WAY"))
    options = parser.parse_args()
    limit = options.limit * 10**6
    memory = options.memory or f"{options.limit // 6} MB"
    if options.train:
        folder, way = options.train
        if way == "files":
            if options.ulimit:
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            else:
                confine(limit)
        train(folder, way, memory)
        return
    rows = 4 * limit // (4 * FEATURES) // FILES * FILES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rows)
        print(
            f"{rows} rows, {rows * 4 * FEATURES / 1e9:.2f} GB, limit {options.limit} MB", flush=True
        )
        took = {}
        for way in ("memory", "files"):
            command = [sys.executable, __file__, "--train", name, way, "--memory", memory]
            command += ["--limit", str(options.limit)] + ["--ulimit"] * options.ulimit
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            epoch, first, peak, cost = map(float, output.split())
            took[way] = epoch
            print(
                f"  from {way:6}: {epoch:6.2f} s per epoch, {rows / epoch / 1e6:.2f} million "
                f"rows per second; a fit of one epoch {first:.1f} s, peak {peak:.0f} MB, "
                f"cost {cost:.4f}",
                flush=True,
            )
        print(f"  speed from files / from memory: {took['memory'] / took['files']:.2f}")
    for group in (f"/sys/fs/cgroup/memory/{GROUP}", f"/sys/fs/cgroup/{GROUP}"):
        with contextlib.suppress(OSError):
            os.rmdir(group)


if __name__ == "__main__":
    main()
