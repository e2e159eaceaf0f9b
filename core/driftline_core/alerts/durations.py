"""Lengths of time as people write them, and as the core wants them: whole microseconds."""

import re
from datetime import timedelta

from driftline_core.errors import InvalidInput

_UNITS_US = {"w": 604_800_000_000, "d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
_PART = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*(us|ms|s|m|h|d|w)\s*")
_MICROSECOND = timedelta(microseconds=1)
_SECONDS_MAX = 1e12
_TEXT_MAX = 64


def duration_us(value: object, field: str) -> int:
    """Microseconds of "10m", "1h30m", a timedelta, or a number of seconds. Raises InvalidInput, which names the field.

    >>> duration_us("1h30m", "window"), duration_us(0.5, "window"), duration_us(timedelta(days=1), "window")
    (5400000000, 500000, 86400000000)
    """
    match value:
        case timedelta():
            return value // _MICROSECOND
        case str() if len(value) <= _TEXT_MAX and (parts := _PART.findall(value)) and not _PART.sub("", value).strip():
            _require_once([unit for _, unit in parts], value, field)
            return sum(round(float(number) * _UNITS_US[unit]) for number, unit in parts)
        case bool():
            pass
        case int() | float() if abs(value) <= _SECONDS_MAX:
            return round(value * 1_000_000)
    raise InvalidInput(f'{field} {str(value)[:40]!r} is no duration; write "30s", "10m", "1h30m" or "7d"', field=field)


def _require_once(units: list[str], text: str, field: str) -> None:
    """A unit that stands twice is a slip: nobody knows whether the sum is meant."""
    for unit in units:
        if units.count(unit) > 1:
            raise InvalidInput(f"{field} {text[:40]!r} has {unit} twice; write each unit once, as 1h30m", field=field)


def duration_text(us: int) -> str:
    """A duration as it would be written; `duration_us` reads it back.

    >>> duration_text(5_400_000_000), duration_text(0), duration_text(1_500_000)
    ('1h30m', '0s', '1s500ms')
    """
    parts = []
    for unit, unit_us in _UNITS_US.items():
        if unit != "w" and us >= unit_us:
            parts.append(f"{us // unit_us}{unit}")
            us %= unit_us
    return "".join(parts) or "0s"
