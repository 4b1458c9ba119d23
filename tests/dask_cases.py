"""Small clusters, arrays in partitions, and tasks, which workers import from here."""

import os
import signal

import dask.array as da

QUIET = {"dashboard_address": ":0", "silence_logs": 60}


def parted(X, y, chunks=(300, 1, 402, 300)):
    return tuple(da.from_array(a, chunks=(chunks, *((n,) for n in a.shape[1:]))) for a in (X, y))


def fails_once(path, error):
    if not path.exists():
        path.touch()
        raise error
    return 1


def killing(path, part):
    """Return a part, which kills the first four workers that compute it."""
    if len(kills := list(path.iterdir())) < 4:
        (path / str(len(kills))).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return part
