"""Asking for kept rows: a span is resolved, the journal taken hold of, and what was counted set beside what is kept."""

from dataclasses import dataclass
from functools import partial

from driftline_core.engine import Span
from driftline_core.panes import DAY_US, FAR_FUTURE_US, FAR_PAST_US, floor
from driftline_server.archive.arrived import Bounds, Wanted
from driftline_server.archive.counting import rows_by_hour
from driftline_server.archive.export import Export, Sources
from driftline_server.archive.kept import Gap, Reasons, forgotten, gaps, share_of
from driftline_server.archive.pieces import SegmentRows
from driftline_server.archive.policy import Policy
from driftline_server.archive.shelf import Shelf
from driftline_server.clock import Clock
from driftline_server.journal import Journal, SegmentReader
from driftline_server.owner import Owner
from driftline_server.registration import Registration
from driftline_server.store import Reader


@dataclass(frozen=True, slots=True)
class Exports:
    """Opens exports. Safe to ask from many threads."""

    shelf: Shelf
    policy: Policy
    bounds: Bounds
    owner: Owner
    reader: Reader
    journal: Journal
    clock: Clock
    hour_us: int
    finest_us: int
    snapshot_days: int

    def open(self, registration: Registration, span: Span) -> Export:
        """What is kept of a span, as it is at this moment, every row that was acknowledged before included. Raises NotFound."""
        now_us = self.clock.now_us()
        totals = self.owner.call(lambda engine: engine.totals(registration.uid))
        newest_us = floor(now_us if totals.watermark_us is None else totals.watermark_us, self.finest_us) + self.finest_us
        end_us = newest_us if span.end_us is None else span.end_us
        start_us = FAR_PAST_US if span.start_us is None else span.start_us
        if span.window_us is not None:
            start_us = newest_us - span.window_us
        # Counted first: what is kept then is no less.
        counted = rows_by_hour(self.owner, self.reader, registration.uid, floor(start_us, self.hour_us), end_us)
        hold = self.shelf.hold()  # before the journal: else what it holds could be gathered with what it has dropped
        sources = Sources(self.shelf, registration, self._segments(registration), self.hour_us, hold)
        if start_us == FAR_PAST_US:
            start_us = min([*counted, *sources.hours(start_us, end_us)], default=end_us - self.finest_us)
        export = Export(sources, start_us, max(start_us, end_us))
        export.share = share_of(counted, export.kept, self._share_of(registration))
        export.gaps = self._gaps(registration, counted, export, now_us)
        return export

    def _share_of(self, registration: Registration) -> float:
        """The share of an endpoint's rows that is kept: of those of the journal too, so that a sample is even."""
        return self.policy.share_of(registration) or 1.0

    def _gaps(self, registration: Registration, counted: dict[int, int], export: Export, now_us: int) -> list[Gap]:
        has_dropped = partial(self.shelf.has_dropped, registration.uid)
        found = gaps(counted, export.kept, export.share, Reasons(registration, self.policy, self.hour_us, now_us, has_dropped))
        start_us, created_us = export.start_us, floor(registration.created_us, self.hour_us)
        end_us = min(export.end_us, floor(now_us - self.snapshot_days * DAY_US, self.hour_us))
        if start_us < end_us and not any(start_us <= hour < end_us for hour in export.kept):
            if start_us < created_us and self._remembers_all(registration.uid):
                start_us = created_us  # no rows were filled in of the time before, or they are all there
            if start_us < end_us:
                found.insert(0, forgotten(start_us, end_us, self.snapshot_days))
        return found

    def _remembers_all(self, uid: str) -> bool:
        """Whether every row that was ever counted is in an hour that is still known."""
        ever = self.owner.call(lambda engine: engine.totals(uid)).rows
        return sum(rows_by_hour(self.owner, self.reader, uid, FAR_PAST_US, FAR_FUTURE_US).values()) >= ever

    def _segments(self, registration: Registration) -> list[SegmentRows]:
        """The journal as it is now; what is dropped from now on stays readable."""
        wanted = Wanted(registration, self._share_of(registration))
        readers: list[SegmentReader] = []
        for segment in self.journal.segments():
            try:
                readers.append(SegmentReader(segment, self.shelf.filesystem))
            except FileNotFoundError:
                readers.clear()  # dropped since it was listed, and so were those before it: they are archived
        segments = [SegmentRows(reader, wanted, self.bounds, self.hour_us) for reader in readers]
        for each in segments:
            each.read()
        return segments
