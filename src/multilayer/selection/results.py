"""What came out of a search, as scikit-learn's tables have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from multilayer.selection.halving import Candidate

__all__ = ["best_rung", "cv_results", "ranking", "simplest_within_one_standard_error"]

Array = NDArray[Any]

_SHORT = {"alpha": "λ", "learning_rate_init": "rate", "activation": "units", "dropout": "drop"}


def best_rung(candidate: Candidate, whole: bool) -> int | None:
    """Give the rung whose score counts.

    That is the last one where `whole`; else the last that is not worse than the best by more than
    the standard error of the difference over the folds. A score that was better earlier by less
    was luck rather than an early optimum.
    """
    if candidate.failure or not candidate.scores:
        return None
    last = len(candidate.scores) - 1
    scores = np.array(candidate.scores)  # (rungs, folds)
    best = int(np.argmax(scores.mean(axis=1)))
    if whole:
        return last
    for rung in range(last, best, -1):
        behind = scores[best] - scores[rung]
        spread = behind.std(ddof=1) / np.sqrt(len(behind)) if len(behind) > 1 else 0.0
        if behind.mean() <= spread:
            return rung
    return best


def cv_results(
    candidates: Sequence[Candidate], n_splits: int, rungs: Sequence[int], whole: bool
) -> dict[str, Array]:
    """Give the table of a search.

    Parameters
    ----------
    candidates : sequence of Candidate
    n_splits : int
    rungs : sequence of int
    whole : bool
        Whether scores before the last rung say nothing of shorter trainings.
    """
    places = [best_rung(candidate, whole) for candidate in candidates]
    furthest = max((place for place in places if place is not None), default=0)
    eligible = np.array(
        [place is not None and (place == furthest or not whole) for place in places]
    )
    rounds = max((len(candidate.finals) for candidate in candidates), default=0)
    eligible &= [len(candidate.finals) == rounds for candidate in candidates]
    scores = np.full((len(candidates), (1 + rounds) * n_splits), np.nan)
    for row, candidate, place in zip(scores, candidates, places, strict=True):
        if place is not None:
            judged = np.concatenate([candidate.scores[place], *candidate.finals])
            row[: len(judged)] = judged
    known = ~np.isnan(scores[:, 0])
    means, spread, wide = (np.full(len(candidates), np.nan) for _ in range(3))
    means[known] = np.nanmean(scores[known], axis=1)
    spread[known] = np.nanstd(scores[known], axis=1)
    if n_splits > 1:
        wide[known] = np.nanstd(scores[known], axis=1, ddof=1) / np.sqrt(n_splits)
    order = np.where(eligible, means, np.nan_to_num(means, nan=-np.inf) - 1e9)
    ranked = rankdata(-order, method="min").astype(np.int32)
    epochs = [
        0.0 if place is None else candidate.epochs[place]
        for candidate, place in zip(candidates, places, strict=True)
    ]
    results: dict[str, Array] = {
        f"param_{name}": _column([candidate.params.get(name) for candidate in candidates])
        for name in sorted({name for candidate in candidates for name in candidate.params})
    }
    results["params"] = _column([candidate.params for candidate in candidates])
    results |= {f"split{k}_test_score": of_one for k, of_one in enumerate(scores.T)}
    results |= {
        "mean_test_score": means,
        "std_test_score": spread,
        "standard_error": wide,
        "rank_test_score": ranked,
        "mean_fit_time": np.array([candidate.seconds / n_splits for candidate in candidates]),
        "n_parameters": np.array([candidate.n_parameters for candidate in candidates]),
        "n_iter": np.array(epochs),
        "max_iter": np.array([0 if place is None else rungs[place] for place in places]),
        "n_epochs": np.array(
            [candidate.epochs[-1] if candidate.epochs else 0 for candidate in candidates]
        ),
        "eligible": eligible,
        "failure": np.array([candidate.failure for candidate in candidates], dtype=object),
    }
    return results


def _column(values: Sequence[Any]) -> Array:
    """Give an array of one value each, whatever they are."""
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return column


def simplest_within_one_standard_error(cv_results: Mapping[str, Array]) -> int:
    """Give the candidate of fewest parameters that is as good as the best, or nearly.

    That is, whose mean score is not below the best one's by more than the standard error of that.
    Of equally simple ones, the better. For `refit`.

    Source: Breiman, Friedman, Olshen and Stone, *Classification and Regression Trees* (1984),
    section 3.4.3.

    Parameters
    ----------
    cv_results : dict
        As `HiddenLayerSearchCV.cv_results_`.

    Returns
    -------
    int
        Its index.
    """
    means = np.where(cv_results["eligible"], cv_results["mean_test_score"], np.nan)
    best = int(np.nanargmax(means))
    least = means[best] - np.nan_to_num(cv_results["standard_error"][best])
    near = np.flatnonzero(means >= least)
    order = np.lexsort((-means[near], np.asarray(cv_results["n_parameters"])[near]))
    return int(near[order[0]])


def ranking(search: Any, n: int = 5) -> tuple[list[str], list[list[str]]]:
    """Tabulate the best candidates of a search, with the one taken and the simplest.

    Parameters
    ----------
    search : HiddenLayerSearchCV
        Fitted.
    n : int, default=5
        How many of the best.

    Returns
    -------
    head : list of str
        Names of the columns: what it is, its layers, parameters that differ, "weights", "epochs",
        and the score.
    rows : list of list of str
    """
    results = search.cv_results_
    shown = np.argsort(results["rank_test_score"], kind="stable")[:n].tolist()
    marks = {search.simplest_index_: "simple"} | {search.best_index_: "taken"}
    shown += [index for index in marks if index not in shown]
    differ = [
        name
        for name in results
        if name.startswith("param_")
        and name != "param_hidden_layer_sizes"
        and len({str(value) for value in results[name] if value is not None}) > 1
    ]
    names = [name.removeprefix("param_") for name in differ]
    rows = [
        [
            marks.get(index, ""),
            _layers(results["params"][index]),
            *(_said(results[name][index]) for name in differ),
            str(results["n_parameters"][index]),
            f"{results['n_iter'][index]:.0f}",
            f"{results['mean_test_score'][index]:.3f} ± {results['standard_error'][index]:.3f}",
        ]
        for index in shown
    ]
    return ["", "layers", *(_SHORT.get(name, name) for name in names), "weights", "epochs",
            "score"], rows  # fmt: skip


def _layers(params: Mapping[str, Any]) -> str:
    layers = params.get("hidden_layer_sizes", "as given")
    return layers if isinstance(layers, str) else "-".join(map(str, layers)) or "none"


def _said(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2g}" if isinstance(value, float) else str(value)
