"""Commands on files as people have them: read as they mean it, and told what was not literal."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from multilayer.persistence import read_notes

FAST = ("--fast", "--max-iter", "5")


@pytest.fixture
def numbers(rng):
    x = rng.randn(80).round(2)
    return pd.DataFrame({"x": x, "z": rng.randn(80).round(2), "y": (3 * x + 20).round(1)})


def test_decimal_commas(run, tmp_path, numbers):
    numbers.to_csv("eu.csv", sep=";", decimal=",", index=False)
    output = run("fit", "eu.csv", "-t", "y", "-o", "eu.mlp", *FAST).output
    assert "Regression: from" in output
    assert output.count("is read as") == 3
    assert "number" in run("inspect", "eu.mlp").output
    new = run("predict", "eu.mlp", "eu.csv", "-o", "out.csv")
    numbers.to_csv("point.csv", index=False)
    run("predict", "eu.mlp", "point.csv", "-o", "same.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "same.csv").read_bytes()
    assert "is read as" not in new.output


def test_decimal_target(run, numbers):
    table = pl.from_pandas(numbers).with_columns(pl.col("y").cast(pl.Decimal(10, 2)))
    table.write_parquet("money.parquet")
    assert "Regression: from" in run("fit", "money.parquet", "-t", "y", *FAST).output
    table.with_columns("$" + pl.col("y").cast(pl.String)).write_parquet("text.parquet")
    assert "Regression: from" in run("fit", "text.parquet", "-t", "y", *FAST).output


@pytest.mark.parametrize("name", ["blank", "day"])
def test_files_in_parts_are_read_as_whole_ones(run, tmp_path, rng, name):
    t = rng.choice(["v", "w ", " u"], 3000)
    y = np.where(t == "w ", "p", "q")
    if name == "day":
        t = pd.date_range("2020-01-01", periods=3000).strftime("%d/%m/%Y")
    pd.DataFrame({"a": rng.randn(3000).round(3), "t": t, "y": y}).to_csv("t.csv", index=False)
    few = ("--layers", "4", "--max-iter", "2")
    run("fit", "t.csv", "-t", "y", "-o", "parts.mlp", "--memory", "100MB", *few)
    run("fit", "t.csv", "-t", "y", "-o", "whole.mlp", *few)
    assert read_notes("parts.mlp")["reading"] == read_notes("whole.mlp")["reading"]
    for model in ("parts", "whole"):
        inspected = run("inspect", f"{model}.mlp").output.splitlines()[-1]
        assert ("date" if name == "day" else "u, v, w") in inspected
    assert "accuracy" in run("evaluate", "parts.mlp", "t.csv").output


def test_names_that_are_numbers_or_values(run, tmp_path):
    rows = "".join(f"{i},{i % 7},{i % 5},{'pq'[i % 2]}\n" for i in range(60))
    (tmp_path / "years.csv").write_text("id,2019,2020,grade\n" + rows)
    assert "60 rows" in run("fit", "years.csv", "-t", "grade", *FAST, "-o", "a.mlp").output
    (tmp_path / "names.csv").write_text("id,n,k,y\n" + rows)
    run("fit", "names.csv", "-t", "y", *FAST, "-o", "b.mlp")
    (tmp_path / "new.csv").write_text("id,n,k,y\n1,2,3,p\n2,3,4,y\n")
    assert len(run("predict", "b.mlp", "new.csv").output.splitlines()) == 3


def test_only_columns_that_are_needed_must_hold_what_they_held(run, numbers):
    numbers.assign(same=1).to_csv("t.csv", index=False)
    run("fit", "t.csv", "-t", "y", "-o", "m.mlp", *FAST)
    numbers.assign(same="new", y="unknown").to_csv("new.csv", index=False)
    assert len(run("predict", "m.mlp", "new.csv").output.splitlines()) == 81
    assert "target 'y' must be numbers" in run("evaluate", "m.mlp", "new.csv", code=2).output
    numbers.assign(x="many").to_csv("new.csv", index=False)
    output = run("predict", "m.mlp", "new.csv", code=2).output
    assert "column 'x' of new.csv must hold numbers as in fit, but holds 'many'" in output


def test_index_of_pandas(run, numbers):
    numbers.sort_values("x").to_parquet("train.parquet")
    numbers.to_parquet("new.parquet")
    numbers.to_csv("new.csv")
    output = run("fit", "train.parquet", "-t", "y", "-o", "i.mlp", *FAST).output
    assert "column '__index_level_0__' is the index of pandas and is left out" in output
    for name in ("new.parquet", "new.csv"):
        assert len(run("predict", "i.mlp", name, "-o", "out.csv").output.splitlines()) < 3
        assert len(pl.read_csv("out.csv")) == 80


def test_columns_left_out_are_told(run, tmp_path, numbers):
    frame = pl.from_pandas(numbers).with_columns(p=pl.struct("x"), b=pl.lit(b"x"), l=pl.lit([1]))
    frame.write_parquet("nested.parquet")
    output = run("fit", "nested.parquet", "-t", "y", "--drop", "z", *FAST).output
    for what in ("'p' holds structs", "'b' holds bytes", "'l' holds lists"):
        assert f"column {what} and is left out" in output
    assert "1 column and the target y" in output


def test_inch_marks(run, tmp_path):
    rows = "".join(f"rod,{i},{2 * i}\n" for i in range(40))
    (tmp_path / "inch.csv").write_text('size,w,y\nrod,1,2\n5" pipe,2,4\n' + rows)
    assert "42 rows" in run("fit", "inch.csv", "-t", "y", *FAST).output


@pytest.mark.parametrize(
    ("options", "file", "says"),
    [
        (("--delimiter", ";"), "a,5;b;1\na,6;c;2\n" * 10, "20 rows, 2 columns"),
        (("--decimal", ","), "a;b;y\n" + "1.234;x;1\n2.500;z;2\n" * 10, "is read as 1234"),
        (("--dates", "dmy"), "d;y\n" + "01/02/2020;1\n03/04/2020;2\n" * 10, "20 rows, 1 column"),
        (("--encoding", "cp1250"), "t;y\n" + "Łódź;1\nKraków;2\n" * 10, "20 rows, 1 column"),
        (("--no-header",), "a;1\nb;2\n" * 10, "20 rows, 1 column"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_options_tell_what_the_file_cannot(run, tmp_path, options, file, says):
    (tmp_path / "t.csv").write_bytes(file.encode("cp1250" if "--encoding" in options else "utf-8"))
    assert (
        says in run("fit", "t.csv", "-t", "-1", *options, "--task", "classification", *FAST).output
    )


@pytest.mark.filterwarnings("default")
def test_an_interval_that_few_rows_cannot_support(run, numbers):
    numbers[:30].to_csv("few.csv", index=False)
    run("fit", "few.csv", "-t", "y", "-o", "few.mlp", *FAST)
    output = run("predict", "few.mlp", "few.csv", "--interval", "0.99", "-o", "out.csv").output
    assert output.startswith("multilayer: warning: ")
    assert len(output.splitlines()) == 1
    assert pl.read_csv("out.csv")["low"].cast(pl.Float64).is_infinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--delimiter", "ab"), "delimiter must be one character, got 'ab'"),
        (("--encoding", "klingon"), "encoding must be one that Python knows, got 'klingon'"),
        (("--drop", "nothing"), "there is no 'nothing'"),
        (("--decimal", ";"), "is not one of '.', ','"),
    ],
)
def test_wrong_options(run, tmp_path, options, message):
    (tmp_path / "t.csv").write_text("x,y\n" + "1,a\n2,b\n" * 10)
    assert message in " ".join(run("fit", "t.csv", "-t", "y", *options, code=2).output.split())
