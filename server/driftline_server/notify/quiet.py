"""Quiet hours: when a receiver is not told, as people write them, and when they are over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from driftline_core.errors import InvalidInput
from driftline_core.panes import DAY_US

SPANS_MAX = 16
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = "|".join(_DAYS)
_SPAN = re.compile(
    rf"(?:(?P<days>(?:{_DAY})(?:[ ,-]+(?:{_DAY}))*) +)?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: +(?P<zone>\S{{1,64}}))?"
)
_MIDNIGHT = "24:00"
# Weeks of winter and summer time, in which no zone changes its clocks: from 2026-01-12 and 2026-07-13.
_MONDAYS_US = (1_768_176_000_000_000, 1_783_900_800_000_000)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A span of some days of the week in a zone's own time; `end` at or before `start` is of the next day."""

    days: frozenset[int]
    start: time
    end: time
    zone: ZoneInfo

    def end_us(self, now_us: int) -> int | None:
        """When the span that now lies in is over, in epoch microseconds; None outside of one."""
        now = datetime.fromtimestamp(now_us / 1e6, self.zone)
        for day in (now.date(), now.date() - timedelta(days=1)):
            if day.weekday() in self.days:
                last = day + timedelta(days=self.end <= self.start)
                start, end = (datetime.combine(*at, self.zone).astimezone(UTC) for at in ((day, self.start), (last, self.end)))
                if start <= now < end:
                    return round(end.timestamp() * 1e6)
        return None


def quiet_until_us(spans: Sequence[QuietHours], now_us: int) -> int | None:
    """When the first of the spans that now lies in is over; None outside of them all."""
    return min((end_us for span in spans if (end_us := span.end_us(now_us)) is not None), default=None)


def parse_quiet_hours(value: object, field: str) -> tuple[QuietHours, ...]:
    """`"22:00-07:00 Europe/Berlin"`, or a list of such; days may stand in front; None: never. Raises InvalidInput.

    >>> [span] = parse_quiet_hours("Sat-Sun 00:00-24:00", "quiet_hours")
    >>> sorted(span.days), span.start == span.end
    ([5, 6], True)
    """
    texts = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or len(texts) > SPANS_MAX or not all(isinstance(text, str) for text in texts):
        raise InvalidInput(f'{field} must be a text like "22:00-07:00 Europe/Berlin", or at most {SPANS_MAX} of them', field=field)
    spans = tuple(_parse(text, field) for text in texts)
    if any(_lasts_a_week(spans, monday_us) for monday_us in _MONDAYS_US):
        raise InvalidInput(
            f"{field} cover the whole week and leave no time for messages; to be quiet for a while use "
            "`driftline alerts silence`, for good leave the receiver out",
            field=field,
        )
    return spans


def _lasts_a_week(spans: Sequence[QuietHours], from_us: int) -> bool:
    """Whether one span follows the other for more than a week, after which they come again."""
    now_us = from_us
    while (end_us := quiet_until_us(spans, now_us)) is not None:
        if end_us > from_us + 8 * DAY_US:
            return True
        now_us = end_us
    return False


def _parse(text: str, field: str) -> QuietHours:
    if (found := _SPAN.fullmatch(text)) is None:
        remedy = 'write "22:00-07:00", with days in front ("Mon-Fri", "Sat Sun") and a zone behind ("Europe/Berlin") if you like'
        raise InvalidInput(f"{field} {text[:64]!a} is no span of quiet hours; {remedy}", field=field)
    days = frozenset(range(7)) if found["days"] is None else _days(found["days"], field)
    start, end = (_time(found[key], field) for key in ("start", "end"))
    if start == end and found["end"] != _MIDNIGHT:
        raise InvalidInput(f'{field} {text[:64]!a} begins where it ends; a whole day is "00:00-24:00"', field=field)
    try:
        return QuietHours(days, start, end, ZoneInfo(found["zone"] or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f'{field} {text[:64]!a} names no zone known here; write "Europe/Berlin"', field=field) from None


def _days(text: str, field: str) -> frozenset[int]:
    days: set[int] = set()
    for part in re.sub(r"\s*-\s*", "-", text).replace(",", " ").split():
        first, last = (_DAYS.index(day) for day in (part.split("-") * 2)[:2]) if part.count("-") <= 1 else (0, -1)
        if last < first:
            raise InvalidInput(f'{field}: {part!a} is no span of days; write "Mon-Fri", or "Sat Sun Mon"', field=field)
        days.update(range(first, last + 1))
    return frozenset(days)


def _time(text: str, field: str) -> time:
    if text == _MIDNIGHT:
        return time()
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{field} {text!a} is no time of day; write 00:00 to 24:00", field=field) from None
