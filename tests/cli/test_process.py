"""Streams that are closed or narrow, readers that leave, signals: the work is done or undone."""

import os
import signal
import subprocess
import sys
import time

import pytest

TRAIN = ("fit", "moons", "--layers", "3", "--max-iter", "2", "-o", "m.mlp")


@pytest.fixture
def start(tmp_path):
    def start(*args, shell="", **kwargs):
        command = [sys.executable, "-m", "multilayer", *args]
        if shell:
            command = ["bash", "-c", f'"$@" {shell}', "bash", *command]
        environment = {**os.environ, "TMPDIR": str(tmp_path), **kwargs.pop("env", {})}
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            **kwargs,
        )

    return start


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams(start, tmp_path, closed):
    child = start(*TRAIN, "-q", shell=closed)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (0, b"")
    assert b"Traceback" not in err
    assert (tmp_path / "m.mlp").exists()


def test_the_work_goes_on_when_the_reader_leaves(start, tmp_path):
    child = start(*TRAIN)
    child.stdout.close()
    err = child.stderr.read()
    child.stderr.close()
    assert child.wait(60) == 0
    assert b"Broken pipe" not in err
    assert (tmp_path / "m.mlp").exists()


def test_an_error_is_an_error_without_a_reader(start):
    child = start("fit", "none.csv", shell=">&- 2>&-")
    child.communicate(timeout=60)
    assert child.returncode == 2


def test_standard_output_on_a_full_disk(start, tmp_path):
    start(*TRAIN, "-q").communicate(timeout=60)
    child = start("predict", "m.mlp", "moons", shell=">/dev/full")
    err = child.communicate(timeout=60)[1]
    assert err == b"multilayer: error: No space left on device\n"
    assert child.returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_narrow_encodings(start, tmp_path, encoding):
    (tmp_path / "t.csv").write_text("größe,日本\n" + "1,é\n2,ü\n2.5,日\n" * 20, encoding="utf-8")
    narrow = {"PYTHONIOENCODING": encoding}
    fit = ("fit", "t.csv", "-t", "日本", "--layers", "2", "--max-iter", "2", "-o", "m.mlp")
    others = [("inspect", "m.mlp"), ("predict", "--help")] if encoding == "ascii" else []
    for command in (fit, *others):
        child = start(*command, env=narrow)
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
        assert out.decode(encoding)
    child = start("predict", "m.mlp", "t.csv", env=narrow)
    out = child.communicate(timeout=60)[0]
    assert "日" in out.decode()  # predictions are data: UTF-8, as in a file


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signals_leave_no_rows_behind(start, tmp_path, table, name):
    for k in range(2):
        table(20_000, seed=k).write_parquet(tmp_path / f"{k}.parquet")
    command = ("fit", "*.parquet", "-t", "answer", "--memory", "50MB", "--max-iter", "9999")
    before = set(os.listdir(tmp_path))
    # A shell that ignores SIGHUP, as nohup does, would pass that on.
    child = start(*command, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
    deadline = time.monotonic() + 60
    while not [p for p in tmp_path.glob(".multilayer-*") if p.is_dir() and any(p.iterdir())]:
        assert time.monotonic() < deadline
        assert child.poll() is None, child.communicate()
        time.sleep(0.05)
    child.send_signal(getattr(signal, name))
    err = child.communicate(timeout=60)[1]
    assert child.returncode == -getattr(signal, name)
    assert b"Traceback" not in err
    assert set(os.listdir(tmp_path)) == before
