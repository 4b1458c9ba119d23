"""`python -m multilayer` is the command line."""

from multilayer.cli import main

main()
