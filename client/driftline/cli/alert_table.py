"""Alerts as a terminal shows them: a table of many, a line for one that just moved, one in full."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from driftline.cli.text import ago, between, instant, plain

if TYPE_CHECKING:
    import driftline

STYLES = {"firing": "bold red", "acknowledged": "yellow", "pending": "dim", "resolved": "green"}


def alerts_table(rows: Sequence[Mapping[str, Any]], now: datetime) -> Table:
    """One line per alert."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("id", "state", "severity", "since", "summary"):
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(
            row["id"],
            Text(row["state"], STYLES.get(row["state"], "")),
            row["severity"],
            ago(row["first_seen"], now),
            Text(plain(row["summary"])),
        )
    return table


def alert_line(alert: "driftline.Alert") -> Text:
    """What became of an alert, in one line."""
    state = (alert.state, STYLES.get(alert.state, ""))
    return Text.assemble(f"{alert.id}  ", state, f"  {alert.severity}  {plain(alert.summary)}")


def alert_parts(alert: "driftline.Alert") -> list[RenderableType]:
    """Everything the server knows of one alert, from top to bottom."""
    head = Text.assemble((alert.state, STYLES.get(alert.state, "")), "  ", (plain(alert.summary), "bold"), no_wrap=True)
    facts = {
        "id": alert.id,
        "rule": alert.rule,
        "endpoint": alert.endpoint,
        **({"column": alert.column} if alert.column else {}),
        "event": alert.event,
        "severity": alert.severity,
        "seen": f"{instant(alert.first_seen)} to {instant(alert.last_seen)} UTC",
        "window": between(alert.start, alert.end),
    }
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, fact in facts.items():
        table.add_row(Text(name, "dim"), Text(plain(fact)))
    return [head, table, "", _evidence(alert), "", _steps(alert)]


def value_text(value: float | None) -> str:
    """A value as people read it; a dash where there is none.

    >>> value_text(0.87654), value_text(None), value_text(float("nan"))
    ('0.8765', '–', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _evidence(alert: "driftline.Alert") -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title, justify in (("column", "left"), ("metric", "left"), ("value", "right"), ("level", "right"), ("", "left")):
        table.add_column(title, justify="right" if justify == "right" else "left")
    for each in alert.evidence:
        table.add_row(
            Text(plain(each.column or "the endpoint")),
            Text(plain(each.metric)),
            value_text(each.value),
            value_text(each.level),
            each.status,
        )
    if alert.breaches > len(alert.evidence):
        table.add_row(Text(f"and {alert.breaches - len(alert.evidence):,} more: driftline drift shows all", "dim"))
    return table


def _steps(alert: "driftline.Alert") -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for step in alert.steps:
        table.add_row(
            Text(f"{instant(step.at)} UTC", "dim"), Text(step.after, STYLES.get(step.after, "")), Text(plain(step.reason))
        )
    return table
