"""A training that writes checkpoints, for tests that kill the process that it runs in."""

import warnings

import numpy as np
from sklearn.datasets import make_moons

from multilayer import Checkpoint, MLPClassifier


def train_with_checkpoints(path, solver, result=None):
    """Train, going on from the checkpoint; return the parameters and costs, and save them."""
    warnings.simplefilter("ignore")  # the last epoch is not convergence, and need not be
    X, y = make_moons(n_samples=2000, noise=0.2, random_state=0)
    options = {"max_iter": 150, "n_iter_no_change": 1000, "tol": 0, "random_state": 0}
    clf = MLPClassifier((30, 30), solver=solver, **options)
    if path is not None:
        clf.set_callbacks(Checkpoint(path, interval=0))
    clf.fit(X, y)
    learned = np.concatenate([t.ravel() for t in clf.network_.thetas] + [clf.loss_curve_])
    if result is not None:
        np.save(result, learned)
    return learned


class Stop:
    """Ends a fit as a crash would: between two epochs, without a word."""

    class Crash(BaseException):
        pass

    def __init__(self, after):
        self.after, self.seen = after, 0

    def setup(self, estimator, context):
        self.seen = 0

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.seen += 1
        if self.seen == self.after:
            raise self.Crash

    def teardown(self, estimator, context):
        pass
