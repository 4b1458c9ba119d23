"""TableEncoder for embeddings: robust scaling, −1 and +1, codes, order of features."""

import datetime as dt
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from model_file_cases import load_parts, saved_parts
from sklearn.preprocessing import RobustScaler

from multilayer import TableEncoder


def smooth(z):
    return z / np.sqrt(1 + (z / 3) ** 2)


def test_robust_scaling_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    table = rng.normal(5, 3, (501, 4)) ** 3
    table[rng.random(501) < 0.7, 1] = np.nan
    table[:, 2] = np.where(rng.random(501) < 0.9, 7, table[:, 2])  # the quartiles coincide
    encoder = TableEncoder(scaling="robust", dtype="float64").fit(table)
    expected = smooth(RobustScaler().fit_transform(table))
    expected[:, 1] = np.nan_to_num(expected[:, 1])
    expected[:, 2] = smooth((table[:, 2] - 7) * 2 / np.ptp(table[:, 2]))
    encoded = encoder.transform(table)
    np.testing.assert_allclose(encoded[:, :4], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(encoded[:, 4], np.isnan(table[:, 1]))
    assert np.abs(encoder.transform(np.full((2, 4), 3e38))).max() <= 3
    treatments = [row["treatment"] for row in encoder.summary()]
    assert re.fullmatch(r"robust: median \S+, iqr \S+", treatments[0])
    assert re.fullmatch(
        r"robust: median \S+, iqr \S+; gaps to median \S+, indicated", treatments[1]
    )
    flat = r"median 7, iqr 0, half the range \S+"
    assert re.fullmatch(f"robust: {flat}", treatments[2])
    quantiles = TableEncoder(scaling="quantile").fit(table).summary()
    assert re.fullmatch(f"by its quantiles: {flat}", quantiles[2]["treatment"])


TABULAR = {"scaling": "robust", "max_onehot": 3, "max_categories": 5}
EMBEDDED = {
    "flag": [True, False, True, False, None] * 4,
    "town": [*"abcdefghij", *"abcd", None, *"abcda"],
    "sex": ["f", "m"] * 10,
    "age": list(range(20)),
    "kind": ["u", "v", None, "u"] * 5,
    "two": [3, 7, 3, 3] * 5,
    "day": [dt.date(2020, 1, 1 + k) for k in range(20)],
    "again": list(range(20)),
    "size": ["s", "m", "l", "xl"] * 5,
    "towns": [*"abcdefghij", *"abcd", None, *"abcda"],
}


def test_layout_for_a_network_that_embeds():
    encoder = TableEncoder(**TABULAR).fit(pl.DataFrame(EMBEDDED))
    assert encoder.get_feature_names_out().tolist() == [
        *("age", "day", "flag", "two", "missingindicator_flag"),
        *("sex_m", "kind_u", "kind_v", "kind_nan", "town", "size"),
    ]
    assert encoder.n_numbers_ == 2
    assert encoder.n_codes_ == (4 + 1 + 1 + 1, 4 + 1)  # town: 4 kept, unseen, gaps, infrequent
    assert encoder.dropped_ == {"again": "same as 'age'", "towns": "same as 'town'"}
    treatments = {row["column"]: row["treatment"] for row in encoder.summary()}
    assert treatments["sex"] == "−1 for f, +1 for m"
    assert treatments["two"] == "−1 for 3, +1 for 7"
    assert treatments["flag"] == "−1 for False, +1 for True; gaps to 0, indicated"
    assert treatments["town"] == "embedded: 4 categories; gaps a category; all others together"
    assert treatments["age"] == "robust: median 9.5, iqr 9.5"
    assert treatments["day"] == "robust: median 2020-01-10 12:00, iqr 9.5 days"
    new = pl.DataFrame(
        {
            "age": [9.5, None, 19],
            "day": [None, dt.date(2020, 1, 1), None],
            "flag": [True, None, False],
            "two": [3, 7, 99],
            "sex": ["m", None, "x"],
            "kind": ["v", None, "x"],
            "town": ["a", None, "never met"],
            "size": ["xl", None, "never met"],
        }
    )
    encoded = encoder.transform(new)
    assert encoded.flags.c_contiguous
    np.testing.assert_array_equal(
        encoded[:, 2:],
        [
            [1, -1, 0, 1, 0, 1, 0, 1, 4],
            [0, 1, 1, 0, 0, 0, 1, 5, 0],
            [-1, 1, 0, 0, 0, 0, 0, 6, 0],
        ],
    )
    np.testing.assert_allclose(encoded[:, 0], [0, 0, smooth(1)], rtol=1e-6)


def test_the_default_layout_stays_in_the_order_of_the_columns():
    encoder = TableEncoder().fit(pl.DataFrame(EMBEDDED))
    assert encoder.get_feature_names_out().tolist()[:5] == ["flag", "age", "two", "day", "again"]
    assert (encoder.n_numbers_, encoder.n_codes_) == (0, ())
    assert not encoder.dropped_


def test_the_same_columns():
    nan = float("nan")
    table = pd.DataFrame(
        {
            "a": [1.0, 2.0, nan, 4.0],
            "whole": pd.array([1, 2, None, 4], dtype="Int64"),
            "gaps elsewhere": [1.0, 2.0, 4.0, nan],
            "text": ["1.0", "2.0", None, "4.0"],
            "texts": pd.Series(["1.0", "2.0", None, "4.0"], dtype="category"),
            "constant": [1, 1, 1, 1],
            "constant too": [1, 1, 1, 1],
        }
    )
    for parameters in ({"scaling": "robust"}, {"max_onehot": 2}):
        dropped = TableEncoder(**parameters).fit(table).dropped_
        assert dropped == {
            "whole": "same as 'a'",
            "texts": "same as 'text'",
            "constant": "constant",
            "constant too": "constant",
        }


def test_a_long_table_is_encoded_in_pieces(monkeypatch):
    frame = pl.DataFrame(EMBEDDED)
    whole = TableEncoder(**TABULAR).fit(frame)
    expected = whole.transform(frame)
    monkeypatch.setattr("multilayer.tables.numbers.BLOCK", 40)
    monkeypatch.setattr("multilayer.tables.encoder.BLOCK", 40)
    pieces = TableEncoder(**TABULAR).fit(frame)
    assert pieces.summary() == whole.summary()
    np.testing.assert_array_equal(pieces.transform(frame), expected)
    broken = frame.with_columns(age=pl.Series([*[0.5] * 19, np.inf]))
    with pytest.raises(ValueError, match=r"column 'age' must hold finite .* inf at index 19"):
        pieces.transform(broken)


def test_state_out_of_order_is_refused():
    table = pl.DataFrame({"a": [*"xyz"], "b": [*"uvu"], "c": [1, 2, 3], "d": [0, 1, 0]})
    encoder = TableEncoder(scaling="robust", max_onehot=2).fit(table)
    state, arrays = saved_parts(encoder)
    assert load_parts("TableEncoder", state, arrays).summary() == encoder.summary()
    with pytest.raises(ValueError, match="codes must be the last"):
        load_parts("TableEncoder", {**state, "categories": state["categories"][::-1]}, arrays)
    with pytest.raises(ValueError, match="of many values must be first"):
        load_parts("TableEncoder", state, {**arrays, "continuous": np.array([False, True])})


def test_wide_table():
    table = np.random.default_rng(0).normal(size=(20, 10_000))
    encoder = TableEncoder(**TABULAR).fit(pd.DataFrame(table).add_prefix("x"))
    assert encoder.n_numbers_ == 10_000
    np.testing.assert_array_equal(
        encoder.transform(pl.from_numpy(table, [f"x{j}" for j in range(10_000)])),
        TableEncoder(**TABULAR).fit_transform(table),
    )
