"""A span of event time as people ask for it, and as the wire wants it."""

from driftline.errors import InvalidInput
from driftline.spans import Duration, Instant, duration_us, instant_us
from driftline_proto.v1 import metrics_pb2


def span_message(window: Duration | None, start: Instant | None, end: Instant | None) -> metrics_pb2.Span:
    """The span of a window, or from start to end; nothing given is the server's default. Raises InvalidInput."""
    if window is not None and (start is not None or end is not None):
        raise InvalidInput("give either window, or start and end, not both")
    return metrics_pb2.Span(
        window_us=None if window is None else duration_us(window),
        start_us=None if start is None else instant_us(start),
        end_us=None if end is None else instant_us(end),
    )
