"""Files of every version of the format load, and answer what they did, to the bit."""

import json
import os
import runpy
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import safetensors
from cases import INSTRUCTION_SETS, TESTS
from golden_cases import FOLDERS, GOLDEN, all_answers, expected, read_inputs
from model_file_cases import saved_parts

from multilayer import load, persistence
from multilayer.export import onnx_inputs
from multilayer.persistence import VERSION, ModelFileError

PRESENT = GOLDEN / f"v{VERSION}"
CLOSE = {"rtol": 2e-5, "atol": 2e-6}  # of other roundings, in float32 too
versions = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def parts(path):
    """Return the content and the arrays of a model file."""
    with safetensors.safe_open(path, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return json.loads(file.metadata()["multilayer"]), arrays


@pytest.mark.parametrize("isa", INSTRUCTION_SETS)
@versions
def test_same_bits(folder, isa, tmp_path):
    """SSE2 rounds products before it adds them; all others give the bits of the file."""
    run = subprocess.run(
        [sys.executable, "golden_cases.py", str(folder), str(tmp_path / "found.npz")],
        cwd=TESTS,
        env={**os.environ, "MULTILAYER_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    with np.load(tmp_path / "found.npz") as found:
        known = expected(folder)
        assert set(found.files) == set(known)
        for name, answer in known.items():
            given = found[name]
            assert (given.dtype, given.shape) == (answer.dtype, answer.shape), name
            if isa == "sse2" and answer.dtype.kind == "f":
                np.testing.assert_allclose(given, answer, **CLOSE, err_msg=name)
            else:
                assert given.tobytes() == answer.tobytes(), name


@versions
def test_onnx(folder):
    """What was exported answers as the model does that it was exported with."""
    numbers, table, *_ = read_inputs(folder)
    known = expected(folder)
    for path in folder.glob("*.onnx"):
        file = f"{path.stem}.model"
        model = load(folder / file)
        session = onnxruntime.InferenceSession(path.read_bytes())
        rows = numbers if session.get_inputs()[0].name == "X" else table
        found = dict(
            zip(
                [output.name for output in session.get_outputs()],
                session.run(None, onnx_inputs(model, rows)),
                strict=True,
            )
        )
        if "label" in found:
            np.testing.assert_array_equal(found["label"], known[f"{file}/predict"])
            probabilities = known[f"{file}/predict_proba"]
            np.testing.assert_allclose(found["probabilities"], probabilities, **CLOSE)
        else:
            np.testing.assert_allclose(found["prediction"], known[f"{file}/predict"], **CLOSE)


def test_the_format_changes_with_its_version_only():
    """A model that is loaded and saved again gives the same fields and arrays.

    If it does not, the format is another one: raise VERSION, say in `_UPGRADES` how a model of the
    version before becomes one of this, and write the golden files of the new version.
    """
    paths = [*PRESENT.glob("*.model"), *PRESENT.glob("*.checkpoint")]
    assert len(paths) >= 18
    for path in paths:
        content, arrays = parts(path)
        state, written = saved_parts(load(path))
        assert state == content["model"]["state"], path.name
        assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in written.items()} == {
            name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()
        }, path.name


def test_every_version_is_read():
    """There are golden files of each version, and a step from each to the next."""
    assert [folder.name for folder in FOLDERS] == [f"v{n}" for n in range(1, VERSION + 1)]
    assert sorted(persistence._UPGRADES) == list(range(1, VERSION))


def test_a_step_from_each_version_to_the_next(monkeypatch):
    """A model of version 1 is read by a release that writes version 3."""

    def rename(model, arrays):  # in version 2 the layers have other names
        if model["class"] == "Network":
            arrays = {name.replace("theta", "weights"): a for name, a in arrays.items()}
        return model, arrays

    def back(model, arrays):
        return model, {name.replace("weights", "theta"): a for name, a in arrays.items()}

    path = GOLDEN / "v1" / "network.model"
    known = load(path)
    monkeypatch.setattr(persistence, "VERSION", 3)
    monkeypatch.setattr(persistence, "_UPGRADES", {1: rename, 2: back})
    read = load(path)
    assert [t.tobytes() for t in read.thetas] == [t.tobytes() for t in known.thetas]
    assert load(GOLDEN / "v1" / "pipeline.model")[-1].n_features_in_ > 1  # each step is read so
    monkeypatch.setattr(persistence, "_UPGRADES", {1: rename, 2: rename})
    with pytest.raises(ModelFileError, match="theta1"):
        load(path)
    monkeypatch.setattr(persistence, "VERSION", 0)
    with pytest.raises(ModelFileError, match=r"version 1, but .* up to 0: a newer"):
        load(path)


def test_what_models_of_version_1_lack():
    """Intervals have the same width, as they had; sets need scores that were not saved."""
    folder = GOLDEN / "v1"
    _, table, *_ = read_inputs(folder)
    low, high = load(folder / "tabular_regressor.model").predict_interval(table).T
    np.testing.assert_allclose(high - low, high[0] - low[0])
    classifier = load(folder / "tabular_classifier.model")
    with pytest.raises(ValueError, match=r"^predict_set needs set_scores_, .* format version 1"):
        classifier.predict_set(table)
    low, high = load(PRESENT / "scaled_regressor.model").predict_interval(table).T
    assert np.ptp(high - low) > (high - low).min()


def test_golden_files_are_small_and_stay():
    assert sum(path.stat().st_size for path in GOLDEN.rglob("v*/*")) < 300_000
    written = {path: path.read_bytes() for path in PRESENT.iterdir()}
    with pytest.raises(SystemExit, match=f"v{VERSION} is there already, and golden files stay"):
        runpy.run_path(str(GOLDEN / "write.py"))["main"]([])
    assert {path: path.read_bytes() for path in PRESENT.iterdir()} == written


def test_there_are_answers_of_every_file():
    answered = {name.partition("/")[0] for name in expected(PRESENT)}
    files = {p.name for p in PRESENT.iterdir() if p.suffix in (".model", ".checkpoint")}
    assert answered == files
    assert next(all_answers(PRESENT))[0] in files
