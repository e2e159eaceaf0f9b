"""The hours of an endpoint: which are to be closed, what a closed one holds, and which memory may let go of."""

from driftline_core.endpoint_state import EndpointState
from driftline_core.facts import HourClosed
from driftline_core.settings import EngineSettings

EMPTY_MAX = 256  # hours of an endpoint without rows that wait to be stored; past it they are closed later


def close_due(endpoint: EndpointState, settings: EngineSettings, now_us: int, position: int, effects_max: int) -> list[int]:
    """Closes the hours with rows that are due, the oldest first; returns their starts."""
    watermark_us = endpoint.watermark_us or 0
    due = [
        start_us
        for start_us, hour in endpoint.hours.items()
        if hour.is_dirty and hour.is_due(start_us + settings.hour_us, watermark_us, endpoint.late_us, now_us, settings.closing)
    ]
    chosen = sorted(due)[:effects_max]
    for start_us in chosen:
        hour = endpoint.hours[start_us]
        hour.on_closed(hour.revision + 1, now_us, max(position, hour.last_position))
    return chosen


def close_empty(endpoint: EndpointState, settings: EngineSettings, now_us: int, effects_max: int) -> list[int]:
    """Closes the hours without rows that the clock has passed; returns their starts."""
    starts: list[int] = []
    room = min(effects_max, EMPTY_MAX - len(endpoint.empty))
    while endpoint.swept_us + settings.hour_us + settings.closing.grace_us <= now_us and len(starts) < room:
        start_us = endpoint.swept_us
        if start_us in endpoint.hours or start_us < endpoint.evicted_us:
            endpoint.swept_us += settings.hour_us
        else:
            sweep(endpoint, start_us, start_us + settings.hour_us, now_us)
            starts.append(start_us)
    return starts


def sweep(endpoint: EndpointState, start_us: int, end_us: int, closed_us: int) -> None:
    """An hour had no rows, and is closed; rows that come for it later find it in the store."""
    endpoint.empty[start_us] = closed_us
    endpoint.swept_us = max(endpoint.swept_us, end_us)
    endpoint.evicted_us = max(endpoint.evicted_us, end_us)


def closed(uid: str, endpoint: EndpointState, start_us: int, end_us: int, position: int) -> HourClosed:
    """What is told of a closed hour; it holds every frame up to the position."""
    if start_us in endpoint.empty:
        return HourClosed(uid, start_us, end_us, 1, endpoint.empty[start_us], position, has_rows=False, counted=endpoint.rows)
    hour = endpoint.hours[start_us]
    through = max(position, hour.last_position)
    return HourClosed(
        uid,
        start_us,
        end_us,
        hour.revision,
        hour.closed_us,
        through,
        has_rows=True,
        profiles=endpoint.merged(start_us, end_us),
        references=endpoint.references,
        counted=endpoint.rows,
    )


def unsaved(endpoint: EndpointState) -> list[int]:
    """Starts of the closed hours that are not known to be stored."""
    waiting = [start for start, hour in sorted(endpoint.hours.items()) if hour.revision and not hour.is_dirty and not hour.is_saved]
    return [*endpoint.empty, *waiting]


def unwritten(endpoint: EndpointState, settings: EngineSettings, now_us: int) -> list[int]:
    """Starts of the hours that are over and hold rows that the store is not known to hold."""
    closes_us = max(endpoint.watermark_us or 0, now_us) - settings.closing.grace_us - settings.hour_us
    return [start for start, hour in sorted(endpoint.hours.items()) if start <= closes_us and not hour.is_saved]


def let_go(endpoint: EndpointState, settings: EngineSettings, now_us: int) -> None:
    """Forgets the hours that are old, closed, stored and quiet."""
    ruler, watermark_us = settings.ruler, endpoint.watermark_us or 0
    for start_us, hour in list(endpoint.hours.items()):
        end_us = start_us + settings.hour_us
        is_stored = hour.revision and not hour.is_dirty and hour.is_saved
        is_quiet = abs(now_us - hour.last_arrival_us) >= settings.closing.held_us
        if is_stored and is_quiet and ruler.width(end_us - 1, watermark_us) == ruler.widest_us:
            endpoint.drop_hour(start_us, end_us)
            endpoint.evicted_us = max(endpoint.evicted_us, end_us)
            endpoint.coarse_us = max(endpoint.coarse_us, end_us)
