"""Saving hours: each is replaced whole, and what is stored in the end depends on what was saved, not on the order.

A revision is kept unless one that is not higher covers more of the journal (`through`); the highest kept one holds, and alone has
its profile.
"""

import sqlite3
from dataclasses import dataclass

from driftline_core.drift import Status
from driftline_core.query import Report
from driftline_server.store.hour import Hour
from driftline_server.store.measures import COLUMN_METRICS, STATUS_IDS, measures_of

# Revisions kept of an hour: the first and the newest ones. A stream that is always late makes one every few seconds.
REVISIONS_MAX = 24

_STORED = "SELECT id, revision, through FROM hours WHERE endpoint_id = ? AND start_us = ? ORDER BY revision"
_INSERT_HOUR = (
    "INSERT INTO hours (endpoint_id, start_us, revision, end_us, rows, rows_other_reference, reference_version, drift, status, "
    "through, closed_us, profile) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_COLUMNS = (
    f"INSERT INTO hour_columns (hour_id, column_id, status, {', '.join(COLUMN_METRICS)}) "
    f"VALUES (?, ?, ?{', ?' * len(COLUMN_METRICS)})"
)


@dataclass(frozen=True, slots=True)
class Keys:
    """How tables name an endpoint and its columns."""

    endpoint_id: int
    column_ids: dict[str, int]


def save_hour(connection: sqlite3.Connection, keys: Keys, hour: Hour) -> None:
    """Stores an hour with its columns, unless what is stored covers more."""
    stored = connection.execute(_STORED, (keys.endpoint_id, hour.start_us)).fetchall()
    if any(revision <= hour.revision and through > hour.through for _, revision, through in stored):
        return
    kept: list[tuple[int, int]] = []
    dropped: list[tuple[int, int]] = []
    for id_, revision, through in stored:
        replaced = revision == hour.revision or (revision > hour.revision and through < hour.through)
        (dropped if replaced else kept).append((id_, revision))
    is_newest = not kept or hour.revision > kept[-1][1]
    if is_newest and kept:
        connection.execute("UPDATE hours SET profile = NULL WHERE id = ?", (kept[-1][0],))
    dropped += kept[1 : max(1, len(kept) + 2 - REVISIONS_MAX)]
    connection.executemany("DELETE FROM hours WHERE id = ?", [(id_,) for id_, _ in dropped])
    hour_id = connection.execute(_INSERT_HOUR, _hour_row(keys, hour, is_newest=is_newest)).lastrowid
    assert hour_id is not None
    if hour.report is not None:
        connection.executemany(_INSERT_COLUMNS, _column_rows(keys, hour.report, hour_id))


def _hour_row(keys: Keys, hour: Hour, *, is_newest: bool) -> tuple[object, ...]:
    report = hour.report
    measured = (
        (0, 0, None, None, STATUS_IDS[Status.INSUFFICIENT_DATA])
        if report is None
        else (
            report.window.profile.rows,
            report.window.rows_other_reference,
            report.window.reference.version,
            report.drift,
            STATUS_IDS[report.status],
        )
    )
    profile = hour.profile if is_newest else None
    return (keys.endpoint_id, hour.start_us, hour.revision, hour.end_us, *measured, hour.through, hour.closed_us, profile)


def _column_rows(keys: Keys, report: Report, hour_id: int) -> list[tuple[float | None, ...]]:
    ids, status_ids = keys.column_ids, STATUS_IDS
    return [
        (hour_id, ids[each.column.name], None if each.status is None else status_ids[each.status], *measures_of(each))
        for each in report.columns
    ]
