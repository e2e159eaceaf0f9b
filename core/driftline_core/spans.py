"""A span of event time as it is asked for: checked, the last hour where nothing is said."""

from driftline_core.errors import InvalidInput
from driftline_core.facts import Span
from driftline_core.panes import FAR_FUTURE_US, HOUR_US


def asked_span(window_us: int | None, start_us: int | None, end_us: int | None) -> Span:
    """What was asked for. Raises InvalidInput for a span that is empty, or said in two ways.

    >>> asked_span(None, None, None)
    Span(window_us=3600000000, start_us=None, end_us=None)
    """
    if window_us is not None and (start_us is not None or end_us is not None):
        raise InvalidInput("give a window, or start and end, not both", field="span")
    if window_us is not None and not 0 < window_us <= FAR_FUTURE_US:
        raise InvalidInput(f"a window of {window_us} µs is impossible; give a positive length of time", field="span.window_us")
    for name, value in (("start_us", start_us), ("end_us", end_us)):
        if value is not None and abs(value) > FAR_FUTURE_US:
            raise InvalidInput(f"{name} is out of range; give epoch microseconds", field=f"span.{name}")
    if start_us is not None and end_us is not None and start_us >= end_us:
        raise InvalidInput("start is not before end", field="span.start_us")
    if window_us is None and start_us is None and end_us is None:
        window_us = HOUR_US
    return Span(window_us, start_us, end_us)
