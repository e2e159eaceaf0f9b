"""What was saved, read from any thread: short reads on connections that cannot write, and that never hold the writer up."""

import queue
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from driftline_core.delivery import Losses
from driftline_core.drift import Status
from driftline_core.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted
from driftline_core.schema import Column, Kind, Role
from driftline_server.store.database import DAMAGED, is_damaged, open_reader
from driftline_server.store.endpoint import StoredCount, StoredEndpoint, StoredProducer, StoredReference, spec_from_json
from driftline_server.store.hour import Point, StoredHour
from driftline_server.store.measures import COLUMN_METRICS, COUNTS, ENDPOINT_METRICS, STATUS_IDS, STATUSES
from driftline_server.store.views import NEWEST

Revisions = Literal["newest", "all"]

# Idle connections kept; more are opened when more threads read at once, and closed when they are done.
_IDLE_MAX = 16
# Hours read at once by `newest`: their profiles are in memory together.
_PAGE_HOURS = 256
# Points of one answer; a longer history is asked for in parts.
POINTS_MAX = 200_000

_ENDPOINT = "(SELECT id FROM endpoints WHERE uid = ? AND deleted_us IS NULL)"
_HOUR = f"SELECT start_us, end_us, revision, through, profile FROM hours WHERE endpoint_id = {_ENDPOINT}"
_ONE = f"{_HOUR} AND start_us = ? ORDER BY revision DESC LIMIT 1"
_PAGE = f"{_HOUR} AND start_us >= ? AND start_us < ? AND {NEWEST} ORDER BY start_us LIMIT {_PAGE_HOURS}"


