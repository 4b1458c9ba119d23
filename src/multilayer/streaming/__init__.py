"""Training from files larger than memory, on one machine.

The rows are read twice: to learn what they hold, and to encode them and deal them at random to
blocks on disk. From these the network learns, block by block.
"""

from multilayer.streaming.fitting import fit_files

__all__ = ["fit_files"]
