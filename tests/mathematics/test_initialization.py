"""Initial Θ: the distributions that the sources ask for."""

import numpy as np
import pytest
import scipy.stats
from comparisons import assert_arrays_close
from threadpoolctl import threadpool_limits

from multilayer import MLPClassifier, equations
from multilayer.initialization import INITIALIZERS


def draw(name, s_in, s_out, seed=0):
    return equations.initialize_thetas((s_in, s_out), seed, initializer=name)[0]


@pytest.mark.parametrize(("name", "gain"), [("he", 2), ("lecun", 1)])
def test_normal_with_the_variance_of_the_source(name, gain):
    theta = draw(name, 50, 300)
    assert theta.shape == (300, 51)
    assert not theta[:, 0].any()
    fit = scipy.stats.kstest(theta[:, 1:].ravel(), scipy.stats.norm(0, np.sqrt(gain / 50)).cdf)
    assert fit.pvalue > 0.01
    np.testing.assert_allclose(theta[:, 1:].var(), gain / 50, rtol=0.03)


@pytest.mark.parametrize(
    ("s_in", "s_out"), [(7, 7), (9, 4), (4, 9), (1, 1), (5, 1), (1, 5), (90, 70), (64, 99)]
)
def test_orthogonal(s_in, s_out):
    theta = draw("orthogonal", s_in, s_out)
    assert theta.shape == (s_out, s_in + 1)
    assert not theta[:, 0].any()
    W = theta[:, 1:]
    gram = W @ W.T if s_out <= s_in else W.T @ W
    np.testing.assert_allclose(gram, np.eye(min(s_in, s_out)), atol=1e-14)
    normal = np.random.RandomState(0).normal(size=(max(s_in, s_out), min(s_in, s_out)))
    Q, R = np.linalg.qr(normal)
    Q = Q * np.sign(np.diag(R))
    np.testing.assert_allclose(W, Q if s_out >= s_in else Q.T, atol=1e-13)


@pytest.mark.parametrize(("s_in", "s_out"), [(2, 2), (3, 2), (2, 3)])
def test_orthogonal_is_uniform(s_in, s_out):
    """No direction is preferred: what QR gives by itself has a diagonal of one sign."""
    many = np.stack([draw("orthogonal", s_in, s_out, seed)[:, 1:] for seed in range(2000)])
    np.testing.assert_allclose(many.mean(axis=0), 0, atol=0.05)
    if s_in == s_out == 2:
        angles = np.arctan2(many[:, 1, 0], many[:, 0, 0])
        assert scipy.stats.kstest(angles, scipy.stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01
        assert 0.45 < (np.linalg.det(many) > 0).mean() < 0.55


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_the_seed_decides_whatever_the_number_of_threads(name):
    thetas = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            thetas.append(draw(name, 333, 2000))
    np.testing.assert_array_equal(*thetas)
    assert not np.array_equal(draw(name, 4, 3, seed=0), draw(name, 4, 3, seed=1))


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_estimators_draw_so(name):
    X, y = np.random.RandomState(0).randn(8, 3), np.arange(8) % 2
    numbers = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, "tol": 1e9}
    with pytest.warns(UserWarning, match="Maximum iterations"):
        clf = MLPClassifier((5,), initializer=name, random_state=3, **numbers).fit(X, y)
    expected = equations.initialize_thetas((3, 5, 1), 3, initializer=name)
    assert_arrays_close(clf.network_.thetas, expected, atol=1e-12)
