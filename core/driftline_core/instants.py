"""Epoch microseconds as instants that people read."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(us: int) -> datetime:
    """The UTC datetime of epoch microseconds; the calendar's end for what is beyond."""
    try:
        return _EPOCH + timedelta(microseconds=us)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if us > 0 else datetime.min.replace(tzinfo=UTC)


def iso(us: int) -> str:
    """An instant as people and commands write it, in UTC and to the second where it is one.

    >>> iso(1_700_000_000_000_000)
    '2023-11-14T22:13:20Z'
    """
    return moment(us).isoformat().replace("+00:00", "Z")
