"""A catalogue of the losses, each with an output unit and the cost as it is defined."""

import autograd.numpy as anp
import scipy.special

from multilayer.losses import (
    AbsoluteError,
    Focal,
    Gamma,
    Huber,
    LogLoss,
    Poisson,
    Quantile,
    Softmax,
    SquaredError,
)

GROUPS = Softmax((2, 1, 3))


def naive_softmax(z):
    return anp.exp(z) / anp.sum(anp.exp(z), axis=1, keepdims=True)


def naive_groups(cost):
    return lambda z, y: (
        cost(z[:, :2], y[:, :2]) + cost(z[:, 2:3], y[:, 2:3]) + cost(z[:, 3:], y[:, 3:])
    )


def naive_focal(gamma):
    def of_softmax(z, y):
        h = naive_softmax(z)
        return -anp.sum(y * (1 - h + 1e-300) ** gamma * anp.log(h))

    def of_sigmoids(z, y):
        h = 1 / (1 + anp.exp(-z))
        return -anp.sum(y * (1 - h) ** gamma * anp.log(h) + (1 - y) * h**gamma * anp.log(1 - h))

    return of_softmax, of_sigmoids


def naive_log_loss(z, y):
    return -anp.sum(y * anp.log(naive_softmax(z)))


# Costs are written naively, for autograd, and summed over the examples.
LOSS_CASES = [
    (LogLoss(), "logistic", naive_focal(0)[1]),
    (LogLoss(), "softmax", naive_log_loss),
    (LogLoss(), GROUPS, naive_groups(naive_log_loss)),
    (SquaredError(), "identity", lambda z, y: anp.sum((z - y) ** 2) / 2),
    (AbsoluteError(), "identity", lambda z, y: anp.sum(anp.abs(z - y))),
    *(
        (
            Huber(d),
            "identity",
            lambda z, y, d=d: anp.sum(
                anp.where(anp.abs(z - y) <= d, (z - y) ** 2 / 2, d * (anp.abs(z - y) - d / 2))
            ),
        )
        for d in (0.4, 0.5, 1.0)
    ),
    *(
        (
            Quantile(q),
            "identity",
            lambda z, y, q=q: anp.sum(anp.maximum(q * (y - z), (q - 1) * (y - z))),
        )
        for q in (0.1, 0.5, 0.9, 0.95)
    ),
    (Poisson(), "exp", lambda z, y: anp.sum(scipy.special.xlogy(y, y) - y * z - y + anp.exp(z))),
    (Gamma(), "exp", lambda z, y: anp.sum(y / anp.exp(z) + z - anp.log(y) - 1)),
    *((Focal(g), "logistic", naive_focal(g)[1]) for g in (0.0, 0.5, 1.0, 2.0, 5.0)),
    *((Focal(g), "softmax", naive_focal(g)[0]) for g in (0.0, 0.5, 1.0, 2.0, 5.0)),
    (Focal(1.5), GROUPS, naive_groups(naive_focal(1.5)[0])),
]
