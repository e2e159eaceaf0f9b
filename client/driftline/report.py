"""What a drift query answers, and how it reads in a terminal and in a notebook."""

import html
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from driftline.endpoint import column_from
from driftline.spans import moment
from driftline_proto.v1 import metrics_pb2, schema_pb2

STATUSES = {
    schema_pb2.STATUS_NO_DETECTION: "no_detection",
    schema_pb2.STATUS_POTENTIAL: "potential",
    schema_pb2.STATUS_DETECTED: "detected",
    schema_pb2.STATUS_INSUFFICIENT_DATA: "insufficient_data",
}
DISTANCES = ("tvd", "hellinger", "kld")
COUNTS = ("rows", "nulls", "missing", "below", "above", "unseen")
MOMENTS = ("mean", "std", "min", "max", "reference_mean", "reference_std")
SCHEMA = pa.schema(
    [("column", pa.string()), ("role", pa.string()), ("kind", pa.string())]
    + [(name, pa.int64()) for name in COUNTS]
    + [(name, pa.float64()) for name in (*DISTANCES, "drift")]
    + [("status", pa.string())]
    + [(name, pa.float64()) for name in MOMENTS]
)
SHOWN = ("column", "role", "rows", "nulls", "tvd", "hellinger", "drift", "status")
COLOURS = {"detected": "#c62828", "potential": "#ef6c00", "no_detection": "#2e7d32", "insufficient_data": "#757575"}


@dataclass(frozen=True, slots=True)
class Report:
    """Drift of an endpoint over [start, end), event time, aware UTC: the span the server used.

    `drift` is the mean over the feature columns (NaN where none has a value). Statuses, here and in `columns`, are
    "no_detection", "potential", "detected" and "insufficient_data". `columns` has one row per column; a label's status is null.
    """

    endpoint: str
    drift: float
    status: str
    rows: int
    start: datetime
    end: datetime
    rows_other_reference: int
    reference_version: int
    convention: str
    columns: pa.Table

    def __repr__(self) -> str:
        """The verdict in one line, then one line per column, the most drifted first."""
        return "\n".join([self._verdict(), *_lines([SHOWN, *self._cells()])])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in SHOWN)
        body = "".join(f"<tr>{''.join(_cell(text) for text in row)}</tr>" for row in self._cells())
        verdict = html.escape(self._verdict())
        return f"<div><p><b>{verdict}</b></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"

    def _verdict(self) -> str:
        span = f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"
        return f"{self.endpoint}: {self.status}, drift {self.drift:.3f} over {self.rows} rows, {span}"

    def _cells(self) -> list[tuple[str, ...]]:
        rows = sorted(self.columns.select(SHOWN).to_pylist(), key=lambda row: -row["drift"] if row["drift"] >= 0 else 1)
        return [tuple(_text(row[name]) for name in SHOWN) for row in rows]


def report_from(message: metrics_pb2.GetDriftResponse) -> Report:
    """The report of a wire message."""
    return Report(
        endpoint=message.endpoint,
        drift=message.drift,
        status=STATUSES.get(message.status, ""),
        rows=message.rows,
        start=moment(message.start_us),
        end=moment(message.end_us),
        rows_other_reference=message.rows_other_reference,
        reference_version=message.reference_version,
        convention=message.convention,
        columns=pa.Table.from_pylist([_row(column) for column in message.columns], schema=SCHEMA),
    )


def _row(message: metrics_pb2.ColumnDrift) -> dict[str, Any]:
    column = column_from(message.column)
    row = {name: getattr(message, name) for name in (*COUNTS, "drift", *MOMENTS)}
    row |= {name: message.distances.get(name, float("nan")) for name in DISTANCES}
    return row | {"column": column.name, "role": column.role, "kind": column.kind, "status": STATUSES.get(message.status)}


def histogram_from(message: metrics_pb2.GetHistogramResponse) -> pa.Table:
    """One row per bin: bin, lower and upper (numeric) or category, reference, current. Guard bins have no bounds."""
    numeric = message.column.kind == schema_pb2.KIND_NUMERIC
    named = {"bin": pa.array([bin_.name for bin_ in message.bins], pa.string())}
    if numeric:
        for name in ("lower", "upper"):
            named[name] = pa.array([getattr(b, name) if b.HasField(name) else None for b in message.bins], pa.float64())
    else:
        named["category"] = pa.array([b.category if b.HasField("category") else None for b in message.bins], pa.string())
    for name in ("reference", "current"):
        named[name] = pa.array([getattr(bin_, name) for bin_ in message.bins], pa.int64())
    return pa.table(named)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return "" if value is None else str(value)


def _lines(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cell(text: str) -> str:
    colour = COLOURS.get(text)
    style = f' style="color:{colour}"' if colour else ""
    return f"<td{style}>{html.escape(text)}</td>"
