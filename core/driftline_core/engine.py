"""The state of a set of endpoints: batches in, effects and windows out.

The one rule: no clock, no IO, no thread. `feed` counts a batch and cannot fail; `advance` lets time pass and says what has become
due; everything is a function of the frames, in order, and the times that came with them, so replaying them gives equal counts.
One thread owns one engine.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from driftline_core import kernels
from driftline_core.binding import Bound
from driftline_core.errors import NotFound
from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US, RULER, SECOND_US, Micros, Pane, Ruler, floor
from driftline_core.profile import Profile
from driftline_core.reference import Reference


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How time is cut and how long it is kept; all in microseconds."""

    ruler: Ruler = RULER
    # Rows further ahead of their arrival are refused: a clock is wrong somewhere.
    future_max_us: int = 5 * MINUTE_US
    # Rows further behind their arrival are expired, as are panes behind `advance`.
    retention_us: int = 400 * DAY_US
    # An hour closes this long after its end …
    hour_grace_us: int = 5 * MINUTE_US
    # … once no row came for it for this long, or the watermark is past the grace.
    hour_quiet_us: int = 5 * SECOND_US
    # A closed hour that rows still reach is closed again at most this often.
    restate_min_us: int = 10 * SECOND_US


@dataclass(frozen=True, slots=True)
class Frame:
    """An admitted batch on its way into an engine."""

    uid: str
    arrival_us: int
    reference: Reference
    bound: Bound


@dataclass(frozen=True, slots=True)
class HourClosed:
    """An hour of an endpoint is complete, or again complete after late rows (then its revision has risen)."""

    uid: str
    start_us: int
    revision: int
    profiles: dict[int, Profile]  # by reference version


