"""Waiting for what another thread or process does."""

import time


def wait_for(condition, seconds=10):
    """Wait until a condition holds; fail after so many seconds."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds
        time.sleep(0.01)
