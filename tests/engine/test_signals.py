"""Training reacts to Ctrl-C and to other signals."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest
from cases import train
from network_cases import Case

from multilayer.optimizers import GradientDescent


def wide(n):
    """One long native call: a network so wide that a step takes its time."""
    rng = np.random.default_rng(0)
    thetas = [
        rng.normal(0, 0.01, shape).astype(np.float32)
        for shape in [(n, n + 1), (n, n + 1), (2, n + 1)]
    ]
    return thetas, rng.normal(size=(2000, n)).astype(np.float32), np.zeros(2000, int)


@pytest.mark.parametrize("batch_size", [32, None])
def test_interrupt_comes_through_soon(batch_size):
    """Ctrl-C, and how long training goes on after it: 0.2 s is promised, a busy machine gets 1."""
    thetas, X, y = wide(500)
    sent = []

    def press():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, press)
    timer.start()
    report = train(
        thetas,
        X,
        y,
        ("relu", "tanh"),
        "softmax",
        GradientDescent(1e-6),
        [],
        batch_size=batch_size,
        epochs=10**9,
    )
    late = time.perf_counter() - sent[0]
    timer.join()
    assert report.status == "interrupted"
    assert late < 1, late


def test_interrupt():
    case = Case((50, 100, 100, 3), 5000)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    report = case.train(
        GradientDescent(1e-6),
        [],
        batch_size=100,
        epochs=10**9,
    )
    timer.join()
    assert report.status == "interrupted"
    assert report.steps // 50 == len(report.costs)


def test_other_signals_pass():
    class Alarm(Exception):
        pass

    def ring(number, frame):
        raise Alarm

    case = Case((50, 100, 100, 3), 5000)
    before = signal.signal(signal.SIGUSR1, ring)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        with pytest.raises(Alarm):
            case.train(
                GradientDescent(1e-6),
                [],
                epochs=10**9,
            )
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
