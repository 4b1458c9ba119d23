"""TabularEstimator: from a raw table to members and back to predictions."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer_names
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from multilayer.activations import ACTIVATIONS
from multilayer.embedding import Floats
from multilayer.estimators.parameters import hidden_sizes
from multilayer.estimators.reporting import Reportable
from multilayer.tables.encoder import TableEncoder
from multilayer.tables.target import split_rows
from multilayer.tabular.ensemble import Fold, Lesson, Member, deal, train_members
from multilayer.tabular.importance import gradient_importances, permutation_importances
from multilayer.tabular.network import Layout, TabularNetwork
from multilayer.tabular.persistence import SavableTabular
from multilayer.tabular.recipe import Recipe, encoding_for, members_for, recipe_for
from multilayer.training.progress import tasks_bar

__all__ = ["TabularEstimator"]

Array = NDArray[Any]
_AUTO = StrOptions({"auto"})
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


class TabularEstimator(Reportable, SavableTabular, BaseEstimator):
    """What classifier and regressor share; see there."""

    # Rows that two members leave out: an eighth of all, but not more. See members.deal.
    _MOST_SPARE: ClassVar[int] = 0

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_members": [_AUTO, _COUNT],
        "fast": ["boolean"],
        "hidden_layer_sizes": [_AUTO, "array-like", _COUNT],
        "activation": [StrOptions({"auto", *ACTIVATIONS})],
        "learning_rate_init": [_AUTO, _POSITIVE],
        "batch_size": [_AUTO, _COUNT],
        "max_iter": [_AUTO, _COUNT],
        "dropout": [_AUTO, _SHARE],
        "alpha": [_AUTO, _NOT_NEGATIVE],
        "validation_fraction": [_SHARE],
        "n_iter_no_change": [_COUNT, None],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "time_limit": [_POSITIVE, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = self.time_limit is not None
        return tags

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Learn from a table.

        Parameters
        ----------
        X : dataframe (pandas, polars, pyarrow …) or array-like, shape (m, n)
            Numbers, categories, texts, booleans, dates, gaps: as they are.
        y : array-like, shape (m,)
            Classes or numbers, without gaps.
        sample_weight : array-like, shape (m,), optional
            How much each row counts, in training and in choosing the best epoch.
        X_val, y_val : as X and y, optional
            Rows to choose the best epochs by. All members then learn from all rows of X.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a table, target or weight breaks a rule; the message states it.
        TypeError
            If a value is no number, text, boolean, date or gap.
        """
        before = dict(vars(self))
        try:
            self._fit(X, y, sample_weight, X_val, y_val)
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any) -> None:
        rng = check_random_state(self.random_state)
        lesson, folds = self._prepare(X, y, sample_weight, X_val, y_val, rng)
        recipe = self._recipe(len(folds[0].training))
        total = len(folds) * recipe.max_iter
        with tasks_bar(self.verbose, total) as watch:
            members, interrupted = train_members(
                lesson,
                folds,
                recipe,
                rng.randint(2**31, size=len(folds)).tolist(),
                lambda H, rows: self._judge(H, lesson, rows, self.scoring),
                lambda H, rows: self._judge(H, lesson, rows, None),
                patience=self.n_iter_no_change or np.inf,
                seconds=self.time_limit,
                watch=watch,
            )
        if interrupted:
            warnings.warn("Training interrupted by user.", ConvergenceWarning, stacklevel=4)
        self._take(lesson, members)

    def _prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any,
        y_val: Any,
        rng: np.random.RandomState,
    ) -> tuple[Lesson, list[Fold]]:
        """Read and encode a table and its target."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together")
        y = self._read_target(y)
        encoder = TableEncoder(**encoding_for(is_classifier(self))).fit(X)
        self._n_features(encoder)
        encoded = encoder.transform(X)
        if len(encoded) != len(y):
            raise ValueError(f"X has {len(encoded)} rows, but y has {len(y)}")
        weights = self._weights(sample_weight, encoded, y)
        self._learn_target(y, weights)
        own = None
        if X_val is not None:
            own = encoder.transform(X_val), self._read_target(y_val, again=True)
            if len(own[0]) != len(own[1]):
                raise ValueError(f"X_val has {len(own[0])} rows, but y_val has {len(own[1])}")
        self.encoder_ = encoder
        return self._lesson(encoded, y, weights, own, rng)

    def _lesson(
        self,
        encoded: Floats,
        y: Array,
        weights: Array | None,
        own: tuple[Floats, Array] | None,
        rng: np.random.RandomState,
    ) -> tuple[Lesson, list[Fold]]:
        """Put together what is learned, and by which rows."""
        m = len(y)
        n = 1 if self.fast else self.n_members
        n = members_for(m) if _is_auto(n) else int(n)
        if own is not None:
            encoded, y = np.concatenate([encoded, own[0]]), np.concatenate([y, own[1]])
            if weights is not None:
                weights = np.concatenate([weights, np.ones(len(own[1]), weights.dtype)])
            folds = [Fold(np.arange(m), np.arange(m, len(y)))] * n
        elif n > 1 and m >= 2 * n:
            folds = deal(y, n, rng, min(m // 8, self._MOST_SPARE))
        else:  # too few rows for that many folds: each member draws its own
            folds = [Fold(*split_rows(y, self.validation_fraction, rng)) for _ in range(n)]
        layout = Layout(
            self.encoder_.n_numbers_,
            encoded.shape[1] - len(self.encoder_.n_codes_),
            self.encoder_.n_codes_,
        )
        Y, n_outputs, output = self._targets(y)
        return Lesson(encoded, Y, weights, layout, n_outputs, output), folds

    def _recipe(self, rows: int) -> Recipe:
        recipe = recipe_for(is_classifier(self), rows)
        given = {
            "hidden_layer_sizes": self.hidden_layer_sizes,
            "activation": self.activation,
            "learning_rate": self.learning_rate_init,
            "batch_size": self.batch_size,
            "max_iter": self.max_iter,
            "dropout": self.dropout,
            "weight_decay": self.alpha,
        }
        own = {name: value for name, value in given.items() if not _is_auto(value)}
        if "hidden_layer_sizes" in own:
            own["hidden_layer_sizes"] = hidden_sizes(own["hidden_layer_sizes"])
        return replace(recipe, **own)

    def _weights(self, sample_weight: Any, encoded: Floats, y: Array) -> Array | None:
        if sample_weight is None:
            return None
        weights = _check_sample_weight(
            sample_weight, encoded, dtype=np.float64, ensure_non_negative=True
        )
        if not weights.any():
            raise ValueError("sample_weight must not be all zero")
        return np.asarray(weights / weights.mean(), encoded.dtype)

    def _n_features(self, encoder: TableEncoder) -> None:
        self.n_features_in_ = encoder.n_features_in_
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_

    def _take(self, lesson: Lesson, members: list[Member]) -> None:
        """Keep the members, and what each says of the rows of its own fold."""
        self.members_: list[TabularNetwork] = [member.network for member in members]
        self.best_iterations_ = [member.best + 1 for member in members]
        self.n_iter_ = max(len(member.costs) for member in members)
        self.loss_curves_ = [member.costs for member in members]
        self.validation_curves_ = [member.judgements for member in members]
        self._lesson_learned = lesson, [member.fold for member in members]
        if hasattr(self, "_importances"):
            del self._importances
        self._learn_from_left_out(lesson, members)

    @property
    def feature_importances_(self) -> Array:
        """How much worse predictions get when a column is shuffled, (n_features_in_,).

        On rows that the members did not learn from, by what chose their best epochs: the share of
        wrong classes, the root mean squared error of the standardised target, or minus the score
        of `scoring`. Computed when first asked for; a model file does not hold the rows for it.
        """
        check_is_fitted(self, "members_")
        if not hasattr(self, "_importances"):
            if not hasattr(self, "_lesson_learned"):
                raise AttributeError(
                    "feature_importances_ needs the rows of fit, which a model file does not hold"
                )
            lesson, folds = self._lesson_learned
            members = [
                (network, lesson.X[fold.validation], self._judge_of(lesson, fold.validation))
                for network, fold in zip(self.members_, folds, strict=True)
                if len(fold.validation)
            ]
            if not members:
                raise AttributeError(
                    "feature_importances_ needs rows that were left out of training"
                )
            self._importances = permutation_importances(
                members,
                self.encoder_.feature_columns_,
                self.n_features_in_,
                np.random.RandomState(0),
            )
        return self._importances

    def gradient_importances(self, X: Any) -> Array:
        """How much, to first order, outputs change when a column gets its mean.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
            The rows to look at.

        Returns
        -------
        ndarray, shape (n_features_in_,)
            Of z of the most probable class, or of the standardised target: means over the rows of
            |Σ ∂z/∂u (u − ū)|, u being the inputs that a column gives.
        """
        check_is_fitted(self, "members_")
        encoded = self.encoder_.transform(X)
        H = np.mean([network.forward(encoded) for network in self.members_], axis=0)
        columns = self.encoder_.feature_columns_
        units = H.argmax(axis=1)
        return gradient_importances(self.members_, encoded, units, columns, self.n_features_in_)

    def _judge_of(self, lesson: Lesson, rows: Array) -> Callable[[Floats], float]:
        return lambda H: self._judge(H, lesson, rows, self.scoring)

    def summary(self: Any) -> Any:
        """Say what is done to each column; see `TableEncoder.summary`."""
        check_is_fitted(self, "members_")
        return self.encoder_.summary()

    @abstractmethod
    def _read_target(self, y: Any, again: bool = False) -> Array:
        """Check y; `again`: the validation set's, when the training set's is known."""

    @abstractmethod
    def _learn_target(self, y: Array, weights: Array | None) -> None:
        """Learn from what was read of the training set's target what predictions need."""

    @abstractmethod
    def _targets(self, y: Array) -> tuple[Array, int, str]:
        """What the network is to say of y (m,), how many units say it, and the output unit."""

    @abstractmethod
    def _judge(self, H: Floats, lesson: Lesson, rows: Array, scoring: Any) -> float:
        """What is to be small of the outputs for some rows; by scoring None, the house's own."""

    @abstractmethod
    def _learn_from_left_out(self, lesson: Lesson, members: list[Member]) -> None:
        """Learn from what members say of rows that they never learned from."""

    def _outputs(self, X: Any) -> list[Floats]:
        """What each member says of each row, (m, K)."""
        check_is_fitted(self, "members_")
        encoded = self.encoder_.transform(X)
        return [network.forward(encoded) for network in self.members_]
