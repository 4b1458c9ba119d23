"""The base class of estimators on a cluster: each wraps a local estimator."""

from __future__ import annotations

import copy
import inspect
from typing import Any, ClassVar, Self

from distributed import Client
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from multilayer.dask.cluster import check_client

__all__ = ["ClusterEstimator"]


class ClusterEstimator(BaseEstimator):
    """An estimator with the parameters of a local one, and a few additional ones."""

    _local: ClassVar[type[Any]]
    _OWN: ClassVar[dict[str, Any]] = {"client": None, "timeout": 300.0}
    client: Any
    timeout: float

    def __init_subclass__(cls, **names: Any) -> None:
        super().__init_subclass__(**names)
        if "_local" not in vars(cls):
            return
        signature = inspect.signature(cls._local)
        own = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in cls._OWN.items()
        ]
        parameters = [*signature.parameters.values(), *own]
        cls.__signature__ = signature.replace(parameters=parameters)

    def __init__(self, *arguments: Any, **parameters: Any) -> None:
        given = type(self).__signature__.bind(*arguments, **parameters)
        given.apply_defaults()
        for name, value in given.arguments.items():
            setattr(self, name, value)

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return sorted(cls.__signature__.parameters)

    def __sklearn_clone__(self) -> Self:
        parameters = self.get_params(deep=False)
        client = parameters.pop("client")  # cannot be cloned
        copied = {name: clone(value, safe=False) for name, value in parameters.items()}
        return type(self)(**copied, client=client)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "client": None}

    def __sklearn_tags__(self) -> Any:
        return self._local().__sklearn_tags__()

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") and not name.startswith("_") and "estimator_" in vars(self):
            return getattr(self.estimator_, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def to_local(self) -> Any:
        """Return a copy of the fitted local estimator, which needs no cluster."""
        check_is_fitted(self, "estimator_")
        return copy.deepcopy(self.estimator_)

    def _check_cluster(self) -> Client:
        """Return the client; ValueError if there is none, or the timeout is not positive."""
        if not isinstance(self.timeout, int | float) or not self.timeout > 0:
            raise ValueError(f"timeout must be seconds, more than 0, got {self.timeout!r}")
        return check_client(self.client)

    def _own_parameters(self) -> dict[str, Any]:
        """Return the parameters of the local estimator."""
        return {n: v for n, v in self.get_params(deep=False).items() if n not in self._OWN}
