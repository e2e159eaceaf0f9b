"""The rows of a batch, each into the pane and the hour it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from driftline_core import kernels
from driftline_core.endpoint_state import EndpointState
from driftline_core.facts import Frame
from driftline_core.hours import NEVER, Hour
from driftline_core.panes import Micros, floor
from driftline_core.settings import EngineSettings
from driftline_core.times import outside


@dataclass(frozen=True, slots=True)
class Counting:
    """One batch, whose position is the endpoint's already."""

    endpoint: EndpointState
    frame: Frame
    settings: EngineSettings
    scratch: kernels.Scratch

    def count(self, unreadable: Sequence[int]) -> None:
        """Counts it; rows of the hours that start at `unreadable` as expired."""
        frame, times_us = self.frame, self.frame.bound.times_us
        if times_us is not None:
            self._count_timed(times_us, unreadable)
        elif unreadable:
            self.endpoint.expired_rows += frame.bound.rows
        else:
            self._move_watermark(frame.arrival_us)
            self._count_run(frame.arrival_us, slice(0, frame.bound.rows))

    def _count_timed(self, times_us: Micros, unreadable: Sequence[int]) -> None:
        """Counts rows that carry event times; `Bound` has them in rising order of minutes, so each pane is one run of rows."""
        endpoint, settings = self.endpoint, self.settings
        refused, expired = outside(
            times_us, self.frame.arrival_us, future_max_us=settings.future_max_us, retention_us=settings.retention_us
        )
        if unreadable:
            expired |= np.isin(times_us - times_us % settings.hour_us, unreadable) & ~refused
        endpoint.future_rows += int(refused.sum())
        endpoint.expired_rows += int(expired.sum())
        counted = ~(refused | expired)
        if not counted.any():
            return
        self._move_watermark(int(times_us[counted].max()))
        starts = settings.ruler.starts(times_us, endpoint.watermark_us or 0)
        changes = (starts[1:] != starts[:-1]) | (counted[1:] != counted[:-1])
        borders = [0, *(np.flatnonzero(changes) + 1).tolist(), len(starts)]
        for first, last in pairwise(borders):
            if counted[first]:
                self._count_run(int(times_us[first]), slice(first, last))

    def _count_run(self, at_us: int, run: slice) -> None:
        """Counts a run of rows of one pane."""
        endpoint, frame, settings = self.endpoint, self.frame, self.settings
        endpoint.rows += run.stop - run.start
        hour_us = floor(at_us, settings.hour_us)
        hour = endpoint.hours.get(hour_us)
        if hour is None:
            closes_us = hour_us + settings.hour_us + settings.closing.grace_us
            is_late = (endpoint.watermark_us or 0) >= closes_us
            endpoint.empty.pop(hour_us, None)
            hour = endpoint.hours[hour_us] = Hour(frame.arrival_us, frame.arrival_us, is_late)
        if hour.base_position != NEVER and endpoint.position <= hour.base_position:
            return
        if hour.is_late or hour.revision:
            endpoint.late_us = frame.arrival_us
        hour.on_rows(frame.arrival_us, endpoint.position)
        pane = settings.ruler.pane(at_us, at_us if endpoint.watermark_us is None else endpoint.watermark_us)
        frame.bound.add_to(endpoint.profile(pane, frame.reference), run.start, run.stop, self.scratch)

    def _move_watermark(self, at_us: int) -> None:
        endpoint, ruler = self.endpoint, self.settings.ruler
        if endpoint.watermark_us is not None and at_us <= endpoint.watermark_us:
            return
        before_us, endpoint.watermark_us = endpoint.watermark_us, at_us
        if before_us is not None and floor(before_us, ruler.finest_us) == floor(at_us, ruler.finest_us):
            return  # ages and widths are multiples of the finest width, so no border has moved
        endpoint.coarsen(ruler, at_us)
