"""The model card: what the model is, what it was evaluated on, and what it is for."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils._pprint import _changed_params

from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Blank, Listing, Section, plain
from multilayer.report.table import Table

__all__ = ["card", "hash_of_data", "today"]

PACKAGES = ("multilayer", "numpy", "scipy", "scikit-learn", "matplotlib", "jinja2")
BLANKS = (
    Blank("Intended use", "Which decisions the model supports, and who makes them."),
    Blank("Uses to avoid", "For which rows or decisions the model must not be used."),
    Blank("Data", "Where the table comes from, when it was collected, and its licence."),
    Blank("Limitations", "What the scores above do not show; people who could be harmed."),
    Blank("Contact", "Who is responsible for the model, and until when it is valid."),
)


def card(evaluation: Evaluation, model_path: str | None) -> Section:
    """List the facts about a model, with fields for those that only its owner knows."""
    network = evaluation.network
    seed = network.random_state
    if isinstance(seed, np.random.RandomState):
        seed = "a generator"
    facts = [
        ("model", type(network).__name__),
        ("date of this report", today()),
        ("target", plain(evaluation.target)),
        ("evaluated on", f"{len(evaluation.rows)} of {len(evaluation.table)} rows"),
        ("columns", str(len(evaluation.table.names))),
        ("SHA-256 of the data", hash_of_data(evaluation.table, evaluation.truth)),
    ]
    if model_path is not None:
        facts.append(("model file", plain(model_path, 80)))
        if Path(model_path).is_file():
            with Path(model_path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            facts.append(("SHA-256 of the model file", digest))
    settings = [("random seed", plain(seed))]
    settings += [
        (name, plain(repr(value), 80))
        for name, value in sorted(_changed_params(network).items())
        if name != "random_state" and not callable(value)
    ]
    made = [("Python", platform.python_version())]
    made += [(package, version(package)) for package in PACKAGES]
    return Section(
        "card",
        "Model card",
        "The settings are those that differ from the defaults. Fill in the fields below and save "
        "the page: only the owner of the model knows what belongs there.",
        [
            Listing(("fact", "value"), facts),
            Listing(("setting", "value"), settings),
            Listing(("package", "version"), made),
        ],
        wide=True,
        blanks=BLANKS,
    )


def today() -> str:
    """Return the date (UTC), or that of SOURCE_DATE_EPOCH where builds must be reproducible."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = (
        dt.datetime.now(dt.UTC) if epoch is None else dt.datetime.fromtimestamp(int(epoch), dt.UTC)
    )
    return moment.date().isoformat()


def hash_of_data(table: Table, truth: Any) -> str:
    """Compute the SHA-256 of a table and its target: the same for any library of dataframes.

    Of each column its name and kind, then its values: numbers and dates as float64 in
    little-endian order, all else as UTF-8 texts that are each followed by a zero byte (a missing
    one by two). At last the target, as numbers or indices of classes.
    """
    digest = hashlib.sha256()
    for j, name in enumerate(table.names):
        digest.update(f"{name}\0{table.kinds[j]}\0".encode("utf-8", "surrogatepass"))
        values = table.values(j)
        if table.kinds[j] in ("number", "date"):
            digest.update(np.ascontiguousarray(values, "<f8").tobytes())
        else:
            texts = "".join("\0\0" if value is None else f"{value}\0" for value in values)
            digest.update(texts.encode("utf-8", "surrogatepass"))
    digest.update(np.ascontiguousarray(truth, "<f8").tobytes())
    return digest.hexdigest()
