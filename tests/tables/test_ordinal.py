"""The order of categories, where it can be told, and its feature."""

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone

from multilayer import TableEncoder, TabularClassifier, load
from multilayer.persistence import save
from multilayer.tables.categories import Category
from multilayer.tables.ordinal import ranks_of


def in_order(levels):
    """Return the levels that have an order, sorted by their ranks."""
    ranks = ranks_of(levels)
    return [level for rank, level in sorted(zip(ranks, levels, strict=True))]


@pytest.mark.parametrize(
    "ascending",
    [
        ["low", "med", "high", "vhigh"],
        ["Very Low", "low", "Medium", "high", "very-high"],
        ["gering", "mittel", "hoch"],
        ["XS", "S", "M", "L", "XL"],
        ["small", "med", "big"],
        ["Po", "Fa", "TA", "Gd", "Ex"],
        ["Fair", "Good", "Very Good", "Premium"],
        ["never", "sometimes", "often", "always"],
        ["strongly disagree", "disagree", "neutral", "agree", "strongly agree"],
        ["two", "four", "six", "twelve"],
        ["Mon", "Wed", "Sun"],
        ["January", "February", "November"],
        ["'<0'", "'0<=X<200'", "'>=200'"],
        ["<20", "20-29", "30-39", "40+"],
        ["under 5", "5 to 10", "over 10"],
        ["0,5-1", "1-1,5", "1,5-2"],
        ["-10--5", "-5-0", "0-5"],
        ["$1k", "$20k", "$1m"],
        ["2", "3", "4", "5more"],
        ["Room 2", "Room 10", "Room 30"],
        ["1 month", "6 months", "12 months"],
        ["<500", "500-1,000", "1,000-2,500", ">10,000"],
    ],
    ids=" ".join,
)
def test_the_order_can_be_told(ascending):
    for seed in range(3):
        shuffled = np.random.RandomState(seed).permutation(ascending).tolist()
        assert in_order(shuffled) == ascending
    assert ranks_of(ascending) == tuple(np.linspace(-1, 1, len(ascending)))


@pytest.mark.parametrize(
    "levels",
    [
        ["red", "green", "blue"],
        ["low", "high"],  # two have no need of it
        ["A11", "A12", "A13"],
        ["1", "2", "3"],  # codes, unless the column holds numbers
        ["Q1", "Q2", "Q3"],
        ["low", "medium", "red", "green", "blue"],
        ["10 apples", "10 pears", "10 plums"],
        ["1month", "6 months", "1 year", "2 years"],
        ["500-1.000", "1.000-2.000", "2.000-3.000"],  # thousands, or decimals
        ["tiny", "xs", "small"],  # two of one rank
        ["no", "yes", "maybe"],
        [f"{k}-{k + 1}" for k in range(100)],
        [],
    ],
    ids=lambda levels: " ".join(levels)[:30] or "none",
)
def test_there_is_no_order(levels):
    assert ranks_of(levels) == ()


def test_a_few_others_are_in_the_middle():
    assert ranks_of(["low", "high", "unknown", "medium", "?"]) == (-1, 1, 0, 0, 0)
    assert ranks_of(["unemployed", "<1", "1-4", "over 4"]) == (0, -1, 0, 1)


@pytest.mark.parametrize("max_onehot", [None, 2, 8])
def test_encoding(max_onehot):
    table = pl.DataFrame({"size": ["low", None, "high", "medium", "low"], "x": range(5)})
    encoder = TableEncoder(max_onehot=max_onehot, ordinal=True).fit(table)
    assert encoder.get_feature_names_out().tolist() == [
        "x",
        *(f"size_{level}" for level in ("high", "low", "medium", "nan")),
        "size_rank",
    ]
    later = pl.DataFrame({"size": ["high", "medium", "low", None, "huge"], "x": range(5)})
    expected = [[1, 0, 0, 0, 1], [0, 0, 1, 0, 0], [0, 1, 0, 0, -1], [0, 0, 0, 1, 0], [0] * 5]
    np.testing.assert_array_equal(encoder.transform(later)[:, 1:], expected)
    assert encoder.summary()[0]["treatment"].startswith("one-hot and rank: low, medium, high")
    assert encoder.feature_columns_.tolist() == [1, 0, 0, 0, 0, 0]
    plain = clone(encoder).set_params(ordinal=False, max_onehot=None).fit(table)
    np.testing.assert_array_equal(plain.transform(later), encoder.transform(later)[:, :-1])


def test_the_infrequent_have_no_rank():
    levels = [f"{k}-{k + 1}" for k in range(6)]
    column = Category.fit(0, [*levels[:3] * 3, *levels[3:]], 4, ordinal=True)
    assert (column.infrequent, len(column.ranks)) == (True, 3)
    out = np.zeros((2, column.n_features))
    column.encode([levels[2], levels[4]], out)
    assert out.tolist() == [[0, 0, 1, 0, 1], [0, 0, 0, 1, 0]]


def test_ranks_in_model_files(tmp_path):
    rng = np.random.RandomState(0)
    table = pl.DataFrame({"size": rng.choice(["low", "medium", "high"], 40), "x": rng.rand(40)})
    y = (table["size"] == "high").to_numpy()
    model = TabularClassifier(n_members=2, max_iter=2, random_state=0).fit(table, y)
    assert "size_rank" in model.encoder_.get_feature_names_out()
    save(model, tmp_path / "m.mlp")
    again = load(tmp_path / "m.mlp")
    np.testing.assert_array_equal(again.predict_proba(table), model.predict_proba(table))
    state = model.encoder_.categories_[0].to_state()
    assert Category.from_state(*state) == model.encoder_.categories_[0]
    for wrong in ([1.0], [1.0, 2.0, "x"], [1.0, 2.0, float("nan")], 3):
        with pytest.raises((TypeError, ValueError)):
            Category.from_state(*state[:5], wrong)
    with pytest.raises(ValueError, match="cannot have 3 ranks"):
        Category.from_state(*state[:4], "codes", state[5])
