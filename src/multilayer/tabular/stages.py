"""The stages of training: the members; with times, networks that look ahead come before them."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from multilayer.tabular.divergence import without_diverged
from multilayer.tabular.ensemble import Member, TrainingData, train_members
from multilayer.tabular.folds import Fold
from multilayer.tabular.recipe import recipe_of
from multilayer.training.progress import tasks_bar

__all__ = ["StagesMixin"]


class StagesMixin:
    """The training of the members of a tabular estimator."""

    # The part of `time_limit` for what is learned from the out-of-fold outputs.
    _TIME_AFTER: ClassVar[float] = 0.0

    def _train_in_stages(
        self: Any,
        data: TrainingData,
        folds: list[Fold],
        rng: np.random.RandomState,
        m: int,
        n_final: int,
    ) -> tuple[list[Member], list[Member], float | None]:
        """Train the members of an estimator.

        Parameters
        ----------
        data : TrainingData
        folds : list of Fold
        rng : RandomState
        m : int
            The number of training rows.
        n_final : int
            If above 0, the members of the folds only look ahead in time: they determine the number
            of epochs of so many members, which are then trained on all rows.

        Returns
        -------
        members : list of Member
        left_out : list of Member
            Those that know rows which they were not trained on.
        seconds : float or None
            What is left of the time limit; 0 after Ctrl-C.
        """
        limit = np.nan if self.time_limit is None else self.time_limit
        before, after = (1 - self._TIME_AFTER) * limit, self._TIME_AFTER * limit
        ahead = sum(len(fold.training) for fold in folds)
        seconds = np.array([ahead, n_final * m]) / (ahead + n_final * m) * before
        left_out, interrupted = self._train(data, folds, rng, _limit(seconds[0]))
        members = left_out
        if n_final and not interrupted:
            share = np.median([(one.best_epoch + 1) / len(one.costs) for one in left_out])
            everything = [Fold(np.arange(m), np.arange(0))] * n_final
            members, interrupted = self._train(
                data, everything, rng, _limit(seconds[1]), float(share)
            )
        return members, left_out, 0.0 if interrupted else _limit(after)

    def _train(
        self: Any,
        data: TrainingData,
        folds: list[Fold],
        rng: np.random.RandomState,
        seconds: float | None,
        share: float = 1.0,
    ) -> tuple[list[Member], bool]:
        """Train members for a share of all epochs; return whether there was a Ctrl-C, too."""
        recipe = recipe_of(self, len(folds[-1].training))
        n_epochs = max(1, round(share * recipe.max_iter))
        with tasks_bar(self.verbose, len(folds) * n_epochs) as watch:
            members, interrupted = train_members(
                data,
                folds,
                recipe,
                rng.randint(2**31, size=len(folds)).tolist(),
                partial(self._row_losses, data),
                loss=self.scoring and partial(self._validation_loss, data, self.scoring),
                patience=self.n_iter_no_change or np.inf,
                n_epochs=n_epochs,
                seconds=seconds,
                watch=watch,
            )
        if interrupted:
            warnings.warn("Training interrupted by user.", ConvergenceWarning, stacklevel=6)
        return without_diverged(members, recipe.learning_rate), interrupted


def _limit(seconds: float) -> float | None:
    return None if np.isnan(seconds) else float(seconds)
