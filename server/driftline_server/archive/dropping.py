"""What the journal may drop: segments that checkpoints cover and whose rows are archived or not to be.

Where the journal has grown past its maximum, covered segments go as they are: their rows stay counted, and cannot be exported any
more. How many is counted, and said once an hour and at the end; the archive notes of which hours, for whoever asks for them.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import structlog

from driftline_core.panes import HOUR_US
from driftline_server.archive.arrived import Bounds, Decoder, Wanted
from driftline_server.archive.shelf import Shelf
from driftline_server.clock import Clock
from driftline_server.journal import Journal, JournalDamaged, Segment
from driftline_server.journal.reading import read_segment

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Unarchived:
    """Segments that were dropped before they were archived, since the server started."""

    segments: int = 0
    bytes: int = 0

    def add(self, dropped: list[Segment]) -> None:
        """Counts more of them."""
        self.segments += len(dropped)
        self.bytes += sum(segment.bytes for segment in dropped)


class Dropping:
    """Drops segments of a journal; one thread at a time may ask it to."""

    def __init__(
        self, journal: Journal, shelf: Shelf, clock: Clock, *, journal_bytes_max: int, bounds: Bounds, hour_us: int
    ) -> None:
        self.unarchived = Unarchived()
        self.covered = 0  # the position up to which checkpoints hold what the journal holds
        self._journal = journal
        self._shelf = shelf
        self._bounds = bounds
        self._hour_us = hour_us
        self._clock = clock
        self._bytes_max = journal_bytes_max
        self._untold = Unarchived()
        self._told_us: int | None = None

    @property
    def journal_bytes(self) -> int:
        """What the journal takes on the disk."""
        return sum(segment.bytes for segment in self._journal.segments())

    def drop(self, archived: int, wanted: Callable[[], Mapping[str, Wanted]]) -> int:
        """Drops what is done with, given the position up to which rows are archived; returns that of what was given up.

        `wanted` says whose rows, by uid, are to be archived.
        """
        through = min(self.covered, archived)
        given_up = self._past_maximum(through)
        if given_up:
            through = given_up[-1].last
        came = self._came(given_up, wanted)
        try:
            self._journal.drop_before(through + 1)
        except OSError as error:
            log.warning("journal segments could not be dropped; tried again later", reason=str(error))
            return archived
        self.unarchived.add(given_up)
        self._untold.add(given_up)
        for uid, hour_us in came:
            self._shelf.note_dropped(uid, hour_us)
        self._tell()
        return max(archived, through)

    def tell_rest(self) -> None:
        """Says what was not said yet."""
        self._told_us = None
        self._tell()

    def _came(self, given_up: list[Segment], wanted: Callable[[], Mapping[str, Wanted]]) -> set[tuple[str, int]]:
        """The hours of rows of some segments that were to be archived, by endpoint."""
        came: set[tuple[str, int]] = set()
        decoder = Decoder(wanted() if given_up else {}, self._bounds)
        for segment in given_up:
            with contextlib.suppress(OSError, JournalDamaged):
                for record in read_segment(segment, self._shelf.filesystem):
                    if (arrived := decoder.read(record)) is not None:
                        hours = np.unique(arrived.kept_times_us() // self._hour_us) * self._hour_us
                        came.update((arrived.uid, hour_us) for hour_us in hours.tolist())
        return came

    def _past_maximum(self, through: int) -> list[Segment]:
        """The segments behind a position that must go although they are not archived."""
        rest = [segment for segment in self._journal.segments() if not (segment.is_closed and segment.last <= through)]
        left = sum(segment.bytes for segment in rest)
        given_up: list[Segment] = []
        for segment in rest:
            if left <= self._bytes_max or not segment.is_closed or segment.last > self.covered:
                break
            given_up.append(segment)
            left -= segment.bytes
        return given_up

    def _tell(self) -> None:
        now_us = self._clock.now_us()
        if not self._untold.segments or (self._told_us is not None and abs(now_us - self._told_us) < HOUR_US):
            return
        log.warning(
            "rows were dropped before they were archived, since the journal had grown past journal_bytes_max: "
            "they stay counted, and cannot be exported any more",
            segments=self._untold.segments,
            bytes=self._untold.bytes,
        )
        self._told_us, self._untold = now_us, Unarchived()
