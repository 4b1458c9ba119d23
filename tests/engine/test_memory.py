"""The memory that the native engine needs does not grow with the number of rows."""

import pytest
from cases import run_python

PROGRAM = """
import resource
import numpy as np
from cases import cost_and_gradient, forward, train
from multilayer.optimizers import Adam
from scipy import sparse

{data}
adam = Adam()
slots = adam.start(thetas)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for batch_size in [None, 2000]:
    train(thetas, X, y, ("relu",), "softmax", adam, slots, batch_size=batch_size)
cost_and_gradient(thetas, X, y, ("relu",), "softmax", 0.1)
forward(thetas, X, ("relu",), "softmax")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
DENSE = """
X, y = np.ones((200_000, 50), np.float32), np.zeros(200_000, np.int32)
thetas = [np.zeros((64, 51), np.float32), np.zeros((3, 65), np.float32)]
"""
SPARSE = """
m, n, each = 200_000, 20_000, 10
indices = np.random.default_rng(0).integers(0, n, m * each, dtype=np.int32)
values = np.ones(m * each, np.float32)
X = sparse.csr_array((values, indices, np.arange(0, m * each + 1, each, dtype=np.int64)), (m, n))
y = np.zeros(m, np.int32)
thetas = [np.zeros((32, n + 1), np.float32), np.zeros((3, 33), np.float32)]
"""


# Kilobytes. Dense: X alone has 40 000. Sparse: Θ and both slots are 7 700, their transposed forms
# and the gradient 10 300; a dense X would have 16 000 000.
@pytest.mark.parametrize(
    ("data", "most"), [(DENSE, 16_000), (SPARSE, 40_000)], ids=["dense", "sparse"]
)
def test_memory_does_not_grow_with_rows(data, most):
    run = run_python(PROGRAM.format(data=data))
    assert int(run.stdout) < most, run.stderr
