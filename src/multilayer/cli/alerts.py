"""The alerts about a table, as the commands print them before they train."""

from __future__ import annotations

import shlex

from rich.console import Console

from multilayer.cli.data import Data
from multilayer.cli.messages import shown
from multilayer.tables.alerts import Alert, find_alerts
from multilayer.tables.dependence import INDEPENDENT, Dependence

__all__ = ["print_alerts"]

_OPTIONS = {"order": "--time", "groups": "--groups"}


def print_alerts(data: Data, console: Console, dependence: Dependence = INDEPENDENT) -> None:
    """Print a line for each alert about a table, with the option that would act on it."""
    for alert in find_alerts(
        data.X, data.y, classes=data.classes, target=data.target, dependence=dependence
    ):
        mark, style = ("!", "bold yellow") if alert.serious else ("·", "dim")
        console.print(f"[{style}]{mark}[/] {shown(alert.message)} {shown(_advice(alert))}")


def _advice(alert: Alert) -> str:
    option = "--drop" if alert.droppable else _OPTIONS.get(alert.kind)
    if option is None:
        return alert.advice
    options = " ".join(f"{option} {shlex.quote(name)}" for name in alert.columns)
    return f"{alert.advice.rstrip('.')}: {options}"
