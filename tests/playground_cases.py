"""Small training runs of the playground, its frames as the page reads them, its Python code run."""

import json
import struct

import numpy as np

from multilayer.playground.data import data_of
from multilayer.playground.settings import Settings, changed
from multilayer.playground.training_run import TrainingRun

SMALL = {"rows": 60, "layers": [4], "batch_size": 8}


def settings(**changes):
    return changed(Settings(), SMALL | changes)


def run_of(**changes):
    chosen = settings(**changes)
    return TrainingRun(chosen, data_of(chosen))


def picture(session):
    """Read a frame as the page does."""
    frame = session.frame()
    assert frame is not None
    length = struct.unpack("<I", frame[:4])[0]
    facts = json.loads(frame[4 : 4 + length])
    at, arrays = 4 + length + -(4 + length) % 4, {}
    for one in facts["arrays"]:
        dtype, count = np.dtype("<f4" if one["type"] == "f4" else "u1"), int(np.prod(one["shape"]))
        arrays[one["name"]] = np.frombuffer(frame, dtype, count, at).reshape(one["shape"])
        at += -(-count * dtype.itemsize // 4) * 4
    assert at == len(frame)
    session.handle({"do": "seen", "frame": facts["frame"]})
    return facts, arrays


def repeated(code):
    names = {}
    exec(code, names)
    return names["model"]
