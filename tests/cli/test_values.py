"""The commands on values of other kinds than in fit: classes, categories, rare classes."""

import re

import numpy as np
import polars as pl
import pytest

X = np.random.RandomState(0).normal(size=60)
Y = (X > 0).astype(int)
FAST = ("--fast", "-q", "--max-iter", "3")


@pytest.fixture
def tables(tmp_path):
    frame = pl.DataFrame({"x": X, "town": ["Bern", "Rome", "Oslo"] * 20, "y": Y})
    frame.write_csv(tmp_path / "int.csv")
    kinds = {
        "float": pl.Float64,
        "bool": pl.Boolean,
        "text": pl.String,
        "decimal": pl.Decimal(10, 1),
    }
    for name, dtype in kinds.items():
        other = frame.with_columns(pl.col("y").cast(dtype))
        other = other.with_columns(y=pl.when(pl.int_range(60) == 3).then(None).otherwise("y"))
        other.write_parquet(tmp_path / f"{name}.parquet")
    return frame


@pytest.mark.parametrize("kind", ["float", "bool", "text", "decimal"])
def test_classes_of_another_kind(run, tables, kind):
    run("fit", "int.csv", "-t", "y", *FAST, "-o", "int.mlp")
    expected = run("evaluate", "int.mlp", "int.csv").output
    found = run("evaluate", "int.mlp", f"{kind}.parquet").output
    assert re.search(r"\b59\b", found)
    assert found.splitlines()[3] == expected.splitlines()[3]  # the head of the confusions


def test_a_class_that_the_model_does_not_know(run, tables):
    run("fit", "int.csv", "-t", "y", *FAST, "-o", "int.mlp")
    tables.with_columns(y=pl.lit(2.0)).write_csv("two.csv")
    result = run("evaluate", "int.mlp", "two.csv", code=2)
    assert "target 'y' must hold classes that the model knows, 0, 1, but holds '2.0'" in (
        result.stderr
    )


@pytest.mark.parametrize("more", [FAST, (*FAST[1:], "--layers", "4")], ids=["tabular", "plain"])
def test_new_categories_are_told(run, tables, more):
    run("fit", "int.csv", "-t", "y", *more, "-o", "m.mlp")
    assert run("predict", "m.mlp", "int.csv").stderr == ""
    new = pl.when(pl.int_range(60) < 5).then(pl.lit("Lima")).otherwise("town")
    tables.with_columns(town=new).write_csv("new.csv")
    for command in ("predict", "evaluate"):
        lines = run(command, "m.mlp", "new.csv").stderr.splitlines()
        assert lines == [
            "multilayer: warning: 5 of 60 rows hold categories that were not in fit, and that "
            "count as no category: town ('Lima')"
        ]
    many = [f"t{k % 7}" for k in range(60)]
    tables.with_columns(town=pl.Series(many)).write_csv("new.csv")
    assert "60 of 60 rows" in (error := run("predict", "m.mlp", "new.csv").stderr)
    assert "town ('t0', 't1' …)" in error


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("cv", ("--fast", "--max-iter", "2")),
        ("cv", ("--layers", "2", "--max-iter", "2")),
        ("compare", ()),
        ("search", ("--candidates", "1")),
    ],
)
def test_a_class_of_one_row(run, tables, command, options):
    rare = tables.with_columns(
        y=pl.when(pl.int_range(60) == 3).then(2).otherwise("y"), town=pl.lit("Bern")
    )
    rare.write_csv("rare.csv")
    result = run(command, "rare.csv", "-t", "y", "--folds", "3", "-q", *options)
    assert "warning: The least populated class in y has only 1 member" in result.stderr
    assert result.stderr.count("least populated") == 1
