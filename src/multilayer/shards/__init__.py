"""Training on rows in parts that are stored elsewhere: on the workers of a cluster, or in files.

Everything that is computed from them is a sum over the parts, added in float64 in the order of the
parts, so that the result has the same bits wherever the parts are stored. `shards.data` holds what
a part is, `shards.sums` what is computed of one, `shards.engine` the steps, `shards.fitting` the
fit.
"""

from multilayer.shards.data import Facts, Shard, Shards
from multilayer.shards.fitting import fit_shards

__all__ = ["Facts", "Shard", "Shards", "fit_shards"]
