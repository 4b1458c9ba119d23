"""Training from files larger than memory, on one machine.

The rows are read twice: to learn what they hold, and to encode them and deal them at random to
blocks on disk. From these the network learns, block by block.
"""

from multilayer.extras import require

try:
    from multilayer.streaming.fitting import fit_files
except ModuleNotFoundError:
    require("multilayer.streaming", "cli")
    raise

__all__ = ["fit_files"]
