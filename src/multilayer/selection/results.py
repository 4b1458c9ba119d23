"""The results of a search, as a table in the form of scikit-learn's `cv_results_`."""

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


def best_rung(candidate: Candidate, last_only: bool) -> int | None:
    """Return the rung whose score counts, or None if the candidate has no score.

    With `last_only` it is the last rung reached; otherwise the last one whose score is not worse
    than the best by more than the standard error of the difference over the folds. An earlier
    score that was better by less is luck rather than an early optimum.
    """
    if candidate.failure or not candidate.scores:
        return None
    last = len(candidate.scores) - 1
    scores = np.array(candidate.scores)  # (rungs, folds)
    best = int(np.argmax(scores.mean(axis=1)))
    if last_only:
        return last
    for rung in range(last, best, -1):
        difference = scores[best] - scores[rung]
        n = len(difference)
        standard_error = difference.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0
        if difference.mean() <= standard_error:
            return rung
    return best


def cv_results(
    candidates: Sequence[Candidate], n_splits: int, rungs: Sequence[int], last_only: bool
) -> dict[str, Array]:
    """Return the table of a search.

    Parameters
    ----------
    candidates : sequence of Candidate
    n_splits : int
    rungs : sequence of int
    last_only : bool
        Whether only the score at the last rung counts, because the first epochs of a long training
        differ from a short training.
    """
    best_rungs = [best_rung(candidate, last_only) for candidate in candidates]
    furthest = max((rung for rung in best_rungs if rung is not None), default=0)
    eligible = np.array(
        [rung is not None and (rung == furthest or not last_only) for rung in best_rungs]
    )
    n_rounds = max((len(candidate.final_scores) for candidate in candidates), default=0)
    eligible &= [len(candidate.final_scores) == n_rounds for candidate in candidates]
    scores = np.full((len(candidates), (1 + n_rounds) * n_splits), np.nan)
    for row, candidate, rung in zip(scores, candidates, best_rungs, strict=True):
        if rung is not None:
            of_one = np.concatenate([candidate.scores[rung], *candidate.final_scores])
            row[: len(of_one)] = of_one
    known = ~np.isnan(scores[:, 0])
    means, deviations, errors = (np.full(len(candidates), np.nan) for _ in range(3))
    means[known] = np.nanmean(scores[known], axis=1)
    deviations[known] = np.nanstd(scores[known], axis=1)
    if n_splits > 1:
        errors[known] = np.nanstd(scores[known], axis=1, ddof=1) / np.sqrt(n_splits)
    order = np.where(eligible, means, np.nan_to_num(means, nan=-np.inf) - 1e9)
    ranked = rankdata(-order, method="min").astype(np.int32)
    epochs = [
        0.0 if rung is None else candidate.epochs[rung]
        for candidate, rung in zip(candidates, best_rungs, strict=True)
    ]
    results: dict[str, Array] = {
        f"param_{name}": _column([candidate.params.get(name) for candidate in candidates])
        for name in sorted({name for candidate in candidates for name in candidate.params})
    }
    results["params"] = _column([candidate.params for candidate in candidates])
    results |= {f"split{k}_test_score": of_one for k, of_one in enumerate(scores.T)}
    results |= {
        "mean_test_score": means,
        "std_test_score": deviations,
        "standard_error": errors,
        "rank_test_score": ranked,
        "mean_fit_time": np.array([candidate.seconds / n_splits for candidate in candidates]),
        "n_parameters": np.array([candidate.n_parameters for candidate in candidates]),
        "n_iter": np.array(epochs),
        "max_iter": np.array([0 if rung is None else rungs[rung] for rung in best_rungs]),
        "n_epochs": np.array(
            [candidate.epochs[-1] if candidate.epochs else 0 for candidate in candidates]
        ),
        "eligible": eligible,
        "failure": np.array([candidate.failure for candidate in candidates], dtype=object),
    }
    return results


def _column(values: Sequence[Any]) -> Array:
    """Return an array of objects, one for each value."""
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return column


def simplest_within_one_standard_error(cv_results: Mapping[str, Array]) -> int:
    """Return the candidate with the fewest parameters among those within one standard error.

    These are the candidates whose mean score is not below the best mean score by more than the
    standard error of the latter. Of two equally simple ones the better is returned. The function
    can be passed as `refit` of a search.

    Source: Breiman, Friedman, Olshen and Stone, *Classification and Regression Trees* (1984),
    section 3.4.3.

    Parameters
    ----------
    cv_results : dict
        As `HiddenLayerSearchCV.cv_results_`.

    Returns
    -------
    int
        The index of the candidate.
    """
    means = np.where(cv_results["eligible"], cv_results["mean_test_score"], np.nan)
    best = int(np.nanargmax(means))
    least = means[best] - np.nan_to_num(cv_results["standard_error"][best])
    near = np.flatnonzero(means >= least)
    order = np.lexsort((-means[near], np.asarray(cv_results["n_parameters"])[near]))
    return int(near[order[0]])


def ranking(search: Any, n: int = 5) -> tuple[list[str], list[list[str]]]:
    """Tabulate the best candidates of a search, with the one chosen and the simplest.

    Parameters
    ----------
    search : HiddenLayerSearchCV
        Fitted.
    n : int, default=5
        The number of best candidates.

    Returns
    -------
    head : list of str
        The names of the columns: a mark, the layers, the parameters that differ, "weights",
        "epochs" and "score".
    rows : list of list of str
    """
    results = search.cv_results_
    shown = np.argsort(results["rank_test_score"], kind="stable")[:n].tolist()
    marks = {search.simplest_index_: "simple"} | {search.best_index_: "chosen"}
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
            *(_formatted(results[name][index]) for name in differ),
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


def _formatted(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2g}" if isinstance(value, float) else str(value)
