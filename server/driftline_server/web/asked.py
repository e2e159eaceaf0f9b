"""What the query of an address asks for: parameters that are known, each once, each checked."""

import urllib.parse
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from driftline_core.alerts.durations import duration_us
from driftline_core.engine import Span
from driftline_core.errors import InvalidInput
from driftline_core.spans import asked_span

_PARAMETERS_MAX = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parameters(query: str, known: Collection[str]) -> dict[str, str]:
    """The parameters of a query. Raises InvalidInput, which names the parameter."""
    try:
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, max_num_fields=_PARAMETERS_MAX)
    except ValueError:
        raise InvalidInput(f"more than {_PARAMETERS_MAX} parameters; there are {', '.join(known)}", field="query") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise InvalidInput(f"{name[:40]!r} is no parameter here; there are {', '.join(known)}", field=name)
        if name in found:
            raise InvalidInput(f"{name} stands twice; give it once", field=name)
        found[name] = value
    return found


def span_of(given: dict[str, str]) -> Span:
    """The span of `window`, or of `start` and `end`; the last hour where there is none. Raises InvalidInput."""
    start_us = instant_us(given["start"], "start") if "start" in given else None
    end_us = instant_us(given["end"], "end") if "end" in given else None
    return asked_span(duration_us(given["window"], "window") if "window" in given else None, start_us, end_us)


def instant_us(text: str, field: str) -> int:
    """Epoch microseconds of ISO 8601, UTC where it has no offset. Raises InvalidInput, which names the field.

    >>> instant_us("1970-01-01T00:00:01Z", "start"), instant_us("1970-01-02", "start")
    (1000000, 86400000000)
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"{field} {text[:40]!r} is no instant; write ISO 8601, as 2026-01-31T12:00:00Z", field=field) from None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)


def page_of(given: dict[str, str], pages: int) -> int:
    """Which of so many pages is asked for, from 1. Raises InvalidInput."""
    text = given.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= max(1, pages):
        raise InvalidInput(f"there is no page {text[:40]!r}; there are pages 1 to {max(1, pages)}", field="page")
    return number
