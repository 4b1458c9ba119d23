"""Small clusters, and arrays in partitions."""

import dask.array as da

QUIET = {"dashboard_address": ":0", "silence_logs": 60}


def parted(X, y, chunks=(300, 1, 402, 300)):
    return tuple(da.from_array(a, chunks=(chunks, *((n,) for n in a.shape[1:]))) for a in (X, y))
