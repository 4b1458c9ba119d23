"""Temporary files and folders: what a killed process leaves is removed, and nothing else."""

import os
import subprocess
import sys
import textwrap
import time

import pytest

from multilayer import temporary
from multilayer.temporary import temporary_file, temporary_folder

HOLD = """
    import sys, time
    from multilayer.temporary import temporary_file, temporary_folder
    with temporary_file(sys.argv[1]) as file, temporary_folder(sys.argv[1]) as folder:
        (folder / "rows").write_bytes(b"secret")
        print("ready", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def hold(tmp_path):
    """Start a process that holds a file and a folder."""
    children = []

    def hold():
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        assert child.stdout.readline() == "ready\n"
        return child

    yield hold
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def next_start(folder):
    """Make a file as another process would, and return what else is there."""
    temporary._remove_leftovers.cache_clear()
    with temporary_file(folder):
        pass
    return sorted(os.listdir(folder))


def test_leftovers_of_a_killed_process_are_removed(tmp_path, hold):
    child = hold()
    held = sorted(os.listdir(tmp_path))
    assert len(held) == 2
    assert next_start(tmp_path) == held  # its process lives
    child.kill()
    child.wait()
    assert next_start(tmp_path) == []


def test_a_fork_keeps_what_its_parent_holds(tmp_path):
    with temporary_folder(tmp_path) as folder:
        child = os.fork()
        if not child:
            temporary.remove_own()
            os._exit(0)
        os.waitpid(child, 0)
        assert folder.is_dir()
        temporary.remove_own()
        assert os.listdir(tmp_path) == []


def test_other_files_are_left_alone(tmp_path):
    other = [".multilayer-01234567-0123456789abcdef.tmp", ".tmp", "multilayer-x", "a.tmp"]
    for name in other:  # of another machine, and of other programs
        (tmp_path / name).write_text("live")
    prefix = temporary._PREFIX
    (tmp_path / "target").write_text("live")
    (tmp_path / f"{prefix}link").symlink_to("target")
    os.mkfifo(tmp_path / f"{prefix}pipe")
    before = sorted(os.listdir(tmp_path))
    began = time.monotonic()
    assert next_start(tmp_path) == before
    assert time.monotonic() - began < 5
    assert (tmp_path / "target").read_text() == "live"


def test_many_processes_at_once(tmp_path, hold):
    """Each looks for leftovers while the others make and rename their files."""
    code = """
        import os, sys
        from multilayer import temporary
        from multilayer.persistence import write_whole
        for k in range(60):
            temporary._remove_leftovers.cache_clear()
            write_whole(os.path.join(sys.argv[1], f"{k % 3}"), b"x" * 1000)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    children = [subprocess.Popen(command) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    assert sorted(os.listdir(tmp_path)) == ["0", "1", "2"]


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(38, "Function not implemented")

    with monkeypatch.context() as patch:
        patch.setattr(temporary.fcntl, "flock", refuse)
        with temporary_file(tmp_path) as file, temporary_folder(tmp_path) as folder:
            names = [os.path.basename(file.name), folder.name]
            held = sorted(os.listdir(tmp_path))
            patch.undo()
            assert next_start(tmp_path) == held
    assert all(name.startswith(temporary._UNLOCKED) for name in names)
    assert os.listdir(tmp_path) == []