Effect = HourClosed


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for: the last `window_us` up to the newest row, or [start, end), None for an open side."""

    window_us: int | None = None
    start_us: int | None = None
    end_us: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted in a span of whole panes, under the newest reference in it."""

    start_us: int
    end_us: int
    reference: Reference
    profile: Profile
    rows_other_reference: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What an engine has counted for an endpoint since it was created."""

    rows: int
    batches: int
    future_rows: int
    expired_rows: int
    last_arrival_us: int | None
    watermark_us: int | None


@dataclass(slots=True)
class _Hour:
    last_arrival_us: int = 0
    revision: int = 0
    closed_us: int = 0


@dataclass(slots=True)
class _Endpoint:
    reference: Reference
    references: dict[int, Reference]
    panes: dict[int, dict[int, dict[int, Profile]]]  # width → start → reference version
    hours: dict[int, _Hour] = field(default_factory=dict)  # by start
    dirty: set[int] = field(default_factory=set)  # starts of the hours with rows that no effect has told of
    watermark_us: int | None = None
    last_arrival_us: int | None = None
    rows: int = 0
    batches: int = 0
    future_rows: int = 0
    expired_rows: int = 0


class Engine:
    """Owns the profiles of its endpoints."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self._settings = settings or EngineSettings()
        self._endpoints: dict[str, _Endpoint] = {}
        self._scratch = kernels.new_scratch()
        self._expired_us: int | None = None

    def create(self, uid: str, reference: Reference) -> None:
        """Begins to count an endpoint."""
        ruler = self._settings.ruler
        widths = (*(width for _, width in ruler.steps), ruler.widest_us)
        self._endpoints[uid] = _Endpoint(reference, {reference.version: reference}, {width: {} for width in widths})

    def set_reference(self, uid: str, reference: Reference) -> None:
        """Counts what is bound to the new reference from now on beside what was counted under others."""
        endpoint = self._get(uid)
        endpoint.reference = reference
        endpoint.references[reference.version] = reference

    def delete(self, uid: str) -> None:
        """Forgets an endpoint; frames of it that come later are passed over."""
        self._endpoints.pop(uid, None)

    def feed(self, frame: Frame) -> None:
        """Counts a batch into the panes its rows belong to."""
        endpoint = self._endpoints.get(frame.uid)
        if endpoint is None:
            return
        endpoint.references.setdefault(frame.reference.version, frame.reference)
        endpoint.batches += 1
        endpoint.last_arrival_us = max(frame.arrival_us, endpoint.last_arrival_us or frame.arrival_us)
        if frame.bound.times_us is None:
            self._move_watermark(endpoint, frame.arrival_us)
            self._count(endpoint, frame, frame.arrival_us, 0, frame.bound.rows)
        else:
            self._feed_timed(endpoint, frame, frame.bound.times_us)

    def advance(self, now_us: int) -> list[Effect]:
        """Lets time pass; returns the hours that have closed, oldest first, endpoint by endpoint."""
        effects: list[Effect] = []
        for uid, endpoint in self._endpoints.items():
            for start_us in sorted(endpoint.dirty):
                hour = endpoint.hours[start_us]
                if self._is_due(endpoint, start_us, hour, now_us):
                    endpoint.dirty.remove(start_us)
                    hour.closed_us = now_us
                    hour.revision += 1
                    effects.append(HourClosed(uid, start_us, hour.revision, self._merged(endpoint, start_us, start_us + HOUR_US)))
        if floor(now_us, HOUR_US) != self._expired_us:
            self._expired_us = floor(now_us, HOUR_US)
            self._expire(now_us - self._settings.retention_us)
        return effects

    def __contains__(self, uid: str) -> bool:
        return uid in self._endpoints

    def totals(self, uid: str) -> Totals:
        """Counters of an endpoint; raises NotFound."""
        e = self._get(uid)
        return Totals(e.rows, e.batches, e.future_rows, e.expired_rows, e.last_arrival_us, e.watermark_us)

    def window(self, uid: str, span: Span, now_us: int) -> Window:
        """What was counted in a span, widened to whole panes; raises NotFound. `now_us` stands in where no row has come yet."""
        endpoint = self._get(uid)
        watermark_us = endpoint.watermark_us if endpoint.watermark_us is not None else now_us
        start_us, end_us = self._resolve(endpoint, span, watermark_us)
        profiles = self._merged(endpoint, start_us, end_us)
        version = max(profiles, default=endpoint.reference.version)
        reference = endpoint.references[version]
        profile = profiles.pop(version, None) or Profile.empty(reference.layout.lookup)
        return Window(start_us, end_us, reference, profile, sum(other.rows for other in profiles.values()))

    def _get(self, uid: str) -> _Endpoint:
        if uid not in self._endpoints:
            raise NotFound("the endpoint was deleted", field="name")
        return self._endpoints[uid]

    def _feed_timed(self, endpoint: _Endpoint, frame: Frame, times_us: Micros) -> None:
        """Counts rows that carry event times; `Bound` has them in rising order of minutes, so each pane is one run of rows."""
        refused = times_us > frame.arrival_us + self._settings.future_max_us
        expired = times_us < frame.arrival_us - self._settings.retention_us
        endpoint.future_rows += int(refused.sum())
        endpoint.expired_rows += int(expired.sum())
        counted = ~(refused | expired)
        if not counted.any():
            return
        self._move_watermark(endpoint, int(times_us[counted].max()))
        starts = self._settings.ruler.starts(times_us, endpoint.watermark_us or 0)
        changes = (starts[1:] != starts[:-1]) | (counted[1:] != counted[:-1])
        borders = [0, *(np.flatnonzero(changes) + 1).tolist(), len(starts)]
        for first, last in pairwise(borders):
            if counted[first]:
                self._count(endpoint, frame, int(times_us[first]), first, last)

    def _count(self, endpoint: _Endpoint, frame: Frame, at_us: int, first: int, last: int) -> None:
        watermark_us = endpoint.watermark_us
        pane = self._settings.ruler.pane(at_us, watermark_us if watermark_us is not None else at_us)
        versions = endpoint.panes[pane.width_us].setdefault(pane.start_us, {})
        reference = frame.reference
        profile = versions.get(reference.version)
        if profile is None:
            profile = versions[reference.version] = Profile.empty(reference.layout.lookup)
        frame.bound.add_to(profile, first, last, self._scratch)
        endpoint.rows += last - first
        hour_us = floor(at_us, HOUR_US)
        endpoint.hours.setdefault(hour_us, _Hour()).last_arrival_us = frame.arrival_us
        endpoint.dirty.add(hour_us)

    def _move_watermark(self, endpoint: _Endpoint, at_us: int) -> None:
        if endpoint.watermark_us is not None and at_us <= endpoint.watermark_us:
            return
        before_us, endpoint.watermark_us = endpoint.watermark_us, at_us
        ruler = self._settings.ruler
        if before_us is not None and floor(before_us, ruler.finest_us) == floor(at_us, ruler.finest_us):
            return  # ages and widths are multiples of the finest width, so no border has moved
        for _, width in ruler.steps:
            panes = endpoint.panes[width]
            for start_us in [start for start in panes if ruler.width(start, at_us) > width]:
                _merge_into(endpoint.panes, ruler.pane(start_us, at_us), panes.pop(start_us))

    def _resolve(self, endpoint: _Endpoint, span: Span, watermark_us: int) -> tuple[int, int]:
        ruler = self._settings.ruler
        newest_end_us = floor(watermark_us, ruler.finest_us) + ruler.finest_us
        end_us = newest_end_us if span.end_us is None else span.end_us
        if span.window_us is not None:
            start_us = newest_end_us - span.window_us
        elif span.start_us is not None:
            start_us = span.start_us
        else:
            start_us = min((start for panes in endpoint.panes.values() for start in panes), default=end_us - ruler.finest_us)
        return ruler.widen(start_us, max(end_us, start_us), watermark_us)

    def _merged(self, endpoint: _Endpoint, start_us: int, end_us: int) -> dict[int, Profile]:
        """The profiles of the panes that begin in [start, end), merged, by reference version."""
        merged: dict[int, Profile] = {}
        for panes in endpoint.panes.values():
            for start, versions in panes.items():
                if start_us <= start < end_us:
                    for version, profile in versions.items():
                        if version in merged:
                            merged[version].merge(profile)
                        else:
                            merged[version] = profile.copy()
        return merged

    def _is_due(self, endpoint: _Endpoint, start_us: int, hour: _Hour, now_us: int) -> bool:
        settings = self._settings
        if hour.revision:
            return now_us - hour.closed_us >= settings.restate_min_us or now_us < hour.closed_us  # or the clock stepped back
        closes_us = start_us + HOUR_US + settings.hour_grace_us
        quiet = abs(now_us - hour.last_arrival_us) >= settings.hour_quiet_us
        return (endpoint.watermark_us or 0) >= closes_us or (now_us >= closes_us and quiet)

    def _expire(self, before_us: int) -> None:
        for endpoint in self._endpoints.values():
            for width, panes in endpoint.panes.items():
                for start in [start for start in panes if start + width <= before_us]:
                    del panes[start]
            for start in [start for start in endpoint.hours if start + HOUR_US <= before_us]:
                del endpoint.hours[start]
                endpoint.dirty.discard(start)


def _merge_into(panes: dict[int, dict[int, dict[int, Profile]]], pane: Pane, versions: dict[int, Profile]) -> None:
    wider = panes[pane.width_us].setdefault(pane.start_us, {})
    for version, profile in versions.items():
        if version in wider:
            wider[version].merge(profile)
        else:
            wider[version] = profile
