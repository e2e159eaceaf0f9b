"""Endpoints as a terminal shows them: a list of many, one in full."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from driftline.cli.text import ago, count, instant, plain

if TYPE_CHECKING:
    import driftline

# Counters that are news only when they are not zero, and what they say.
MISHAPS = {
    "duplicate_batches": "batches sent again, not counted again",
    "rejected_batches": "batches refused",
    "future_rows": "rows refused: more than 5 minutes ahead of the server's clock",
    "expired_rows": "rows refused: older than what is kept",
    "dropped_rows": "rows dropped by clients whose buffer was full",
    "unconvertible_rows": "rows that did not fit the schema",
    "lost_rows": "rows acknowledged once and since forgotten",
}


def endpoints_table(endpoints: list["driftline.Endpoint"], now: datetime) -> Table:
    """One line per endpoint."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("endpoint", overflow="fold")
    for title in ("rows", "reference", "columns"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("last row", no_wrap=True)
    for endpoint in endpoints:
        table.add_row(
            Text(plain(endpoint.name), "bold"),
            count(endpoint.counters.rows),
            count(endpoint.reference_rows),
            str(len(endpoint.columns)),
            _last_row(endpoint, now),
        )
    return table


def endpoint_parts(endpoint: "driftline.Endpoint") -> list[RenderableType]:
    """Everything the server knows of one endpoint, from top to bottom."""
    return [Text(plain(endpoint.name), "bold", no_wrap=True), _facts(endpoint), "", _columns(endpoint)]


def _facts(endpoint: "driftline.Endpoint") -> Table:
    potential, detected = endpoint.thresholds
    facts: dict[str, str | Text] = {
        "created": f"{instant(endpoint.created)} UTC",
        "reference": f"version {endpoint.reference_version}, {endpoint.reference_rows:,} rows",
        "rows": f"{endpoint.counters.rows:,} in {endpoint.counters.batches:,} batches",
        "last row": _last_row(endpoint, datetime.now(UTC)),
        "newest": f"{instant(endpoint.watermark)} UTC, event time" if endpoint.watermark is not None else "–",
        "verdict": f"potential from {potential:g}, detected from {detected:g}, with at least {endpoint.rows_min} rows",
    }
    if endpoint.reserved:
        facts["reserved"] = ", ".join(_mapped(name, column) for name, column in sorted(endpoint.reserved.items()))
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, fact in facts.items():
        table.add_row(Text(name, "dim"), fact)
    for counter, meaning in MISHAPS.items():
        if happened := getattr(endpoint.counters, counter):
            table.add_row("", Text(f"{happened:,} {meaning}", "yellow"))
    return table


def _mapped(name: str, column: str) -> str:
    return name if name == column else plain(f"{name} (column {column})")


def _columns(endpoint: "driftline.Endpoint") -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("column", overflow="fold")
    table.add_column("role", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    own = endpoint.column_thresholds
    if own:
        table.add_column("own thresholds", no_wrap=True)
    for column in endpoint.columns:
        pair = ", ".join(f"{value:g}" for value in own.get(column.name, ()))
        table.add_row(Text(plain(column.name)), column.role, column.kind, *([pair] if own else []))
    return table


def _last_row(endpoint: "driftline.Endpoint", now: datetime) -> Text:
    if endpoint.last_arrival is None:
        return Text("none yet", "dim")
    return Text(ago(endpoint.last_arrival, now) + (", stale" if endpoint.stale else ""), "yellow" if endpoint.stale else "")
