"""The alerts about a table, as the commands print them before they train."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console

from multilayer.cli.data import Data
from multilayer.cli.messages import shown
from multilayer.tables.alerts import Alert, find_alerts
from multilayer.tables.dependence import INDEPENDENT, Dependence

__all__ = ["print_alerts"]

_OPTIONS = {"order": "--time", "groups": "--groups"}


def print_alerts(
    data: Data,
    console: Console,
    dependence: Dependence = INDEPENDENT,
    known: Sequence[Alert] = (),
) -> list[Alert]:
    """Print a line for each alert about a table, with the option that would act on it.

    Parameters
    ----------
    data : Data
    console : Console
    dependence : Dependence
        Of its rows.
    known : sequence of Alert
        Alerts that are not printed again.

    Returns
    -------
    list of Alert
        Those known, and those printed.
    """
    found = find_alerts(
        data.X, data.y, classes=data.classes, target=data.target, dependence=dependence
    )
    for alert in (new := [alert for alert in found if alert not in known]):
        mark, style = ("!", "bold yellow") if alert.serious else ("·", "dim")
        console.print(f"[{style}]{mark}[/] {shown(alert.message)} {shown(_advice(alert))}")
    return [*known, *new]


def _advice(alert: Alert) -> str:
    option = "--drop" if alert.droppable else _OPTIONS.get(alert.kind)
    if option is None:
        return alert.advice
    options = " ".join(f"{option} {shlex.quote(name)}" for name in alert.columns)
    return f"{alert.advice.rstrip('.')}: {options}"
