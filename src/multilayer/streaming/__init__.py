"""Training from files larger than memory, on one machine.

The rows are read twice: to learn the statistics of the columns, and to encode the rows and
distribute them at random over blocks on disk. The network is trained on these, block by block.
"""

from multilayer.extras import require

try:
    from multilayer.streaming.fitting import fit_files
except ModuleNotFoundError:
    require("multilayer.streaming", "cli")
    raise

__all__ = ["fit_files"]
