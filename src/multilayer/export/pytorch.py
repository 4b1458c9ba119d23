"""to_torch: a fitted model as a module of PyTorch, with the same outputs, ready to train on."""

from __future__ import annotations

from typing import Any

from multilayer.export.parts import take_apart

__all__ = ["to_torch"]


def to_torch(model: Any) -> Any:
    """Make a fitted model a module of PyTorch.

    Parameters
    ----------
    model : as for `multilayer.export.to_onnx`

    Returns
    -------
    torch.nn.Module
        ``module(x)`` gives for rows x (m, columns), a tensor of the dtype that the model computes
        in, what `predict_proba` of a classifier gives (a tuple of tensors for several class
        targets), `predict` of a regressor, `forward` of a `Network`. A tabular model's rows are
        those of ``model.encoder_.transform(X)``. ``module.members[0].logits(x)`` is z of the last
        layer, for a loss of PyTorch's. What is trained are `parameters()`, copies.

    Raises
    ------
    TypeError
        If the model is of another kind, or computes with functions of one's own.
    NotFittedError
    ImportError
        Without PyTorch.
    """
    taken = take_apart(model)
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ImportError("to_torch needs PyTorch: https://pytorch.org/get-started") from error
    from multilayer.export.modules import Model

    return Model(taken)
