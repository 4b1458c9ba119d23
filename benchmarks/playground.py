"""The playground: frames per second, and the speed of training with and without a page.

python benchmarks/playground.py [--seconds S]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import time

import numpy as np
from websockets.asyncio.client import connect

from multilayer.playground.data import data_of
from multilayer.playground.server import Server
from multilayer.playground.settings import Settings, changed
from multilayer.playground.training_run import TrainingRun

SETTINGS = {"data": "blobs3", "layers": [8, 8], "rows": 2000, "training_share": 0.5}


def main() -> None:
    """Measure both, alternately."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    seconds = parser.parse_args().seconds
    server = Server(port=0)
    server.start()
    alone, drawn, frames, sizes = [], [], [], []
    for batch_size in (10, 10, 10, 100, 100, 100):
        settings = {**SETTINGS, "batch_size": batch_size}
        alone.append(without_page(settings, seconds))
        per_second, rate, size = asyncio.run(with_page(server, settings, seconds))
        drawn.append(per_second)
        frames.append(rate)
        sizes.append(size)
        print(
            f"2-8-8-3, 1000 rows, batch {batch_size}: {alone[-1]:.0f} epochs/s alone, "
            f"{per_second:.0f} with a page ({per_second / alone[-1]:.0%}), {rate:.1f} frames/s "
            f"of {size / 1000:.0f} kB"
        )
    ratios = np.array(drawn) / alone
    print(f"median: {np.median(ratios):.0%} of the speed, {np.median(frames):.1f} frames/s")
    server.stop()


def without_page(settings: dict, seconds: float) -> float:
    """Return the epochs per second of the same training without a page."""
    chosen = changed(Settings(), settings)
    run = TrainingRun(chosen, data_of(chosen))
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        run.go_on(200)
    return run.epoch / (time.perf_counter() - began)


async def with_page(server: Server, settings: dict, seconds: float) -> tuple[float, float, int]:
    """Return epochs per second and frames per second with a page, and the size of a frame."""
    address = server.address.replace("http", "ws") + "socket"
    origin = server.address.split("/" + server.token)[0]
    async with connect(address, origin=origin, max_size=None) as page:
        await page.send(json.dumps({"do": "set", "settings": settings}))
        await page.send(json.dumps({"do": "play"}))
        frames, began, first = 0, None, 0.0
        while began is None or time.perf_counter() - began < seconds:
            message = await page.recv()
            if isinstance(message, str):
                continue
            length = struct.unpack("<I", message[:4])[0]
            facts = json.loads(message[4 : 4 + length])
            await page.send(json.dumps({"do": "seen", "frame": facts["frame"]}))
            if began is None and facts["playing"]:
                began, first = time.perf_counter(), facts["epoch"]
            frames += began is not None
        taken = time.perf_counter() - began
        return (facts["epoch"] - first) / taken, frames / taken, len(message)


if __name__ == "__main__":
    main()
