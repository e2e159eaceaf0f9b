"""Rows gathered by endpoint and hour until they are as many as are written at once."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from driftline_server.archive.arrived import Arrived
from driftline_server.archive.tables import joined


@dataclass(frozen=True, slots=True)
class HourRows:
    """Rows of one endpoint and hour, ordered by event time."""

    uid: str
    hour_us: int
    time: str  # the column of event times
    rows: pa.Table


@dataclass(slots=True)
class Portion:
    """Rows of the frames from position `first` to `last`; hours that begin before `oldest_us` are left out."""

    hour_us: int
    oldest_us: int
    first: int = 0
    last: int = 0
    size_bytes: int = 0
    _parts: dict[tuple[str, int], list[pa.RecordBatch]] = field(default_factory=dict)
    _times: dict[str, str] = field(default_factory=dict)

    def add(self, arrived: Arrived) -> None:
        """Adds the rows of a batch that are to be kept."""
        self.first, self.last = self.first or arrived.position, arrived.position
        hours = arrived.kept_times_us() // self.hour_us * self.hour_us
        if not len(hours):
            return
        rows = arrived.rows()
        if (hours[1:] < hours[:-1]).any():
            order = np.argsort(hours, kind="stable")
            rows, hours = rows.take(pa.array(order)), hours[order]
        starts = [0, *(np.flatnonzero(hours[1:] != hours[:-1]) + 1).tolist()]
        for start, stop in zip(starts, [*starts[1:], len(hours)], strict=True):
            if hours[start] >= self.oldest_us:
                self._parts.setdefault((arrived.uid, int(hours[start])), []).append(rows.slice(start, stop - start))
        self._times[arrived.uid] = arrived.plan.names.timestamp
        self.size_bytes += rows.nbytes

    def take(self) -> Iterator[HourRows]:
        """The rows by endpoint and hour; each part is let go of as the next is asked for."""
        while self._parts:
            (uid, hour_us), rows = self._parts.popitem()
            yield HourRows(uid, hour_us, self._times[uid], joined(rows, self._times[uid]))
