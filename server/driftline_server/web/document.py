"""A report as JSON: the very object that `driftline drift --json` prints."""

import json
import math
from typing import Any

from driftline_core.drift import DISTANCES
from driftline_core.instants import moment
from driftline_core.query import ColumnDrift
from driftline_server.web.questions import Seen


def document(seen: Seen) -> str:
    """What has no value is null; times are ISO 8601 in UTC."""
    report = seen.report
    window = report.window
    told = {
        "endpoint": seen.endpoint,
        "drift": _number(report.drift),
        "status": str(report.status),
        "rows": window.profile.rows,
        "start": moment(window.start_us).isoformat(),
        "end": moment(window.end_us).isoformat(),
        "rows_other_reference": window.rows_other_reference,
        "reference_version": window.reference.version,
        "convention": report.convention,
        "columns": [_column(each) for each in report.columns],
    }
    return json.dumps(told, indent=2, allow_nan=False) + "\n"


def _column(said: ColumnDrift) -> dict[str, Any]:
    counts = {name: getattr(said, name) for name in ("rows", "nulls", "missing", "below", "above", "unseen")}
    measures = {name: _number(said.distances[name]) for name in DISTANCES} | {"drift": _number(said.drift)}
    moments = {
        "mean": said.moments.mean,
        "std": said.moments.std,
        "min": said.moments.low,
        "max": said.moments.high,
        "reference_mean": said.reference_moments.mean,
        "reference_std": said.reference_moments.std,
    }
    return {
        "column": said.column.name,
        "role": str(said.column.role),
        "kind": str(said.column.kind),
        **counts,
        **measures,
        "status": said.status and str(said.status),
        **{name: _number(value) for name, value in moments.items()},
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
