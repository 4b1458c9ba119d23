"""The options of `multilayer fit`, and which of them go together."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multilayer.cli.class_options import check_metric, parse_class_weight
from multilayer.cli.data import Data
from multilayer.cli.deliver import Outputs, model_path
from multilayer.cli.estimators import VALIDATION_SHARE
from multilayer.cli.figures import check_figures, check_report
from multilayer.cli.options import one_target, parse_layers
from multilayer.cli.output_files import check_folder, check_outputs
from multilayer.reading.table import ReadOptions

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The options of `multilayer fit`, a field for each; None stands for one that is not given."""

    table: str
    target: list[str] | None
    layers: str | None
    task: str
    validation: float | None
    output: Path | None
    plot: Path | None
    report: Path | None
    members: int | None
    fast: bool
    time_limit: float | None
    activation: str | None
    solver: str | None
    max_iter: int | None
    patience: int | None
    learning_rate: float | None
    alpha: float | None
    batch_size: int | None
    class_weight: str | None
    groups: str | None
    time: str | None
    metric: str | None
    seed: int
    memory: str | None
    dask: str | None
    quiet: bool
    read: ReadOptions

    @property
    def only_target(self) -> str | None:
        """The target, if it was given; ValueError if there are several."""
        return one_target(self.target, "a plain network, as for files that are read in parts,")

    @property
    def several_targets(self) -> bool:
        """Whether several targets were given."""
        return len(self.target or []) > 1

    @property
    def plain(self) -> bool:
        """Whether a plain network was asked for, in place of the tabular model."""
        return self.layers is not None or self.solver is not None

    @property
    def large(self) -> bool:
        """Whether the table is read in parts: several files, or one by an option."""
        pattern = glob.has_magic(self.table) and not Path(self.table).exists()
        return pattern or self.memory is not None or self.dask is not None

    @property
    def validation_share(self) -> float:
        """The share of the rows to hold out."""
        default = VALIDATION_SHARE if self.plain or self.large else 0.0
        return default if self.validation is None else self.validation

    @property
    def outputs(self) -> Outputs:
        """The files to write."""
        return Outputs(
            model_path(self.output, self.table), self.plot, self.report, quiet=self.quiet
        )

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of an estimator that were given, of the plain or the tabular one."""
        parameters = {
            "activation": self.activation,
            "max_iter": self.max_iter,
            "n_iter_no_change": self.patience,
            "learning_rate_init": self.learning_rate,
            "alpha": self.alpha,
            "batch_size": self.batch_size,
            "scoring": self.metric,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def weights_of_classes(self, data: Data) -> dict[str, Any]:
        """Return the parameter of an estimator that weights the classes, if it was given.

        Raises
        ------
        ValueError
            If the target is numbers, or a class that is named is not among its classes.
        """
        if self.class_weight is None:
            return {}
        if not data.classes:
            raise ValueError(f"--class-weight is for classes, but {data.target!r} is numbers")
        return {"class_weight": parse_class_weight(self.class_weight, np.unique(data.y))}

    def hidden_layer_sizes(self) -> tuple[int, ...]:
        """Read the units of each hidden layer of a plain network; ValueError if they are wrong."""
        return parse_layers(self.layers or "64,64")

    @property
    def network_parameters(self) -> dict[str, Any]:
        """The parameters of a plain network."""
        return {
            "hidden_layer_sizes": self.hidden_layer_sizes(),
            "solver": self.solver or "adam",
            "random_state": self.seed,
            **self.given,
        }

    def check(self) -> None:
        """Check that the options go together and that the files can be written.

        Raises
        ------
        ValueError, OSError
            If they do not, before anything is read.
        """
        if self.plain and (self.members is not None or self.fast or self.time_limit is not None):
            raise ValueError(
                "--members, --fast and --time-limit are for the tabular model and cannot be "
                "combined with --layers or --solver"
            )
        if self.fast and self.members is not None:
            raise ValueError(
                f"--fast trains one network and cannot be combined with --members {self.members}"
            )
        if self.plain or self.large:
            _ = self.only_target
        self.hidden_layer_sizes()
        check_metric(self.metric)
        self._check_files()
        if self.large:
            self._check_large()

    def _check_files(self) -> None:
        path = self.outputs.model
        check_folder(path.parent)
        if path.is_dir():
            raise ValueError(f"--output must be a file, but {path} is a folder")
        if self.plot is not None:
            check_figures(self.plot)
        if self.report is not None:
            check_report(self.report)
        check_outputs(self.outputs.files, [self.table])

    def _check_large(self) -> None:
        refused = {
            "--members": self.members,
            "--fast": self.fast,
            "--time-limit": self.time_limit,
            "--plot": self.plot,
            "--report": self.report,
            "--sheet": self.read.sheet is not None,
            "--class-weight": self.class_weight,
            "--groups": self.groups,
            "--time": self.time,
            "--metric": self.metric,
        }
        names = [name for name, value in refused.items() if value]
        if names:
            raise ValueError(
                f"files that are read in parts cannot be combined with {', '.join(names)}"
            )
        if self.memory is not None and self.dask is not None:
            raise ValueError("--memory is for this machine and cannot be combined with --dask")
