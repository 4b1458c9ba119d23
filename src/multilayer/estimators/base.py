"""BaseMLP: the methods that the two estimators share."""

from __future__ import annotations

import inspect
from functools import cache, partial
from typing import Any, ClassVar, Self

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.metaestimators import available_if

from multilayer.engine.arrays import Place, is_foreign, to_numpy
from multilayer.estimators.attributes import thetas_given
from multilayer.estimators.fitting import Fit, conduct, open_checkpoints, read, rollback
from multilayer.estimators.held_out import hold_out
from multilayer.estimators.inputs import Rows, check_inputs
from multilayer.estimators.parameters import CONSTRAINTS, check_combination
from multilayer.estimators.persistence import SavableEstimator
from multilayer.estimators.reporting import Reportable
from multilayer.estimators.targets import Targets
from multilayer.network import Floats

__all__ = ["BaseMLP", "in_steps"]


def _learns_in_steps(estimator: Any) -> bool:
    if isinstance(estimator.solver, str) and estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
        )
    return True


in_steps = available_if(_learns_in_steps)  # methods that are not available with "lbfgs"


class BaseMLP(CallbackSupportMixin, Reportable, SavableEstimator, BaseEstimator):
    """A network that is trained by `fit`; the targets of the subclasses define the meaning of y."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS
    targets_: Targets

    def _keep(self, parameters: dict[str, Any]) -> None:
        """Set the attributes of `__init__`, whose locals are given."""
        for name in self._get_param_names():
            setattr(self, name, parameters[name])

    @classmethod
    @cache  # scikit-learn reads the signature again for each estimator and each fit
    def _defaults(cls) -> dict[str, Any]:
        """Return the names of the parameters, sorted, with their defaults."""
        signature = inspect.signature(cls.__init__).parameters
        return {name: signature[name].default for name in super()._get_param_names()}

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return list(cls._defaults())

    def _validate_params(self) -> None:
        values = {name: getattr(self, name) for name in self._defaults()}
        given = {n: value for n, value in values.items() if value is not self._defaults()[n]}
        validate_parameter_constraints(self._parameter_constraints, given, type(self).__name__)

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network on X and y.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
            float32 is trained in float32, everything else in float64. Sparse rows stay sparse.
        y : array-like, shape (m,) or (m, n_outputs)
            For a classifier, labels, or 0 and 1 for each of several labels, or a column of labels
            for each target. For a regressor, numbers.
        sample_weight : array-like, shape (m,), optional
            The weight of each row, at least 0.
        X_val, y_val, sample_weight_val : array-like, optional
            Validation rows, which are scored after each epoch and used by `early_stopping`. In a
            pipeline, `transform_input=["X_val"]` passes them through the previous steps.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X or y is empty, not finite or has the wrong shape, or if a parameter is out of its
            range.
        """
        held_out = Rows(X_val, y_val, sample_weight_val)
        return self._fit_rows(Rows(X, y, sample_weight), held_out)

    def _fit_rows(
        self, rows: Rows, held_out: Rows, classes: Any = None, incremental: bool = False
    ) -> Self:
        """Train; if this fails, leave the estimator as it was before."""

        def prepare() -> Fit:
            check_combination(self)
            if (held_out.X is None) != (held_out.y is None):
                raise ValueError("X_val and y_val go together: give both or neither")
            if incremental and self.early_stopping and held_out.X is None:
                raise ValueError(
                    "partial_fit does not support early_stopping=True without X_val and y_val: "
                    "the rows of one call may differ from those of the next"
                )
            begun = "network_" in vars(self) or thetas_given(self) is not None
            first = not (begun and (self.warm_start or incremental))
            targets, examples = read(
                self, rows, first=first, incremental=incremental, classes=classes
            )
            return Fit(
                self,
                targets,
                examples,
                rng=open_checkpoints(self),
                first=first,
                incremental=incremental,
                divide=partial(hold_out, given=held_out),
            )

        conduct(self, prepare)
        return self

    def initialize(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Draw Θ for X and y without training.

        Parameters
        ----------
        X, y : array-like
            As for `fit`: they determine the numbers and kinds of inputs and outputs; nothing is
            learned from them.

        Returns
        -------
        self
            The estimator, which can make (poor) predictions. `partial_fit`, or `fit` with
            `warm_start=True`, continues from it.
        """
        with rollback(self):
            Fit(self, *read(self, Rows(X, y)))
        return self

    def _forward(self, X: ArrayLike) -> Floats:
        X = self._checked(X)
        return to_numpy(self.network_.forward(X))

    def _checked(self, X: Any) -> Any:
        """Return X as the network takes it."""
        return check_inputs(self, X)

    def _at_home(self, X: Any, result: NDArray[Any]) -> Any:
        """Return results in the library of X, on its device."""
        return Place(X).take_in(result) if is_foreign(X) else result

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        # Units that add up to 1 cannot tell several labels of a row.
        tags.target_tags.multi_output = getattr(self, "output_activation", None) != "softmax"
        return tags
