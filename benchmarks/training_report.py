"""The report of training.py: tables for each state of the machine, and two runs side by side.

python benchmarks/training_report.py RESULTS.json [RESULTS_BEFORE.json]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import gmean
from shapes import OTHERS, SHAPES

SHAPE = {shape.name: shape for shape in (*SHAPES, *OTHERS)}
OWN, OWN_ONE, BEFORE = "multilayer", "multilayer, one thread", "before"
TIMES = ["epoch", "first fit", "whole fit"]
PEAK = "peak GFLOP/s (one thread, all)"


def states(figures: pd.DataFrame, rounds: int) -> list[str]:
    """Return the states in which all contenders have enough figures of a network."""
    several = figures[figures["threads"] == "all"]
    counts = several.groupby(["state", "contender"])["epoch"].count().unstack(fill_value=0)
    least = counts.min(axis=1).sort_values(ascending=False)
    return list(least[least >= (rounds + 1) // 2].index)


def times(figures: pd.DataFrame, state: str) -> pd.DataFrame:
    """Return the median seconds of each contender in a state of the machine.

    Those of a peer are with its better number of threads; those of multilayer are with all.
    """
    chosen = figures[figures["state"].isin([state, "any"])]
    medians = chosen.groupby(["threads", "contender"], sort=False)[TIMES].median()
    every = medians.loc["all"].reindex(figures["contender"].unique())
    if "one" not in medians.index:
        return every
    one = medians.loc["one"]
    best = every.clip(upper=one.reindex(every.index))
    ours = [name for name in (OWN, BEFORE) if name in every.index]
    best.loc[ours] = every.loc[ours]
    best.loc[OWN_ONE] = one.loc[OWN]
    return best


def by_state(whole: dict[str, Any]) -> Iterator[tuple[str, dict[str, pd.DataFrame]]]:
    """Yield each state, the most frequent first, and the times of the networks measured in it."""
    figures = pd.DataFrame(whole["figures"])
    tables: dict[str, dict[str, pd.DataFrame]] = {}
    for network, own in figures.groupby("network", sort=False):
        several = own[own["threads"] == "all"].dropna(subset="epoch")
        most = several["state"].value_counts().index[:1]
        for state in states(own, whole["rounds"]) or most:
            tables.setdefault(state, {})[network] = times(own, state)
    yield from sorted(tables.items(), key=lambda item: -len(item[1]))


def table(rows: list[dict[str, str | float]]) -> str:
    """Write Markdown; columns whose names begin with × get a geometric mean and a worst value."""
    frame = pd.DataFrame(rows)
    ratios = [name for name in frame.columns if name.startswith("×")]
    summary = []
    for label, of in (("**geometric mean**", gmean), ("**worst**", min)):
        values = {name: of(frame[name].dropna()) for name in ratios}
        summary.append({frame.columns[0]: label, **values})
    if ratios:
        frame = pd.concat([frame, pd.DataFrame(summary)])
    for name in ratios:
        frame[name] = frame[name].map(lambda ratio: "–" if pd.isna(ratio) else f"{ratio:.2f}")
    align = ["left"] + ["right"] * (frame.shape[1] - 1)
    return frame.fillna("").to_markdown(index=False, colalign=align, disable_numparse=True)


def ms(seconds: float) -> str:
    return "–" if pd.isna(seconds) else f"{seconds * 1e3:.3g}"


def ratios(best: pd.DataFrame, peers: list[str], of: str, label: str = "") -> dict[str, float]:
    own = best.loc[OWN, of]
    return {f"× {peer}{label}": best[of].get(peer, float("nan")) / own for peer in peers}


def report(whole: dict[str, Any]) -> str:
    """Write the state of the machine, its peak, and the tables."""
    figures = pd.DataFrame(whole["figures"])
    peers = [name for name in figures["contender"].unique() if name != OWN]
    one_peak, all_peak = ({d: p[i] for d, p in whole[PEAK].items()} for i in (0, 1))
    several = figures[figures["threads"] == "all"]
    lines = [
        f"{whole['processor']}, {whole['cores']} cores, {whole['instruction set']}; "
        f"load before the run: {whole['load']:.1f}. Peak: "
        + ", ".join(f"{one:.0f} GFLOP/s of {d} with one thread and {all_peak[d]:.0f} with all"
                    for d, one in one_peak.items()) + ".",
    ]  # fmt: skip
    for state, own in several.dropna(subset="epoch").groupby("state"):
        trip = own["round trip"].median()
        between = "" if pd.isna(trip) else f" (median round trip between the cores: {trip:.0f} ns)"
        lines.append(f"{len(own)} figures of all threads in state “{state}”{between}.")
    lines.append(f"{several['discarded'].sum():.0f} discarded, since the state changed meanwhile.")
    for state, networks in by_state(whole):
        epochs, fits = [], []
        for network, best in networks.items():
            shape, count = SHAPE[network], figures[figures["network"] == network]["epochs"].iloc[0]
            own, first, fit = best.loc[OWN, TIMES]
            rate = shape.flop / own / 1e9
            row = {"ms an epoch": network, OWN: ms(own)}
            row |= {peer: ms(best["epoch"].get(peer)) for peer in peers}
            row |= {"GFLOP/s": f"{rate:.0f}", "of the peak": f"{rate / all_peak[shape.dtype]:.0%}"}
            if OWN_ONE in best.index:
                one = best.loc[OWN_ONE, "epoch"]
                row["all threads × one"] = f"{one / own:.2f}"
                share = shape.flop / one / 1e9 / one_peak[shape.dtype]
                row["one thread, of its peak"] = f"{share:.0%}"
            epochs.append(row | ratios(best, peers, "epoch"))
            row = {"ms a fit": network, "1 epoch": ms(first)}
            row |= {"overhead": f"{first / own - 1:.0%}"}
            row |= ratios(best, peers, "first fit", ", 1 epoch")
            row |= {"epochs": f"{count}", "that many": ms(fit)}
            fits.append(row | ratios(best, peers, "whole fit", ", many"))
        lines += ["", f"## State “{state}”", "", table(epochs), "", table(fits)]
    return "\n".join(lines)


def comparison(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Write multilayer's times in two runs side by side, for networks measured in equal states."""
    lines = [f"Peak before: {before[PEAK]}; after: {after[PEAK]}."]
    earlier = dict(by_state(before))
    # The whole fits of two runs may differ in their numbers of epochs.
    counts = [
        pd.DataFrame(whole["figures"]).groupby("network")["epochs"].first()
        for whole in (before, after)
    ]
    for state, networks in by_state(after):
        rows = []
        for network, best in networks.items():
            if network not in earlier.get(state, {}):
                continue
            old, row = earlier[state][network], {"ms before → after": network}
            for name, index, per in (
                ("an epoch", (OWN, "epoch"), (1, 1)),
                ("an epoch, one thread", (OWN_ONE, "epoch"), (1, 1)),
                ("a fit of 1 epoch", (OWN, "first fit"), (1, 1)),
                ("an epoch of a whole fit", (OWN, "whole fit"), [c[network] for c in counts]),
            ):
                if index[0] in old.index and index[0] in best.index:
                    was, now = old.loc[index] / per[0], best.loc[index] / per[1]
                    row |= {name: f"{ms(was)} → {ms(now)}", f"× {name}": was / now}
            rows.append(row)
        if rows:
            lines += ["", f"## State “{state}”", "", table(rows)]
    if len(lines) == 1:
        lines.append("No network was measured in the same state of the machine in both runs.")
    return "\n".join(lines)


if __name__ == "__main__":
    runs = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    print(report(runs[0]))
    if len(runs) > 1:
        print("\n" + comparison(runs[1], runs[0]))
