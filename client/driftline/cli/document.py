"""What `--json` prints: answers of the client as plain JSON values. Times are ISO 8601 in UTC, what has no value is null."""

import math
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import DataclassInstance

    import driftline


def endpoint_document(endpoint: "driftline.Endpoint") -> dict[str, Any]:
    """An endpoint, in the words of driftline.Endpoint; `stale_after` in seconds."""
    document = _plain(asdict(endpoint))
    assert isinstance(document, dict)
    return document


def report_document(report: "driftline.Report") -> dict[str, Any]:
    """A report, in the words of driftline.Report; `columns` is a list of objects."""
    return {
        "endpoint": report.endpoint,
        "drift": _plain(report.drift),
        "status": report.status,
        "rows": report.rows,
        "start": _plain(report.start),
        "end": _plain(report.end),
        "rows_other_reference": report.rows_other_reference,
        "reference_version": report.reference_version,
        "convention": report.convention,
        "columns": _plain(report.columns.to_pylist()),
    }


def history_document(table: "pa.Table") -> dict[str, Any]:
    """What client.history() answers; `points` is a list of objects, `column` null for the endpoint as a whole."""
    whose = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    return {**whose, "column": whose["column"] or None, "points": _plain(table.to_pylist())}


def table_document(table: "pa.Table") -> list[Any]:
    """A table as a list of objects."""
    document = _plain(table.to_pylist())
    assert isinstance(document, list)
    return document


def fact_document(fact: "DataclassInstance") -> dict[str, Any]:
    """An alert, a rule, a silence, a receiver, a delivery, in the client's words; lengths of time in seconds."""
    document = _plain(asdict(fact))
    assert isinstance(document, dict)
    return document


def kept_document(kept: "driftline.Kept") -> dict[str, Any]:
    """What is kept of a span, in the words of driftline.Kept, without the schema; `hour` in seconds."""
    document = _plain({name: getattr(kept, name) for name in ("endpoint", "start", "end", "rows", "share", "hour", "timestamp")})
    assert isinstance(document, dict)
    return document | {"gaps": [_plain(asdict(gap)) for gap in kept.gaps]}


def _plain(value: object) -> object:
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case float() if not math.isfinite(value):
            return None
    return value
