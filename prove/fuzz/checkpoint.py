"""Any bytes as a checkpoint: a tiny fit goes on from it for an epoch, or refuses it.

It raises ModelFileError or another ValueError and nothing else, and leaves the file as it was.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import multilayer as ml

sys.path.insert(0, str(Path(__file__).parent))  # targets are loaded by their path
from file_mutations import mutate_file, put_together, take_apart

__all__ = ["mutate", "one_input"]

MEMORY = "/dev/shm"
FOLDER = Path(tempfile.mkdtemp(dir=MEMORY if os.path.isdir(MEMORY) else None))
atexit.register(shutil.rmtree, FOLDER)
PATH = FOLDER / "checkpoint"
X = np.linspace(-1, 1, 60).reshape(20, 3) ** 2
Y = np.arange(20) % 2
EPOCHS = 2
SETTINGS = {"hidden_layer_sizes": (2,), "random_state": 0, "batch_size": 4}
FITS = {
    "adam": {"solver": "adam"},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "dropout": 0.5},
    "early": {"solver": "rmsprop", "early_stopping": True},
    "plateau": {"solver": "adam", "learning_rate": "plateau", "restore_best_weights": True},
    "lbfgs": {"solver": "lbfgs"},
}


def fitted(name: str, epochs: int) -> ml.MLPClassifier:
    """Fit for some epochs, with the file as a checkpoint."""
    model = ml.MLPClassifier(max_iter=epochs, **SETTINGS, **FITS[name])
    return model.set_callbacks(ml.Checkpoint(PATH, np.inf)).fit(X, Y)


def seed(name: str) -> bytes:
    """Return the checkpoint of a fit at its end."""
    PATH.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted(name, EPOCHS)
    return PATH.read_bytes()


def key_of(data: bytes) -> str | None:
    """Return what says of which fit a checkpoint is."""
    try:
        return str(take_apart(data)[0]["notes"]["key"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


NAMES = {key_of(seed(name)): name for name in FITS}


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Return another file, most often with the digest and the key that it should have."""
    changed = mutate_file(data, max_size, seed)
    if seed % 8 == 0:
        return changed
    PATH.write_bytes(changed)
    try:
        digest = ml.load(PATH).digest()
        content, arrays = take_apart(changed)
        content["notes"]["digest"] = digest
        if content["notes"].get("key") not in NAMES:  # of other parameters, or an older seed
            content["notes"]["key"] = list(NAMES)[seed % len(NAMES)]
        return put_together(content, arrays)[:max_size]
    except (ValueError, LookupError, TypeError, AttributeError):
        return changed


def one_input(data: bytes) -> None:
    """Go on from it for one epoch."""
    PATH.write_bytes(data)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model = fitted(NAMES.get(key_of(data), "adam"), EPOCHS + 1)
        except ValueError:
            assert PATH.read_bytes() == data
            return
        assert all(theta.shape == (n, m + 1) for theta, m, n in zip(*layers(model), strict=True))
        assert 0 <= model.n_iter_ <= EPOCHS + 1
        assert model.predict(X).shape == (20,)


def layers(model: ml.MLPClassifier) -> tuple[list[np.ndarray], tuple[int, ...], tuple[int, ...]]:
    """Return Θ with the inputs and the units of each layer."""
    sizes = model.network_.sizes
    return model.network_.thetas, sizes[:-1], sizes[1:]
