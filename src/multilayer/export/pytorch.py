"""to_torch: a fitted model as a module of PyTorch, which can be trained further."""

from __future__ import annotations

from typing import Any

from multilayer.export.parts import take_apart

__all__ = ["to_torch"]


def to_torch(model: Any) -> Any:
    """Export a fitted model to a module of PyTorch.

    Parameters
    ----------
    model : as for `multilayer.export.to_onnx`

    Returns
    -------
    torch.nn.Module
        For rows x (m, columns), a tensor of the dtype that the model computes in, ``module(x)``
        returns what `predict_proba` of a classifier returns (a tuple of tensors for several class
        targets), `predict` of a regressor, or `forward` of a `Network`. The rows of a tabular model
        are those of ``model.encoder_.transform(X)``. ``module.members[0].logits(x)`` is z of the
        last layer, for a loss of PyTorch. The parameters are copies.

    Raises
    ------
    TypeError
        If the model is of another kind, or has activation functions defined by the user.
    ValueError
        If a weight is NaN or infinite.
    NotFittedError
    ImportError
        If PyTorch is not installed.
    """
    parts = take_apart(model)
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ImportError("to_torch needs PyTorch: https://pytorch.org/get-started") from error
    from multilayer.export.modules import Model

    return Model(parts)
