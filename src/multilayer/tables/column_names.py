"""Names of columns: found again in another table, listed in messages, and made distinct."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

__all__ = ["distinct_names", "find_columns"]


def find_columns(
    needed: Sequence[int], names: Sequence[str], met: Sequence[str], estimator: str
) -> dict[int, int]:
    """Find columns of one table by name in another.

    Parameters
    ----------
    needed : sequence of int
        Positions of the columns to find.
    names, met : sequence of str
        The names of all columns of the first table, and of the other.
    estimator : str
        The name of the estimator that was fitted on the first table, for messages.

    Returns
    -------
    dict
        From positions in the first table to positions in the other.

    Raises
    ------
    ValueError
        If columns are missing.
    """
    there = {name: j for j, name in enumerate(met)}
    missing = [names[j] for j in sorted(needed) if names[j] not in there]
    if missing:
        surplus = [name for name in met if name not in set(names)]
        raise ValueError(
            f"X lacks {_listed(missing)}, which {estimator} was fitted on"
            + (f"; it was not fitted on {_listed(surplus)}" if surplus else "")
        )
    return {j: there[names[j]] for j in needed}


def distinct_names(names: Sequence[str]) -> list[str]:
    """Make names distinct: "a_nan" may be for the gaps of "a", and for its category "nan"."""
    taken, seen = set(names), Counter[str]()
    result = []
    for name in names:
        seen[name] += 1
        new, k = name, seen[name]
        while k > 1 and new in taken:
            new, k = f"{name}_{k}", k + 1
        taken.add(new)
        result.append(new)
    return result


def _listed(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
