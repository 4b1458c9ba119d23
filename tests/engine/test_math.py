"""The functions of native/math.hpp against their exact values, over the whole range.

The reference for float64 is mpmath; for float32 it is NumPy in float64, whose own error is a
billionth of the bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import mpmath
import numpy as np
import pytest
import scipy.special
from cases import apply_native, instruction_set

pytestmark = pytest.mark.usefixtures("isa")

# Units in the last place of the true value.
BOUND = {"float32": 4.0, "float64": 2.0}


class Function(NamedTuple):
    """A function, twice, and where it is used: outside of that it need not be right."""

    exact: Callable
    numpy: Callable
    least: float = -np.inf
    most: float = np.inf


def exact_softplus(x):
    return max(x, 0) + mpmath.log1p(mpmath.exp(-abs(x)))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


FUNCTIONS = {
    "exp": Function(mpmath.exp, np.exp),
    "expm1": Function(mpmath.expm1, np.expm1, most=60),
    "log": Function(mpmath.log, np.log, least=0),
    "log1p": Function(mpmath.log1p, np.log1p, least=0, most=1),
    "tanh": Function(mpmath.tanh, np.tanh),
    "logistic": Function(lambda x: 1 / (1 + mpmath.exp(-x)), scipy.special.expit),
    "erf": Function(mpmath.erf, scipy.special.erf),
    "softplus": Function(exact_softplus, softplus),
}


def apply(name, x):
    y = np.empty_like(x)
    apply_native(name, x, y)
    return y


def units_off(got, wanted, low=0.0):
    """How far `got` is from `wanted` + `low` in units in the last place of the true value."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rounded = wanted.astype(got.dtype)
        units = np.spacing(np.abs(rounded)).astype(np.float64)
        errors = np.abs(got - wanted - low) / units
    # ±inf and NaN must be themselves.
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    return np.where(np.isfinite(rounded) & np.isfinite(got), errors, np.where(same, 0, np.inf))


def exactly(function, x):
    """Values of mpmath as pairs of float64, whose sum has more than 100 bits; NaN outside."""
    high, low = np.full(x.shape, np.nan), np.zeros(x.shape)
    with mpmath.workprec(160):
        for i, number in enumerate(x.tolist()):
            if np.isnan(number) or number < function.least:
                continue
            if number == 0 and function.exact is mpmath.log:
                high[i] = -np.inf
                continue
            if number < -1e4 and function.exact is not mpmath.erf:
                # mpmath would write 10³⁰⁰ digits of what is 0, or −1, in float64.
                number = -1e4
            if number > 1e4 and function.exact in (mpmath.exp, mpmath.tanh):
                number = 1e4
            value = function.exact(mpmath.mpf(number))
            high[i] = float(value)
            if np.isfinite(high[i]):
                low[i] = float(value - mpmath.mpf(high[i]))
    return high, low


def edges(dtype):
    """Zeros, infinities, NaN, subnormals, every binade, and where the formulas change over."""
    finfo = np.finfo(dtype)
    binades = 2.0 ** np.arange(finfo.minexp - finfo.nmant, finfo.maxexp, dtype=np.float64)
    log2 = np.log(2) * np.arange(-2.5, 3)
    seams = [
        0.5,
        1,
        6,
        9,
        18.7,
        19,
        22,
        30,
        36,
        37,
        40,
        60,
        87,
        88,
        89,
        103,
        104,
        708,
        710,
        745,
        746,
    ]
    seams = np.r_[seams, np.abs(log2), np.sqrt([0.5, 2]), finfo.tiny, finfo.smallest_subnormal]
    x = np.r_[binades, seams, finfo.max].astype(dtype)
    x = np.r_[x, np.nextafter(x, dtype(0)), np.nextafter(x, dtype(np.inf)), x * dtype(0.7)]
    return np.r_[x, -x, dtype(0), -dtype(0), np.inf, -np.inf, np.nan].astype(dtype)


