"""Alerts: what in the table would make the scores of a model misleading."""

from __future__ import annotations

from collections.abc import Sequence

from multilayer.report.sections import Section, counted
from multilayer.tables.alerts import Alert

__all__ = ["alerts"]

MOST_ALERTS = 20


def alerts(found: Sequence[Alert]) -> Section:
    """List the alerts, each with what to do about it.

    Parameters
    ----------
    found : sequence of Alert
        The serious ones first.
    """
    if not found:
        reading = (
            "No alerts. The table was examined for columns that determine the target, identifiers, "
            "duplicated rows, rows that are ordered by a date, too few rows, imbalanced classes, "
            "missing values and constant columns."
        )
        return Section("alerts", "Alerts", reading, wide=True)
    serious = sum(alert.serious for alert in found)
    more = len(found) - MOST_ALERTS
    reading = (
        f"{counted(serious, 'property', 'properties')} of the table can make the scores below "
        "misleading. Read this before anything else."
        if serious
        else "Nothing was found that makes the scores below misleading, but there are remarks."
    )
    if more > 0:
        reading += f" Only the first {MOST_ALERTS} alerts are listed; {more} are left out."
    return Section("alerts", "Alerts", reading, wide=True, alerts=found[:MOST_ALERTS])
