"""The state of a set of endpoints: batches in, effects and windows out.

The one rule: no clock, no IO, no thread. `feed` counts a batch and cannot fail; `advance` lets time pass and says what has become
due; everything is a function of the frames, in order, and the times that came with them, so replaying them gives equal counts.
One thread owns one engine.

Where closed hours are stored (`has_store`), an hour that is old and stored is let go of. Should a late row reach it, the shell
gives it back first: `absent` names such hours, `restore` takes them. A frame at or below the position that a stored hour covers is
not counted into it again.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from driftline_core import closing, kernels
from driftline_core.counting import Counting
from driftline_core.endpoint_state import EndpointState, load_state
from driftline_core.errors import NotFound
from driftline_core.facts import (
    Effect,
    Frame,
    HourClosed,
    Live,
    LossTold,
    Span,
    StoredHour,
    Tombstone,
    Totals,
    Window,
)
from driftline_core.hours import NEVER, Hour
from driftline_core.layout import LookupCache
from driftline_core.panes import HOUR_US, floor
from driftline_core.query import merge_window
from driftline_core.reference import Reference
from driftline_core.settings import EngineSettings

__all__ = ["Effect", "Engine", "EngineSettings", "Frame", "HourClosed", "Span", "StoredHour", "Totals", "Window"]

EFFECTS_MAX = 64


class Engine:
    """Owns the profiles of its endpoints."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings()
        self._endpoints: dict[str, EndpointState] = {}
        self._scratch = kernels.new_scratch()
        self._expired_us: int | None = None
        self.position = NEVER

    # Endpoints.

    def create(self, uid: str, reference: Reference, *, now_us: int = 0, position: int = NEVER) -> None:
        """Begins to count an endpoint; its hours without rows are closed from `now_us` on."""
        self.reach(position)
        settings = self.settings
        self._endpoints[uid] = EndpointState.new(reference, settings.ruler, floor(now_us, settings.hour_us))
        self._endpoints[uid].position = position

    def set_reference(self, uid: str, reference: Reference, *, position: int = NEVER) -> None:
        """Counts what is bound to the new reference from now on beside what was counted under others."""
        endpoint = self._get(uid)
        endpoint.reference = reference
        endpoint.references[reference.version] = reference
        self.reach(position, endpoint)

    def delete(self, uid: str, *, position: int = NEVER) -> None:
        """Forgets an endpoint; frames of it that come later are passed over."""
        self.reach(position)
        self._endpoints.pop(uid, None)

    def save(self, uid: str) -> tuple[int, bytes]:
        """The state of an endpoint as bytes, and the position of the last frame in it; raises NotFound."""
        return self.position, self._get(uid).save()

    def load(self, uid: str, data: bytes | memoryview, position: int, cache: LookupCache | None = None) -> None:
        """Takes up an endpoint where `save` left it; raises ValueError where the bytes are none."""
        self._endpoints[uid] = load_state(data, self.settings.ruler, cache)
        self.reach(position, self._endpoints[uid])

    def __contains__(self, uid: str) -> bool:
        return uid in self._endpoints

    def state(self, uid: str) -> EndpointState:
        """What is known of an endpoint, to be looked at; raises NotFound."""
        return self._get(uid)

    # Frames, in the order of their positions.

    def absent(self, frame: Frame) -> list[int]:
        """Starts of the hours that a frame reaches, may be stored and are not in memory: to be given to `restore` before `feed`."""
        endpoint = self._endpoints.get(frame.uid)
        if endpoint is None or endpoint.evicted_us == NEVER:
            return []
        hour_us = self.settings.hour_us
        times_us = frame.bound.times_us
        if times_us is None:
            starts = [floor(frame.arrival_us, hour_us)]
        else:
            old = times_us[times_us < endpoint.evicted_us]
            starts = np.unique(old - old % hour_us).tolist() if len(old) else []
        oldest_us = frame.arrival_us - self.settings.retention_us - hour_us
        return [start for start in starts if oldest_us < start < endpoint.evicted_us and start not in endpoint.hours]

    def restore(self, uid: str, stored: StoredHour) -> None:
        """Takes back an hour that was let go of."""
        endpoint = self._endpoints.get(uid)
        if endpoint is None or stored.start_us in endpoint.hours:
            return
        hour = Hour(0, 0, is_late=True, is_dirty=False, revision=stored.revision)
        hour.base_position = hour.saved_position = hour.last_position = stored.through
        endpoint.hours[stored.start_us] = hour
        endpoint.empty.pop(stored.start_us, None)
        if stored.profiles:
            endpoint.panes[self.settings.hour_us][stored.start_us] = dict(stored.profiles)

    def feed(self, frame: Frame, position: int = NEVER, unreadable: Sequence[int] = ()) -> None:
        """Counts a batch into the panes its rows belong to; rows of hours that are stored and `unreadable` as expired."""
        endpoint = self._endpoints.get(frame.uid)
        self.reach(position, endpoint)
        if endpoint is None:
            return
        endpoint.references.setdefault(frame.reference.version, frame.reference)
        endpoint.batches += 1
        endpoint.last_arrival_us = max(frame.arrival_us, endpoint.last_arrival_us or frame.arrival_us)
        endpoint.apply(frame.origin, frame.arrival_us, self.settings.producers_max)
        Counting(endpoint, frame, self.settings, self._scratch).count(unreadable)

    def refuse(self, tombstone: Tombstone, position: int = NEVER) -> None:
        """A batch was refused, or an epoch begun."""
        endpoint = self._endpoints.get(tombstone.uid)
        self.reach(position, endpoint)
        if endpoint is not None:
            endpoint.rejected_batches += tombstone.origin.sequence > 0
            endpoint.apply(tombstone.origin, tombstone.arrival_us, self.settings.producers_max)

    def hear(self, told: LossTold, position: int = NEVER) -> None:
        """A producer has said what it could not deliver."""
        endpoint = self._endpoints.get(told.uid)
        self.reach(position, endpoint)
        if endpoint is None:
            return
        if told.origin.producer_id not in endpoint.producers:
            endpoint.apply(told.origin, told.arrival_us, self.settings.producers_max)
        known = endpoint.producers[told.origin.producer_id]
        known.losses = known.losses.most(told.losses)

    # Time.

    def advance(self, now_us: int, effects_max: int = EFFECTS_MAX) -> list[Effect]:
        """Lets time pass; returns the hours that have closed, endpoint by endpoint, oldest first.

        At most about `effects_max` at once: where there are as many, ask again.
        """
        effects: list[Effect] = []
        if floor(now_us, HOUR_US) != self._expired_us:
            self._expired_us = floor(now_us, HOUR_US)
            self._expire(now_us)
        for uid, endpoint in self._endpoints.items():
            if len(effects) >= effects_max:
                break
            due = closing.close_due(endpoint, self.settings, now_us, self.position, effects_max - len(effects))
            if self.settings.has_store:
                due += closing.close_empty(endpoint, self.settings, now_us, effects_max - len(effects) - len(due))
            effects += [self._closed(uid, endpoint, start_us) for start_us in due]
            if self.settings.has_store:
                closing.let_go(endpoint, self.settings, now_us)
        return effects

    def close(self, closed: HourClosed, position: int = NEVER) -> None:
        """An hour was closed, as `advance` once said; without rows, it is not in memory.

        An hour that was stored later than that, and taken back, stays as it is.
        """
        endpoint = self._endpoints.get(closed.uid)
        self.reach(position, endpoint)
        hour = endpoint.hours.get(closed.start_us) if endpoint else None
        if hour is not None and position > hour.base_position:
            hour.on_closed(closed.revision, closed.closed_us, closed.through)
        elif endpoint is not None and hour is None and not closed.has_rows:
            closing.sweep(endpoint, closed.start_us, closed.end_us, closed.closed_us)

    def saved(self, effects: Iterable[HourClosed]) -> None:
        """The store holds hours as they were when they were closed."""
        for closed in effects:
            endpoint = self._endpoints.get(closed.uid)
            hour = endpoint.hours.get(closed.start_us) if endpoint else None
            if hour is not None:
                hour.saved_position = max(hour.saved_position, closed.through)
            elif endpoint is not None:
                endpoint.empty.pop(closed.start_us, None)

    def unsaved(self, effects_max: int = sys.maxsize) -> list[Effect]:
        """The closed hours, at most so many, of which it is not known that they are stored: after a restart, to be stored again."""
        hours = ((uid, state, start_us) for uid, state in self._endpoints.items() for start_us in closing.unsaved(state))
        return [self._closed(*hour) for hour in islice(hours, effects_max)]

    # Questions.

    def totals(self, uid: str) -> Totals:
        """Counters of an endpoint; raises NotFound."""
        e = self._get(uid)
        return Totals(
            e.rows, e.batches, e.rejected_batches, e.future_rows, e.expired_rows, e.last_arrival_us, e.watermark_us, e.losses()
        )

    def live(self, uid: str, span: Span, now_us: int, oldest_us: int | None = None) -> Live:
        """What is in memory of a span, widened to whole panes; raises NotFound.

        `now_us` stands in where no row has come yet. A span without a start begins at `oldest_us`, what is stored, where that is
        older than what is in memory.
        """
        endpoint = self._get(uid)
        start_us, end_us = self._resolve(
            endpoint, span, now_us if endpoint.watermark_us is None else endpoint.watermark_us, oldest_us
        )
        profiles = endpoint.merged(start_us, end_us)
        return Live(start_us, end_us, endpoint.references, endpoint.reference, profiles, frozenset(endpoint.hours))

    def unwritten(self, uid: str, start_us: int, end_us: int, now_us: int, hours_max: int) -> list[HourClosed]:
        """The first hours that begin in [start, end), are over and hold rows the store may not, as they are, or will be, closed.

        Raises NotFound. Where there are more, ask on.
        """
        endpoint = self._get(uid)
        starts = [start for start in closing.unwritten(endpoint, self.settings, now_us) if start_us <= start < end_us][:hours_max]
        told = [self._closed(uid, endpoint, start) for start in starts]
        return [replace(each, revision=each.revision + endpoint.hours[each.start_us].is_dirty) for each in told]

    def rows_by_hour(self, uid: str, start_us: int, end_us: int, hours_max: int) -> dict[int, int]:
        """Rows of the first hours in memory that begin in [start, end), by start; raises NotFound. Where there are more, ask on."""
        endpoint = self._get(uid)
        hours = sorted(hour for hour in endpoint.hours if start_us <= hour < end_us)
        return {hour: endpoint.rows_between(hour, hour + self.settings.hour_us) for hour in hours[:hours_max]}

    def window(self, uid: str, span: Span, now_us: int) -> Window:
        """What was counted in a span, where all of it is in memory."""
        return merge_window(self.live(uid, span, now_us))

    def _get(self, uid: str) -> EndpointState:
        if uid not in self._endpoints:
            raise NotFound("the endpoint was deleted", field="name")
        return self._endpoints[uid]

    def reach(self, position: int, endpoint: EndpointState | None = None) -> None:
        """Everything up to a position is in this state."""
        self.position = max(self.position, position)
        if endpoint is not None:
            endpoint.position = max(endpoint.position, position)

    def _closed(self, uid: str, endpoint: EndpointState, start_us: int) -> HourClosed:
        return closing.closed(uid, endpoint, start_us, start_us + self.settings.hour_us, self.position)

    def _expire(self, now_us: int) -> None:
        before_us = now_us - self.settings.retention_us
        for endpoint in self._endpoints.values():
            endpoint.forget_idle(now_us)
            for start_us in [start for start in endpoint.hours if start + self.settings.hour_us <= before_us]:
                endpoint.drop_hour(start_us, start_us + self.settings.hour_us)

    def _resolve(self, endpoint: EndpointState, span: Span, watermark_us: int, oldest_us: int | None) -> tuple[int, int]:
        ruler = self.settings.ruler
        newest_end_us = floor(watermark_us, ruler.finest_us) + ruler.finest_us
        end_us = newest_end_us if span.end_us is None else span.end_us
        if span.window_us is not None:
            start_us = newest_end_us - span.window_us
        elif span.start_us is not None:
            start_us = span.start_us
        else:
            held = [start for panes in endpoint.panes.values() for start in panes]
            start_us = min([*held, *([] if oldest_us is None else [oldest_us]), end_us - ruler.finest_us])
        start_us, end_us = ruler.widen(start_us, max(end_us, start_us), watermark_us)
        # Under other settings panes came of age earlier: those are as wide as they are.
        first, last = endpoint.whole(start_us, ruler.widest_us), endpoint.whole(end_us - 1, ruler.widest_us)
        return min(start_us, first[0]), max(end_us, last[1])
