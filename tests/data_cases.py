"""Data sets that many tests use; the arrays are read-only."""

from sklearn.datasets import load_diabetes, load_iris, make_moons

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)
X_MOONS, Y_MOONS = make_moons(200, noise=0.1, random_state=0)
X_NOISY_MOONS, Y_NOISY_MOONS = make_moons(200, noise=0.2, random_state=0)

for _array in (
    *(X_IRIS, Y_IRIS, X_DIABETES, Y_DIABETES),
    *(X_MOONS, Y_MOONS, X_NOISY_MOONS, Y_NOISY_MOONS),
):
    _array.flags.writeable = False
