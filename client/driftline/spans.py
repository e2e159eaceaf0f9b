"""Spans and instants as people write them, and as the wire wants them: whole microseconds."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from driftline import meant
from driftline.errors import InvalidInput

Duration = str | timedelta | np.timedelta64 | np.number[Any] | int | float
Instant = str | datetime | date | np.datetime64

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONGEST_US = 2**61  # 73,000 years: sums with instants stay within 64 bits
UNITS_US = {"us": 1, "ms": 1_000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6, "w": 7 * 86400 * 10**6}
PART = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d|w)\s*")


def duration_us(value: Duration) -> int:
    """Microseconds of a duration: "30s", "10m", "1h30m", "7d", a timedelta, or a number of seconds. Raises InvalidInput.

    >>> duration_us("1h"), duration_us(timedelta(minutes=1)), duration_us(0.5)
    (3600000000, 60000000, 500000)
    """
    if isinstance(value, np.timedelta64) and not np.isnat(value):
        us = numpy_us(value)
    elif isinstance(value, timedelta):
        us = value // MICROSECOND
    elif isinstance(value, str):
        us = _written_us(value)
    elif abs(meant.number(value)) < 1e12:
        us = round((meant.whole(value) or meant.number(value)) * 10**6)
    else:
        raise InvalidInput(f"{value!r} is no duration; write '30s', '10m', '1h' or '7d', or give a timedelta or seconds")
    if us <= 0:
        raise InvalidInput(f"a duration must be longer than nothing, not {value!r}")
    if us > LONGEST_US:
        raise InvalidInput(f"a duration of {str(value)[:40]} is longer than time itself; write '30s', '10m', '1h' or '7d'")
    return us


def _written_us(text: str) -> int:
    parts = PART.findall(text.strip())
    if not parts or PART.sub("", text.strip()):
        raise InvalidInput(f"{text!r} is no duration; write '30s', '10m', '1h' or '7d'")
    units = [unit for _, unit in parts]
    for unit in units:
        if units.count(unit) > 1:
            raise InvalidInput(f"{text[:40]!r} has {unit} twice; write each unit once, as 1h30m")
    return sum(round(min(float(number) * UNITS_US[unit], 2 * LONGEST_US)) for number, unit in parts)


def numpy_us(value: np.datetime64 | np.timedelta64) -> int:
    """Whole microseconds of a time of numpy that is not NaT, however many: numpy's own casts wrap.

    >>> numpy_us(np.timedelta64(2**62, "s")) == 2**62 * 10**6
    True
    """
    unit, step = np.datetime_data(value.dtype)
    factor = UNITS_US.get(unit if unit == "M" else unit.lower())
    if factor is None:  # finer, or of the calendar
        return int(value.astype(f"{value.dtype.kind}8[us]").astype(np.int64))
    return int(value.astype(np.int64)) * step * factor


def instant_us(value: Instant) -> int:
    """Epoch microseconds of a datetime, a date (its midnight) or ISO 8601 text; naive means UTC. Raises InvalidInput.

    >>> instant_us("1970-01-01T00:00:01"), instant_us("1970-01-01T01:00:01+01:00")
    (1000000, 1000000)
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise InvalidInput(f"{value!r} is no instant; write ISO 8601, as 2026-01-31T12:00:00Z") from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, np.datetime64) and not np.isnat(value):
        us = numpy_us(value)
        if abs(us) >= 2**63:
            raise InvalidInput(f"{value!r} is outside of time; give a datetime or ISO 8601 text")
        return us
    if not isinstance(value, datetime) or value != value:  # noqa: PLR0124 - pandas' NaT is a datetime
        raise InvalidInput(f"{value!r} is no instant; give a datetime or ISO 8601 text")
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return (aware - EPOCH) // MICROSECOND


def moment(us: int) -> datetime:
    """The aware UTC datetime of epoch microseconds, the first or the last there is where they are beyond.

    >>> moment(1_500_000).isoformat()
    '1970-01-01T00:00:01.500000+00:00'
    """
    try:
        return EPOCH + timedelta(microseconds=us)
    except OverflowError:  # a window longer than the calendar
        return datetime.max.replace(tzinfo=UTC) if us > 0 else datetime.min.replace(tzinfo=UTC)
