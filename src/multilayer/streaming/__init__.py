"""Training from files larger than memory, on one machine.

The rows are read twice: to learn the statistics of the columns, and to encode the rows and
distribute them at random over blocks on disk. The network is trained on these, block by block.
"""

from multilayer.streaming.fitting import fit_files

__all__ = ["fit_files"]
