"""The parts of a model as modules of PyTorch; importing this file imports PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from multilayer.activations import LEAK
from multilayer.embedding import Embedding, numbers_of
from multilayer.estimators.targets import ClassTargets
from multilayer.export.parts import Member, ModelParts, RegressionTarget
from multilayer.outputs import Softmax
from multilayer.outputs import parts as groups_of

__all__ = ["Model"]

_UNITS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAK),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "softplus": nn.Softplus,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
}


def _copy(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array))


class Inputs(nn.Module):
    """a⁽¹⁾ = s ⊙ [x, W₂ cos(2π w x + b) + b₂ of each number, E[code] of each category]."""

    offsets: Tensor

    def __init__(self, embedding: Embedding) -> None:
        super().__init__()
        numbers = numbers_of(embedding)
        self.w, self.b = nn.Parameter(_copy(numbers.w)), nn.Parameter(_copy(numbers.b))
        self.W2, self.b2 = nn.Parameter(_copy(numbers.W2)), nn.Parameter(_copy(numbers.b2))
        self.tables = nn.Parameter(_copy(embedding.tables))
        self.scale = nn.Parameter(_copy(embedding.scale))
        self.register_buffer("offsets", torch.tensor(embedding.first_rows[:-1], dtype=torch.long))
        self.n_plain, self.n_numbers = embedding.n_plain, embedding.n_numbers

    def forward(self, x: Tensor) -> Tensor:
        """Compute the inputs (m, s₁) of encoded rows (m, columns)."""
        number = x[:, : self.n_numbers, None].double()
        waves = torch.cos(2 * math.pi * self.w.double() * number + self.b.double()).to(x.dtype)
        features = torch.einsum("mnk,ndk->mnd", waves, self.W2) + self.b2
        rows = self.tables[x[:, self.n_plain :].long() + self.offsets]
        plain = x[:, : self.n_plain]
        return self.scale * torch.cat([plain, features.flatten(1), rows.flatten(1)], dim=1)


class Network(nn.Module):
    """A member: its inputs, its layers, its output unit."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        embedding = member.extra.embedding
        self.inputs = nn.Identity() if embedding is None else Inputs(embedding)
        self.layers = nn.ModuleList()
        for theta in member.thetas:
            layer = nn.Linear(theta.shape[1] - 1, len(theta), dtype=_copy(theta).dtype)
            layer.weight.data, layer.bias.data = _copy(theta[:, 1:]), _copy(theta[:, 0])
            self.layers.append(layer)
        self.units = nn.ModuleList(_UNITS[name]() for name in member.hidden)
        self.mixes = nn.ParameterList(_copy(mix) for mix in member.extra.mixes)
        self.output = member.output

    def logits(self, x: Tensor) -> Tensor:
        """Compute z of the last layer, (m, K)."""
        a = self.inputs(x)
        for k, unit in enumerate(self.units):
            z = self.layers[k](a)
            a = unit(z)
            if len(self.mixes):  # a = z + α (g(z) − z)
                a = z + self.mixes[k] * (a - z)
        z_last: Tensor = self.layers[-1](a)
        return z_last

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs h, (m, K)."""
        z = self.logits(x)
        if isinstance(self.output, Softmax):
            groups = groups_of(self.output, z.shape[1])
            return torch.cat([torch.softmax(z[:, group], dim=1) for group in groups], dim=1)
        if self.output == "softmax":
            return torch.softmax(z, dim=1)
        if self.output == "logistic":
            return torch.sigmoid(z)
        return torch.exp(z) if self.output == "exp" else z


class Model(nn.Module):
    """The members, the mean of their outputs, and the target; see `multilayer.export.to_torch`."""

    def __init__(self, parts: ModelParts) -> None:
        super().__init__()
        self.members = nn.ModuleList(map(Network, parts.members))
        self.temperature, self.target = parts.temperature, parts.target

    def forward(self, x: Tensor) -> Any:
        """Predict probabilities, or numbers."""
        outputs = torch.stack([self._tempered(member(x)) for member in self.members])
        if isinstance(self.target, RegressionTarget):
            return self._numbers(outputs, self.target)
        return self._classes(outputs.mean(dim=0), self.target)

    def _tempered(self, h: Tensor) -> Tensor:
        if self.temperature == 1:
            return h
        log = torch.log(h.clamp_min(torch.finfo(h.dtype).tiny))
        return torch.softmax(log / self.temperature, dim=1)

    def _numbers(self, outputs: Tensor, target: RegressionTarget) -> Tensor:
        h = (outputs if target.plain else outputs.double()).mean(dim=0)
        if not target.plain:
            h = (target.mean + target.scale * h).clamp(target.low, target.high)
        return h[:, 0] if target.flat and h.shape[1] == 1 else h

    def _classes(self, h: Tensor, targets: ClassTargets) -> Any:
        if targets.kind == "multiclass-multioutput":
            return h.split(targets.groups, dim=1)
        if targets.kind == "multilabel-indicator":
            return h
        if h.shape[1] == 1:
            return torch.ones_like(h) if len(targets.classes) == 1 else torch.cat([1 - h, h], dim=1)
        if self.members[0].output != "logistic":
            return h
        total = h.sum(dim=1, keepdim=True)
        return torch.where(total > 0, h / total, torch.full_like(h, 1 / h.shape[1]))