def points(dtype, n):
    """Numbers of every kind: n random bit patterns, n each over some ranges, and the edges."""
    rng = np.random.default_rng(0)
    patterns = np.frombuffer(rng.bytes(n * np.dtype(dtype).itemsize), dtype)
    ranges = [rng.uniform(-most, most, n) for most in (0.5, 1, 10, 100, 750)]
    near_one = 1 + rng.normal(0, 0.1, n)
    return np.r_[edges(dtype), patterns, *ranges, near_one].astype(dtype)


def inside(function, x):
    return x[np.isnan(x) | ((x >= function.least) & (x <= function.most))]


@pytest.mark.parametrize("name", [*FUNCTIONS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # inf and NaN are meant
def test_float64(name):
    function = FUNCTIONS[name]
    x = inside(function, points(np.float64, 800))
    errors = units_off(apply(name, x), *exactly(function, x))
    assert errors.max() <= BOUND["float64"], (name, x[errors.argmax()], errors.max())


@pytest.mark.parametrize("name", [*FUNCTIONS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_float32(name):
    function = FUNCTIONS[name]
    x = inside(function, points(np.float32, 30_000))
    errors = units_off(apply(name, x), function.numpy(x.astype(np.float64)))
    assert errors.max() <= BOUND["float32"], (name, x[errors.argmax()], errors.max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ends(dtype):
    x = np.array([0.0, np.inf, -np.inf, np.nan], dtype)
    for name, wanted in {
        "exp": [1, np.inf, 0, np.nan],
        "log": [-np.inf, np.inf, np.nan, np.nan],
        "tanh": [0, 1, -1, np.nan],
        "logistic": [0.5, 1, 0, np.nan],
        "erf": [0, 1, -1, np.nan],
        "softplus": [np.log(2), np.inf, 0, np.nan],
    }.items():
        np.testing.assert_array_equal(apply(name, x), np.array(wanted, dtype), err_msg=name)
    for odd in ["tanh", "erf"]:
        assert np.signbit(apply(odd, np.array([-0.0], dtype)))
        assert not np.signbit(apply(odd, np.array([0.0], dtype)))
    with pytest.raises(KeyError):
        apply("sine", x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [*range(20), 63, 65])
def test_any_length(dtype, n):
    """What lies in the other lanes changes nothing, and nothing is written beyond the end."""
    x = np.linspace(-3, 3, 80).astype(dtype)
    y = np.full(80, 7, dtype)
    apply_native("tanh", x[:n], y[:n])
    np.testing.assert_array_equal(y[:n], apply("tanh", x)[:n])
    assert (y[n:] == 7).all()


def sweep(name, first, last):
    """Compare all float32 whose bits are from `first` up to `last`."""
    x = np.arange(first, last, dtype=np.uint32).view(np.float32)
    function = FUNCTIONS[name]
    errors = units_off(apply(name, x), function.numpy(x.astype(np.float64)))
    worst = errors.argmax()
    return float(errors[worst]), float(x[worst])


CHUNK = 1 << 21


@pytest.mark.parametrize("name", ["exp", "tanh"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_sample_of_the_sweep(name):
    """A run of neighbours in each of the 512 binades, signs included."""
    for first in range(0, 1 << 32, 1 << 23):
        error, x = sweep(name, first + 0x1357, first + 0x1357 + 499)
        assert error <= BOUND["float32"], (name, x, error)


@pytest.mark.sweep
@pytest.mark.parametrize("name", ["exp", "tanh"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_sweep(name):
    """All 2³² inputs; `make sweep` runs it, a few minutes long."""
    error, x = max(sweep(name, first, first + CHUNK) for first in range(0, 1 << 32, CHUNK))
    print(f"{instruction_set()} float32 {name}: at most {error:.4f} units, at {x!r}")
    assert error <= BOUND["float32"], (name, x, error)
