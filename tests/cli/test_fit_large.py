"""`multilayer fit` on files in parts: in bounded memory, and on a Dask cluster."""

import numpy as np
import polars as pl
import pytest
from distributed import LocalCluster

import multilayer
from multilayer.persistence import read_notes

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def folder(tmp_path, rng):
    """Three files of Parquet and of CSV, of passengers."""
    sex, age = rng.choice(["male", "female"], 3000), rng.uniform(1, 80, 3000)
    survived = np.where((sex == "female") ^ (rng.rand(3000) < 0.1), "yes", "no")
    table = pl.DataFrame(
        {
            "sex": sex,
            "age": np.where(age > 75, np.nan, age),
            "fare": 100 + 2 * age + 30 * (sex == "male") + rng.randn(3000),
            "survived": survived,
        }
    ).with_columns(pl.col("age").fill_nan(None))
    for k in range(3):
        part = table[1000 * k : 1000 * k + 1000]
        part.write_parquet(tmp_path / f"part{k}.parquet")
        part.write_csv(tmp_path / f"part{k}.csv")
    return tmp_path


FEW = ("--max-iter", "6", "--learning-rate", "0.01", "--layers", "16")


@pytest.mark.parametrize(
    ("pattern", "options"), [("part*.parquet", ()), ("part*.csv", ("--memory", "1MB"))]
)
def test_files(run, folder, pattern, options):
    result = run("fit", pattern, "--target", "survived", "-o", "m.mlp", *FEW, *options)
    assert "3 file(s), 3000 rows, 3 columns and the target survived" in " ".join(
        result.output.split()
    )
    model, notes = multilayer.load("m.mlp"), read_notes("m.mlp")
    assert sum(notes["rows"].values()) == 3000
    assert notes["scores"]["validation"]["accuracy"] > 0.8
    table = pl.read_parquet("part1.parquet")
    assert model.score(table.drop("survived"), table["survived"].to_numpy()) > 0.8
    for command in (["inspect", "m.mlp"], ["evaluate", "m.mlp", "part2.csv"]):
        run(*command)


def test_numbers_without_validation(run, folder):
    run("fit", "part*.csv", "-t", "fare", "-o", "m.mlp", "--validation", "0", *FEW)
    table = pl.read_csv("part1.csv")
    predicted = multilayer.load("m.mlp").predict(table.drop("fare"))
    assert np.corrcoef(predicted, table["fare"])[0, 1] > 0.95
    assert abs(predicted.mean() - table["fare"].mean()) < 10
    assert read_notes("m.mlp")["rows"] == {"training": 3000, "validation": 0}


@pytest.mark.parametrize(("kind", "target"), [("parquet", "fare"), ("csv", "survived")])
def test_cluster(run, folder, kind, target):
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=60
    ) as cluster:
        address = cluster.scheduler_address
        run("fit", f"part*.{kind}", "-t", target, "-o", "m.mlp", "--dask", address, *FEW)
    score = next(iter(read_notes("m.mlp")["scores"]["validation"].values()))
    assert score > 0.8
    table = pl.read_parquet("part1.parquet")
    model = multilayer.load("m.mlp")
    assert model.score(table.drop(target), table[target].to_numpy()) == pytest.approx(
        score, abs=0.1
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x*.csv", "-t", "fare"], "nothing is there"),
        (["part*.csv", "-t", "fair"], "no column 'fair'"),
        (["part*.csv", "-t", "fare", "--fast"], "cannot be combined with --fast"),
        (["part*.csv", "-t", "fare", "--plot", "figures"], "cannot be combined with --plot"),
        (["part*.csv", "-t", "fare", "--memory", "lots"], "memory must be a size"),
        (["part*.csv", "-t", "fare", "--dask", "local:none"], "a number of processes from 1"),
        (
            ["part0.csv", "-t", "fare", "--dask", "local:1", "--memory", "1GB"],
            "cannot be combined with --dask",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input(run, folder, words, message):
    result = run("fit", *words, code=2)
    assert message in " ".join(result.output.split())
