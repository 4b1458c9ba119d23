"""A checkpoint that is damaged, or of another training, is refused before anything changes."""

import json

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import multilayer as ml
from multilayer import Checkpoint, MLPClassifier, MLPRegressor
from multilayer.engine.interface import Shuffle
from multilayer.engine.twister import restore_twister
from multilayer.engine.validation import check_shuffle
from multilayer.persistence import ModelFileError, load, save
from multilayer.training.state import State

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.RandomState(0)
X = rng.normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
SMALL = {"hidden_layer_sizes": (3,), "max_iter": 4, "random_state": 0, "batch_size": 16}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint"


def fit(path, data=(X, Y), kind=MLPClassifier, settings=SMALL, **more):
    return kind(**settings).set_callbacks(Checkpoint(path, interval=0)).fit(*data, **more)


def read(path):
    with safetensors.safe_open(path, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return json.loads(file.metadata()["multilayer"]), arrays


def write(path, content, arrays):
    path.write_bytes(safetensors.numpy.save(arrays, {"multilayer": json.dumps(content)}))


def change(path, place, value):
    """Write the checkpoint with another value, and with the digest that is then right."""
    content, arrays = read(path)
    if place in arrays:
        arrays[place] = value
    else:
        inside = content
        *way, last = place.split("/")
        for step in way:
            inside = inside[step]
        inside[last] = value
    write(path, content, arrays)
    content["notes"]["digest"] = load(path).digest()
    write(path, content, arrays)


STATE = "model/state"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("position", 10**8),
        ("position", 700),
        ("position", -(10**6)),
        ("position", "0"),
        ("gauss", [0]),
        ("gauss", [2, 0.0]),
        ("gauss", [0, float("nan")]),
        ("steps", -1),
        ("steps", 2**63),
        ("samples", "x"),
        ("slowed", 0),
        ("slowed", 2.0),
        ("dropout_seed", 2**64),
        ("slots", 10**9),
        ("slots", 3),
        ("history/costs", [1, "x"]),
        ("history/status", "unheard of"),
        ("history/earlier", 5),
        ("history/earlier", -1),
        ("history/stale_scores", 0.5),
        ("history/validation_costs", [0.5]),
        ("history/progress", {"best": "x", "stale": 0}),
        ("plateau", {"best": 0.0}),
    ],
    ids=str,
)
def test_numbers_are_checked_when_the_file_is_loaded(path, place, value):
    fit(path)
    with pytest.raises(ModelFileError, match="is damaged"):
        change(path, f"{STATE}/{place}", value)
    written = path.read_bytes()
    with pytest.raises(ModelFileError, match="is damaged"):
        fit(path)
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("key", np.zeros(624, np.uint32)),
        ("key", np.ones(600, np.uint32)),
        ("key", np.ones(624, np.int64)),
        ("rows", np.zeros(40, np.int64)),
        ("rows", np.arange(1, 41)),
        ("rows", np.arange(40.0)),
        ("slot0/0", np.zeros((3, 1))),
        ("slot1/1", np.zeros((1, 4), np.float32)),
    ],
    ids=["zero", "short", "signed", "twice", "beyond", "floats", "broadcast", "float32"],
)
def test_arrays_are_checked_when_the_file_is_loaded(path, name, array):
    fit(path)
    content, arrays = read(path)
    arrays[name] = array
    write(path, content, arrays)
    with pytest.raises(ModelFileError, match="is damaged"):
        fit(path)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (f"{STATE}/samples", 10**6, "4 epochs of 40 rows cannot have seen 1000000"),
        (f"{STATE}/slots", 1, "it has 1 slots, which adam has not"),
        ("rows", np.arange(39), "an order of 39 rows instead of 40"),
        ("notes/key", 3, "key must be a string"),
        ("notes/start", {}, "KeyError"),
        ("notes/start", {"bit_generator": "PCG64"}, "must be an MT19937: 'PCG64'"),
        ("notes/start", {"bit_generator": "MT19937", "state": {"key": [0]}}, "624 elements"),
    ],
    ids=str,
)
def test_what_loads_must_fit_the_training(path, place, value, message):
    fit(path)
    change(path, place, value)
    with pytest.raises(ModelFileError, match=f"checkpoint is a damaged checkpoint: .*{message}"):
        fit(path)


def test_another_network_is_not_broadcast(path):
    """A Θ of shape (3, 4) would take the numbers of one of shape (1, 4) without a word."""
    fit(path)
    state, notes = load(path), read(path)[0]["notes"]
    other = ml.Network((3, 1, 1), "relu", random_state=0)
    slots = [[np.zeros_like(theta) for theta in other.thetas] for _ in range(2)]
    changed = State(other, state.rng, state.history, slots, state.steps, state.samples)
    save(changed, path, {**notes, "digest": changed.digest()})
    with pytest.raises(ModelFileError, match=r"its network has sizes \(3, 1, 1\) instead"):
        fit(path)


def test_any_other_bit_is_found(path):
    fit(path)
    content, arrays = read(path)
    arrays["theta1"][0, 0] += 1e-9
    write(path, content, arrays)
    with pytest.raises(ModelFileError, match="its state is not the one that was saved"):
        fit(path)


