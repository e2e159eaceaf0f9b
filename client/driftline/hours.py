"""The hours of a metric, as a server has stored them, as a table."""

from datetime import date

import numpy as np
import pyarrow as pa

from driftline.errors import InvalidInput
from driftline.report import STATUSES
from driftline.request import request_of
from driftline.spans import UNITS_US, Duration, Instant, duration_us, instant_us
from driftline_proto.v1 import metrics_pb2

REVISIONS = {"newest": metrics_pb2.REVISIONS_NEWEST, "all": metrics_pb2.REVISIONS_ALL}
TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("start", TIME),
        ("end", TIME),
        ("revision", pa.int64()),
        ("rows", pa.int64()),
        ("value", pa.float64()),
        ("status", pa.string()),
    ]
)


def span_us(since: Duration | Instant | None, until: Instant | None, now_us: int) -> tuple[int | None, int | None]:
    """Epoch microseconds of a span; `since` is an instant, or a duration back from `until`, or from now. Raises InvalidInput.

    >>> span_us("1h", None, 7_200_000_000), span_us("1970-01-01", "1970-01-02", 0)
    ((3600000000, None), (0, 86400000000))
    """
    until_us = None if until is None else instant_us(until)
    if since is None:
        return None, until_us
    if isinstance(since, str) and not _is_duration(since):
        try:
            return instant_us(since), until_us
        except InvalidInput:
            raise InvalidInput(f"since: {since!r} is neither a duration, as 7d, nor an instant, as 2026-01-31T12:00:00Z") from None
    if isinstance(since, date | np.datetime64):
        return instant_us(since), until_us
    return (now_us if until_us is None else until_us) - duration_us(since), until_us


def request(
    name: str, *, metric: str, column: str | None, since_us: int | None, until_us: int | None, revisions: str
) -> metrics_pb2.GetHistoryRequest:
    """The question for a history. Raises InvalidInput."""
    if revisions not in REVISIONS:
        raise InvalidInput(f"revisions: {revisions!r} is neither 'newest' nor 'all'")
    return request_of(
        metrics_pb2.GetHistoryRequest,
        endpoint=name,
        metric=metric,
        column=column or "",
        since_us=since_us,
        until_us=until_us,
        revisions=REVISIONS[revisions],
    )


def hours_from(message: metrics_pb2.GetHistoryResponse) -> pa.Table:
    """One row an hour (and revision): start, end, revision, rows, value, status; whose they are is in the schema's metadata."""
    points = message.points
    columns = [
        pa.array([point.start_us for point in points], pa.int64()).cast(TIME),
        pa.array([point.end_us for point in points], pa.int64()).cast(TIME),
        pa.array([point.revision for point in points], pa.int64()),
        pa.array([point.rows for point in points], pa.int64()),
        pa.array([point.value for point in points], pa.float64()),
        pa.array([STATUSES.get(point.status) for point in points], pa.string()),
    ]
    whose = {"endpoint": message.endpoint, "metric": message.metric, "column": message.column}
    return pa.Table.from_arrays(columns, schema=SCHEMA.with_metadata(whose))


def _is_duration(text: str) -> bool:
    """Whether it is meant as one: begins with a digit, ends with a unit. "tomorrow" ends with one too."""
    return text.strip()[:1].isdigit() and text.strip().endswith(tuple(UNITS_US))