class Reader:
    """Answers from what is committed: a save is seen once its future is done."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue(_IDLE_MAX)

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    def endpoints(self) -> list[StoredEndpoint]:
        """The endpoints that are not deleted, the oldest first."""
        found = self._rows("SELECT id, uid, name, spec, created_us FROM endpoints WHERE deleted_us IS NULL ORDER BY created_us, id")
        columns: dict[int, list[Column]] = {}
        for id_, name, role, kind in self._rows("SELECT endpoint_id, name, role, kind FROM columns ORDER BY endpoint_id, position"):
            columns.setdefault(id_, []).append(Column(name, Role(role), Kind(kind)))
        return [
            StoredEndpoint(uid, name, spec_from_json(spec), tuple(columns.get(id_, ())), created_us)
            for id_, uid, name, spec, created_us in found
        ]

    def uids(self) -> set[str]:
        """The endpoints that are not deleted."""
        return {uid for (uid,) in self._rows("SELECT uid FROM endpoints WHERE deleted_us IS NULL")}

    def references(self, uid: str) -> list[StoredReference]:
        """The references of an endpoint by rising version, the last one in force."""
        sql = f"SELECT version, set_us, rows, body FROM reference_versions WHERE endpoint_id = {_ENDPOINT} ORDER BY version"
        return [StoredReference(*row) for row in self._rows(sql, uid)]

    def producers(self, uid: str) -> list[StoredProducer]:
        """The producers of an endpoint, the idlest first."""
        sql = (
            "SELECT producer_id, epoch, admitted, last_seen_us, dropped, unconvertible, lost FROM producers "
            f"WHERE endpoint_id = {_ENDPOINT} ORDER BY last_seen_us, producer_id"
        )
        return [
            StoredProducer(id_, epoch, admitted, Losses(*losses), last_seen_us)
            for id_, epoch, admitted, last_seen_us, *losses in self._rows(sql, uid)
        ]

    def counts(self) -> dict[str, StoredCount]:
        """What endpoints (by uid) have counted; not known of every endpoint."""
        found = self._rows("SELECT uid, rows, expired, lost FROM endpoint_counts JOIN endpoints ON endpoints.id = endpoint_id")
        return {uid: StoredCount(*row) for uid, *row in found}

    def closed_until_us(self) -> dict[str, int]:
        """Up to when the hours of each endpoint (by uid) have been closed; without the endpoints of which none has."""
        return dict(
            self._rows("SELECT uid, closed_until_us FROM endpoints WHERE deleted_us IS NULL AND closed_until_us IS NOT NULL")
        )

    def hour(self, uid: str, start_us: int) -> StoredHour | None:
        """The newest revision of an hour; None where none is stored."""
        rows = self._rows(_ONE, uid, start_us)
        return StoredHour(*rows[0]) if rows else None

    def oldest_us(self, uid: str) -> int | None:
        """Where the first stored hour of an endpoint begins; None where none is stored."""
        rows = self._rows(f"SELECT min(start_us) FROM hours WHERE endpoint_id = {_ENDPOINT}", uid)
        return rows[0][0] if rows else None

    def newest(self, uid: str, start_us: int, end_us: int) -> Iterator[StoredHour]:
        """The newest revisions of the hours that begin in [start, end), in order; read page by page, so that any span fits."""
        while page := self._rows(_PAGE, uid, start_us, end_us):
            yield from (StoredHour(*row) for row in page)
            start_us = page[-1][0] + 1

    def history(
        self, uid: str, metric: str, column: str | None, *, since_us: int, until_us: int, revisions: Revisions = "newest"
    ) -> list[Point]:
        """A metric of the hours that begin in [since, until), by start and revision.

        Without a column one of ENDPOINT_METRICS, with one of COLUMN_METRICS. An hour without rows has a point, with zero counts.
        Raises InvalidInput for an unknown metric, NotFound for an unknown column, ResourceExhausted past POINTS_MAX points.
        """
        known = ENDPOINT_METRICS if column is None else COLUMN_METRICS
        if metric not in known:
            raise InvalidInput(_no_metric(metric, column), field="metric")
        if column is None:
            select, parameters, is_label = f"hours.rows, hours.{metric}, hours.status FROM hours", [], False
        else:
            column_id, is_label = self._column(uid, column)
            select = _of_column(metric)
            parameters = [column_id]
        sql = (
            f"SELECT hours.start_us, hours.end_us, hours.revision, {select} WHERE hours.endpoint_id = {_ENDPOINT} "
            f"AND hours.start_us >= ? AND hours.start_us < ? {f'AND {NEWEST}' if revisions == 'newest' else ''} "
            f"ORDER BY hours.start_us, hours.revision LIMIT {POINTS_MAX + 1}"
        )
        rows = self._rows(sql, *parameters, uid, since_us, until_us)
        if len(rows) > POINTS_MAX:
            raise ResourceExhausted(f"this history has more than {POINTS_MAX} points; ask for a shorter span", field="since_us")
        return [
            Point(start, end, revision, count, _number(value), None if is_label else STATUSES[status])
            for start, end, revision, count, value, status in rows
        ]

    def _column(self, uid: str, name: str) -> tuple[int | None, bool]:
        """A column's id, None where the endpoint is not stored, and whether it is a label."""
        found = {
            column: (id_, role == Role.LABEL)
            for column, id_, role in self._rows(f"SELECT name, id, role FROM columns WHERE endpoint_id = {_ENDPOINT}", uid)
        }
        if found and name not in found:
            raise NotFound(f"no column {name!r}; there are {', '.join(found)}", field="column")
        return found.get(name, (None, False))

    def _rows(self, sql: str, *parameters: Any) -> list[Any]:
        with self._connection() as connection, closing(connection.execute(sql, parameters)) as cursor:
            return cursor.fetchall()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = open_reader(self._path)
        try:
            yield connection
        except BaseException as error:
            connection.close()
            if is_damaged(error):
                raise FailedPrecondition(DAMAGED) from error
            raise
        try:
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()


def _no_metric(metric: str, column: str | None) -> str:
    """What to say of a metric that is none of an endpoint as a whole (no column), or of a column."""
    if column is None and metric in COLUMN_METRICS:
        return f"{metric} is a metric of one column, not of an endpoint as a whole; name it: --column COL, or column=... in Python"
    if column is not None and metric in ENDPOINT_METRICS:
        return f"{metric} is a metric of an endpoint as a whole; leave the column {column!r} out"
    if column is not None:
        return f"a column has no metric {metric!r}; there are {', '.join(COLUMN_METRICS)}"
    known = f"{', '.join(ENDPOINT_METRICS)}, and of one column (--column COL) {', '.join(COLUMN_METRICS)}"
    return f"an endpoint has no metric {metric!r}; there are {known}"


def _of_column(metric: str) -> str:
    """Hours without rows have no row for the column: nothing was counted then."""
    value = f"coalesce(c.{metric}, 0)" if metric in COUNTS else f"c.{metric}"
    status = f"iif(c.hour_id IS NULL, {STATUS_IDS[Status.INSUFFICIENT_DATA]}, c.status)"
    joined = "hours LEFT JOIN hour_columns AS c ON c.hour_id = hours.id AND c.column_id = ?"
    return f"coalesce(c.rows, 0), {value}, {status} FROM {joined}"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
