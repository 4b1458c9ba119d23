"""Writing a model file is all or nothing, and keeps permissions and links."""

from __future__ import annotations

import errno
import os
import signal
import stat
from contextlib import contextmanager

import numpy as np
import pytest
from model_file_cases import Layer, layer, same

from multilayer.persistence import check_replaceable, load, write_whole


@contextmanager
def disk_quota(size: int):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("existing", [True, False])
def test_file_too_large(tmp_path, existing):
    path = tmp_path / "model.mlp"
    if existing:
        layer().save(path)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    large = Layer(np.zeros((2, 100_000)), np.array(["no", "yes"]))
    with disk_quota(10_000), pytest.raises(OSError, match=r"model\.mlp") as caught:
        large.save(path)
    assert caught.value.errno == errno.EFBIG
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_failure_leaves_the_old_file(tmp_path, monkeypatch, call, error):
    def fail(*args):
        raise error

    path = tmp_path / "model.mlp"
    layer().save(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)) as caught:
        layer().save(path, {"new": True})
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert str(caught.value) == f"[Errno {errno.ENOSPC}] No space left: {str(path)!r}"
    assert os.listdir(tmp_path) == ["model.mlp"]
    assert path.read_bytes() == before


def test_folder_that_cannot_be_synced(tmp_path, monkeypatch):
    sync = os.fsync

    def files_only(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    layer().save(tmp_path / "model.mlp")
    assert same(load(tmp_path / "model.mlp").theta, layer().theta)


def test_where_no_file_can_be(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent.model\.mlp"):
        layer().save(tmp_path / "absent" / "model.mlp")
    for path in (tmp_path, os.devnull):
        with pytest.raises(FileExistsError) as caught:
            layer().save(path)
        said = f"[Errno {errno.EEXIST}] Exists, and is not a file: {str(path)!r}"
        assert str(caught.value) == said
    assert os.listdir(tmp_path) == []


def test_replaced_file_keeps_its_permissions_and_links(tmp_path):
    target, link = tmp_path / "target.mlp", tmp_path / "link.mlp"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    layer().save(link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert same(load(target).theta, layer().theta)


def test_new_file_has_the_usual_permissions(tmp_path):
    layer().save(tmp_path / "model.mlp")
    (tmp_path / "other").touch()
    assert (tmp_path / "model.mlp").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_happens_on_the_disk_and_when(tmp_path, monkeypatch):
    """The new file is complete and synced before it takes the place of the old; then the folder."""
    done, folders, path = [], [], tmp_path / "model.mlp"
    path.write_bytes(b"old")
    sync, replace = os.fsync, os.replace

    def synced(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            assert os.path.samestat(os.fstat(descriptor), tmp_path.stat())
            folders.append(descriptor)
            done.append("the folder is synced")
        else:
            done.append(f"{os.fstat(descriptor).st_size} bytes are synced")
        sync(descriptor)

    def replaced(source, target):
        assert os.path.basename(source).startswith(".")
        done.append(f"{target.read_bytes().decode()} is replaced")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_whole(path, b"a new one")
    assert done == ["9 bytes are synced", "old is replaced", "the folder is synced"]
    assert path.read_bytes() == b"a new one"
    assert os.listdir(tmp_path) == ["model.mlp"]
    with pytest.raises(OSError, match="Bad file descriptor"):  # it is closed
        os.fstat(folders[0])


@pytest.mark.parametrize("mode", [0o444, 0o445])
def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch, mode):
    monkeypatch.chdir(tmp_path)
    file, link = tmp_path / "model", tmp_path / "link"
    file.write_bytes(b"old")
    file.chmod(mode)
    link.symlink_to(file)
    for replace in (lambda: write_whole("link", b"new"), lambda: check_replaceable("link")):
        with pytest.raises(PermissionError) as caught:
            replace()
        met = caught.value
        assert (met.errno, met.strerror, met.filename) == (errno.EACCES, "Is read-only", "link")
    assert file.read_bytes() == b"old"


def test_what_may_be_replaced(tmp_path):
    check_replaceable(tmp_path / "nothing")
    file = tmp_path / "file"
    file.touch(0o600)
    check_replaceable(file)
