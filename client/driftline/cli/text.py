"""Numbers, times and strangers' names as text a terminal can be trusted with."""

import math
import unicodedata
from datetime import UTC, datetime, timedelta

# Control characters move the cursor and recolour, formatting ones turn the reading direction: both can forge a line.
UNTRUSTED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def plain(text: str) -> str:
    r"""`text` with everything a terminal might obey written out instead.

    >>> plain("café \x1b[31m")
    'café \\x1b[31m'
    """
    return "".join(_written_out(sign) if unicodedata.category(sign) in UNTRUSTED else sign for sign in text)


def _written_out(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def number(value: float, digits: int = 3) -> str:
    """A value with fixed digits; a dash where there is none.

    >>> number(0.1234), number(float("nan"))
    ('0.123', '–')
    """
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def count(rows: float) -> str:
    """A number of rows in at most six characters.

    >>> count(99_999), count(208_892), count(1_234_567), count(12_345_678_901)
    ('99,999', '209k', '1.23M', '12.3G')
    """
    if rows < 100_000:
        return f"{rows:,.0f}"
    for unit, sign in ((10**9, "G"), (10**6, "M")):
        if rows >= unit:
            return f"{rows / unit:.3g}{sign}"
    return f"{rows / 1000:.0f}k"


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in its largest unit.

    >>> ago(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 2, 5, tzinfo=UTC))
    '2 min ago'
    """
    seconds = (now - then) // timedelta(seconds=1)
    for unit, sign in UNITS:
        if seconds >= unit:
            return f"{seconds // unit} {sign} ago"
    return "just now"


def span(length: timedelta) -> str:
    """A length of time in its largest units.

    >>> span(timedelta(minutes=90)), span(timedelta(seconds=0.5))
    ('1 h 30 min', '0.5 s')
    """
    seconds, parts = length.total_seconds(), []
    for unit, sign in UNITS:
        if sign != "s" and seconds >= unit:
            parts.append(f"{seconds // unit:g} {sign}")
            seconds %= unit
    return " ".join([*parts, *([f"{seconds:g} s"] if seconds or not parts else [])])


def instant(when: datetime) -> str:
    """A moment to the second, in UTC.

    >>> instant(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31 12:00:00'
    """
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def between(start: datetime, end: datetime) -> str:
    """A span in UTC, its day said once where one is enough.

    >>> between(datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 1, 31, 13, tzinfo=UTC))
    '2026-01-31 12:00–13:00 UTC'
    """
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M}–{until} UTC"