OTHER = {
    "validation rows": {"X_val": X[:9] + 1, "y_val": Y[:9]},
    "validation targets": {"X_val": X[:9], "y_val": 1 - Y[:9]},
    "no validation": {},
    "validation weights": {"X_val": X[:9], "y_val": Y[:9], "sample_weight_val": np.ones(9)},
    "weights": {"X_val": X[:9], "y_val": Y[:9], "sample_weight": np.full(40, 2.0)},
}


@pytest.mark.parametrize("name", OTHER)
def test_other_rows_are_refused(path, name):
    given = {"X_val": X[:9], "y_val": Y[:9]}
    fit(path, **given)
    written = path.read_bytes()
    with pytest.raises(ValueError, match="with other data or parameters"):
        fit(path, **OTHER[name])
    assert path.read_bytes() == written
    fit(path, **given)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0, 1),
        (0, None),
        (None, 0),
        (0, np.random.RandomState(1)),
        (np.random.RandomState(1), np.random.RandomState(2)),
    ],
    ids=["number", "none", "some", "generator", "generators"],
)
def test_another_random_state_is_refused(path, first, second):
    fit(path, settings={**SMALL, "random_state": first})
    written = path.read_bytes()
    before = str(second.get_state()) if second not in (0, 1, None) else None
    model = MLPClassifier(**{**SMALL, "random_state": second})
    with pytest.raises(ValueError, match=r"another random_state|other data or parameters"):
        model.set_callbacks(Checkpoint(path)).fit(X, Y)
    assert not hasattr(model, "network_")
    assert path.read_bytes() == written
    if before is not None:
        assert str(second.get_state()) == before


def test_a_generator_in_the_same_state_goes_on(path):
    first = fit(path, settings={**SMALL, "random_state": np.random.RandomState(3)})
    again = fit(path, settings={**SMALL, "random_state": np.random.RandomState(3)})
    assert again.loss_curve_ == first.loss_curve_


def test_numpys_own_generator_is_left_alone(path):
    """A checkpoint of `random_state=None` is gone on from without setting everybody's generator."""
    fit(path, settings={**SMALL, "random_state": None})
    before = str(np.random.get_state())  # noqa: NPY002
    fit(path, settings={**SMALL, "random_state": None})
    assert str(np.random.get_state()) == before  # noqa: NPY002


@pytest.mark.parametrize(
    ("settings", "other"),
    [
        ({}, {"tol": 0.1}),
        ({}, {"n_iter_no_change": 2}),
        ({}, {"learning_rate_init": 0.1}),
        ({}, {"shuffle": False}),
        ({"learning_rate": "cosine"}, {"max_iter": 9}),
        ({"learning_rate": "one_cycle"}, {"max_iter": 9}),
        ({"learning_rate": lambda step: 1.0}, {"learning_rate": lambda step: 0.5}),
    ],
    ids=["tol", "patience", "rate", "order", "cosine", "cycle", "function"],
)
def test_other_parameters_are_refused(path, settings, other):
    fit(path, settings={**SMALL, **settings})
    with pytest.raises(ValueError, match="with other data or parameters"):
        fit(path, settings={**SMALL, **settings, **other})


def test_fewer_epochs_than_there_are_are_refused(path):
    fit(path)
    with pytest.raises(ValueError, match="has 4 epochs, more than max_iter: 2"):
        fit(path, settings={**SMALL, "max_iter": 2})


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    "settings",
    [
        {"early_stopping": True},
        {"restore_best_weights": True},
        {"learning_rate": "warm_restarts"},
        {"solver": "lbfgs", "early_stopping": True},
    ],
    ids=["early", "best", "cycles", "lbfgs"],
)
def test_a_longer_training_is_the_one_that_it_would_have_been(path, kind, settings):
    """Also where the first ended with Θ of its best epoch: training goes on from the last."""
    settings = {**SMALL, "learning_rate_init": 0.1, "n_iter_no_change": 100, **settings}
    fit(path, kind=kind, settings=settings)
    longer = fit(path, kind=kind, settings={**settings, "max_iter": 20})
    whole = kind(**{**settings, "max_iter": 20}).fit(X, Y)
    assert longer.loss_curve_ == whole.loss_curve_
    for theta, expected in zip(longer.network_.thetas, whole.network_.thetas, strict=True):
        np.testing.assert_array_equal(theta, expected)


def test_a_function_is_the_same_in_another_process(path):
    """It is told by what it computes, not by its address."""

    def schedule():
        return lambda step: 1 / (1 + step)

    first = fit(path, settings={**SMALL, "learning_rate": schedule()})
    again = fit(path, settings={**SMALL, "learning_rate": schedule()})
    assert again.loss_curve_ == first.loss_curve_


@pytest.mark.parametrize("position", [625, 10**8, 2**32 - 10**6])
def test_the_engine_refuses_a_generator_that_reads_beyond_its_state(position):
    generator = np.random.RandomState(0)
    key = generator.get_state()[1]
    generator.set_state(("MT19937", key, position - 2**32 if position > 2**31 else position))
    with pytest.raises(ValueError, match=f"position of rng must be from 0 to 624: {position}"):
        check_shuffle(Shuffle(generator, np.arange(5)), None, 5)
    with pytest.raises(ValueError, match="position must be a whole number from 0 to 624"):
        restore_twister(key, position, 0, 0.0)
