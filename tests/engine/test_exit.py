"""A process ends cleanly while daemon threads fit or predict."""

import subprocess
import sys

import pytest

CODE = """
import sys, threading, time, warnings
import numpy as np
from multilayer import MLPClassifier

warnings.simplefilter("ignore")
X = np.random.RandomState(0).randn(2000, 20)
y = (X[:, 0] > 0).astype(int)
clf = MLPClassifier(20, max_iter=20).fit(X, y)

def work():
    while True:
        {work}

for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
time.sleep(float(sys.argv[1]))
print("the end")
"""


@pytest.mark.parametrize("work", ["MLPClassifier(20, max_iter=20).fit(X, y)", "clf.predict(X)"])
def test_daemon_threads_do_not_abort_the_end(work):
    code = CODE.format(work=work)
    for seconds in (0.05, 0.06, 0.07):
        child = subprocess.run(
            [sys.executable, "-c", code, str(seconds)], capture_output=True, text=True, timeout=60
        )
        assert (child.returncode, child.stdout, child.stderr) == (0, "the end\n", "")
