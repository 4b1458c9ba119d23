"""Rows in parts that lie elsewhere, on the workers of a cluster or in files: training goes there.

Whatever is computed of them is a sum over the parts, added up in float64 in the order of the parts:
the result has the same bits wherever the parts lie. `shards.data` holds what a part
is, `shards.sums` what is computed of one, `shards.engine` the steps, `shards.fitting` the fit.
"""

from multilayer.shards.data import Facts, Shard, Shards
from multilayer.shards.fitting import fit_shards

__all__ = ["Facts", "Shard", "Shards", "fit_shards"]
