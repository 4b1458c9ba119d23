"""Mutations of model files that keep their frame: header, JSON and arrays still fit together.

Bytes that are flipped at random seldom get past the first check. Here the JSON and the arrays are
taken out of the file, changed, and put together again.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

SIZES = {"F64": 8, "F32": 4, "F16": 2, "I64": 8, "I32": 4, "U32": 4, "U8": 1, "BOOL": 1}
NUMBERS = [0, 1, -1, 2, 3, 7, 624, 625, 10**8, -(10**6), 2**31, 2**53, 2**63, 2**64, 10**400]
NUMBERS += [0.0, 0.5, -0.0, 1e-308, 1e308, float("nan"), float("inf"), -float("inf")]
TEXTS = ["", "x", "softmax", "logistic", "identity", "relu", "codes", "binary", "<U100000000", "|O"]
TEXTS += ["\0", "\ud800", "10000000i4", "MT19937", "converged", "running", "State", "Pipeline"]
OTHERS = [None, True, False, [], {}, [[]], [0], [10**9], ["a", "a"], {"a": 1}]
BITS = [b"\0", b"\xff", b"\0\0\xf8\x7f", b"\0\0\x80\x7f", b"\1\0\0\0\0\0\0\0", b"\xff\xff\xff\x7f"]

Arrays = dict[str, tuple[str, list[int], bytes]]


def take_apart(data: bytes) -> tuple[Any, Arrays]:
    """Return the JSON of a model file, and dtype, shape and bytes of each array.

    Raises ValueError if the data are no such file, whatever is wrong with them.
    """
    length = int.from_bytes(data[:8], "little")
    try:
        header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
        content = json.loads(header.pop("__metadata__")["multilayer"])
        arrays = {}
        for name, entry in header.items():
            start, end = entry["data_offsets"]
            arrays[name] = entry["dtype"], list(entry["shape"]), body[start:end]
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(error) from None
    return content, arrays


def put_together(content: Any, arrays: Arrays) -> bytes:
    """Return the model file of these parts."""
    header: dict[str, Any] = {"__metadata__": {"multilayer": json.dumps(content)}}
    body = b""
    for name, (dtype, shape, values) in arrays.items():
        offsets = [len(body), len(body) + len(values)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        body += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def mutate_file(data: bytes, max_size: int, seed: int) -> bytes:
    """Return another file, most often one that differs in a field or an array."""
    rng = random.Random(seed)
    try:
        if rng.random() < 0.1:
            raise ValueError
        content, arrays = take_apart(data)
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            if arrays and rng.random() < 0.3:
                change_array(arrays, rng)
            else:
                change_json(content, rng)
        changed = put_together(content, arrays)
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError):
        changed = change_bytes(data, rng)
    return changed[:max_size]


def change_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip, insert or cut bytes."""
    changed = bytearray(data or b"\0")
    at = rng.randrange(len(changed))
    kind = rng.randrange(3)
    if kind == 0:
        changed[at] = rng.randrange(256)
    elif kind == 1:
        changed[at:at] = rng.randbytes(rng.randrange(1, 9))
    else:
        del changed[at : at + rng.randrange(1, 40)]
    return bytes(changed)


def places(node: Any) -> list[tuple[Any, Any]]:
    """Return every place in JSON: what holds it, and the key or index there."""
    found, waiting = [], [node]
    while waiting:
        inside = waiting.pop()
        if isinstance(inside, dict):
            keys: list[Any] = list(inside)
        elif isinstance(inside, list):
            keys = list(range(len(inside)))[:50]  # not all the numbers of a long curve
        else:
            continue
        found += [(inside, key) for key in keys]
        waiting += [inside[key] for key in keys]
    return found


def change_json(content: Any, rng: random.Random) -> None:
    """Change one place of the JSON."""
    where = places(content)
    inside, key = rng.choice(where)
    value, kind = inside[key], rng.randrange(10)
    if kind == 0:
        del inside[key]
    elif kind == 1:
        inside[key] = copy.deepcopy(rng.choice(where)[0])  # a part of the file in another place
    elif kind == 2 and isinstance(inside, dict):
        inside[rng.choice(TEXTS)] = inside.pop(key)
    elif kind == 3 and isinstance(inside, list):
        inside.insert(rng.randrange(len(inside) + 1), value)
    elif kind == 4 and isinstance(value, list):
        rng.shuffle(value)
    elif kind in (5, 6) and type(value) in (int, float):
        inside[key] = rng.choice(
            [value + 1, value - 1, -value, value * 2, float(value), str(value)]
        )
    elif kind in (5, 6) and isinstance(value, str):
        inside[key] = rng.choice([*TEXTS, value + "x", value[:-1], [value]])
    else:
        inside[key] = copy.deepcopy(rng.choice([*NUMBERS, *TEXTS, *OTHERS]))


def change_array(arrays: Arrays, rng: random.Random) -> None:
    """Change one array: its name, dtype, shape or numbers."""
    name = rng.choice(list(arrays))
    dtype, shape, values = arrays[name]
    size, kind = SIZES.get(dtype, 1), rng.randrange(8)
    if kind == 0:
        del arrays[name]
    elif kind == 1:
        arrays[rng.choice(list(arrays))] = arrays[name]
    elif kind == 2:
        arrays[name] = dtype, shape[::-1], values
    elif kind == 3:
        shape = rng.choice([[1, *shape], [*shape, 1], [0, 10**12], [len(values) // size]])
        whole = size
        for n in shape:
            whole *= n
        arrays[name] = dtype, shape, (values + bytes(whole))[:whole] if whole < 10**6 else b""
    elif kind == 4:
        other = rng.choice([d for d in SIZES if len(values) % SIZES[d] == 0])
        arrays[name] = other, [len(values) // SIZES[other]], values
    elif kind == 5 and shape:
        rows = rng.choice([max(shape[0] - 1, 0), shape[0] + 1, 0])
        whole = len(values) // max(shape[0], 1) * rows
        arrays[name] = dtype, [rows, *shape[1:]], (values + values + bytes(whole))[:whole]
    elif values:
        changed = bytearray(values)
        for _ in range(rng.choice([1, 1, 3])):
            at = rng.randrange(len(changed) // size) * size
            bits = rng.choice([*BITS, rng.randbytes(size)]) * size
            changed[at : at + size] = bits[:size]
        arrays[name] = dtype, shape, bytes(changed)
