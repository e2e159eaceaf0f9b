"""Kept rows of a span: those of the archive, and those that the journal holds, each once, in the order of event time.

The journal's segments are taken hold of first, and stand for all positions from their first on; the archive's files of those are
passed over. So an export is one moment's view, whatever is archived and dropped while it runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from driftline_core.errors import FailedPrecondition, NotFound
from driftline_core.panes import floor
from driftline_core.rows import RowNames, row_schema
from driftline_server.archive.kept import Gap
from driftline_server.archive.pieces import Piece, SegmentRows, groups
from driftline_server.archive.shelf import Hold, RowFile, Shelf
from driftline_server.archive.slices import in_order
from driftline_server.archive.tables import batches_of
from driftline_server.registration import Registration

SLICE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sources:
    """Where an endpoint's rows are, at one moment."""

    shelf: Shelf
    registration: Registration
    segments: Sequence[SegmentRows]
    hour_us: int
    hold: Hold | None = None  # of the shelf, for as long as these are read

    @property
    def time(self) -> str:
        """The column of event times."""
        return self.names.timestamp

    @property
    def names(self) -> RowNames:
        return RowNames.of(self.registration.columns, self.registration.spec.reserved_columns())

    def hours(self, start_us: int, end_us: int) -> list[int]:
        """The hours that begin in [start, end) and of which there may be rows, in order."""
        archived = self.shelf.hours(self.registration.uid)
        live = (hour for segment in self.segments for hour in segment.hours)
        return sorted({hour for hour in (*archived, *live) if start_us <= hour < end_us})

    def files(self, hour_us: int) -> list[RowFile]:
        """The archive's files of an hour, those left out that hold what the journal holds."""
        before = min((segment.reader.segment.first for segment in self.segments), default=None)
        files = self.shelf.files(self.registration.uid, hour_us)
        return [file for file in files if before is None or file.first < before]

    def pieces(self, hour_us: int) -> Iterator[Piece]:
        """What may hold rows of an hour."""
        for file in self.files(hour_us):
            yield from groups(self.shelf, file, self.registration)[1]
        for segment in self.segments:
            yield from segment.runs


class Export:
    """The rows of [start, end), and what is missing of them."""

    def __init__(self, sources: Sources, start_us: int, end_us: int) -> None:
        self._sources = sources
        self.name = sources.registration.name
        self.start_us = start_us
        self.end_us = end_us
        self.hour_us = sources.hour_us
        self.time = sources.time
        self.gaps: list[Gap] = []
        self.share = 1.0  # of the rows that were counted
        self.kept: dict[int, int] = {}  # rows by hour: of whole hours, where the span ends within one
        self.rows = 0
        self._files: dict[int, int] = {}  # how many there are, by hour
        id_types = {id_type for segment in sources.segments for id_type in segment.id_types}
        for hour_us in sources.hours(floor(start_us, self.hour_us), end_us):
            id_types |= self._count(hour_us)
        id_type = pa.string() if pa.string() in id_types else pa.int64()
        schema = row_schema(sources.registration.columns, sources.names, id_type)
        self.schema = pa.schema(list(schema)[:-1])  # when a row arrived is the server's affair

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in order. Raises NotFound where the endpoint or rows of it are deleted meanwhile."""
        for hour_us in sorted(self.kept):
            start_us, end_us = max(self.start_us, hour_us), min(self.end_us, hour_us + self.hour_us)
            try:
                if len(self._sources.files(hour_us)) < self._files[hour_us]:
                    raise FileNotFoundError
                pieces = list(self._sources.pieces(hour_us))
                tables = in_order(pieces, start_us, end_us, schema=self.schema, time=self.time, bytes_max=SLICE_BYTES)
                for table in tables:
                    yield from batches_of(table)
            except FileNotFoundError:
                raise NotFound("rows were deleted while they were read, since they have expired; ask again", field="span") from None

    def require_any(self) -> None:
        """Raises NotFound, naming the setting, where rows of these hours were counted and none of the span is kept."""
        if self.gaps and not self.rows:
            remedies = "; ".join(dict.fromkeys(f"{gap.remedy} ({gap.setting})" for gap in self.gaps))
            raise NotFound(f"no rows of {self.name} are kept for this span: {remedies}", field="span")

    def _count(self, hour_us: int) -> set[pa.DataType]:
        """Counts what is kept of an hour; returns the types of its ids in the archive."""
        start_us, end_us = max(self.start_us, hour_us), min(self.end_us, hour_us + self.hour_us)
        id_types = set()
        whole = part = files = 0
        for file in self._sources.files(hour_us):
            try:
                schema, found = groups(self._sources.shelf, file, self._sources.registration)
                part += sum(_rows_within(group, start_us, end_us, self.time) for group in found)
            except FileNotFoundError:
                continue  # it has just expired
            whole += sum(group.rows for group in found)
            files += 1
            if name := self._sources.names.id:
                id_types.add(schema.field(name).type)
        for segment in self._sources.segments:
            if hour_us not in segment.hours:
                continue
            whole += segment.hours[hour_us]
            is_whole = end_us - start_us == self.hour_us
            part += (
                segment.hours[hour_us] if is_whole else sum(_rows_within(run, start_us, end_us, self.time) for run in segment.runs)
            )
        self.kept[hour_us] = whole
        self._files[hour_us] = files
        self.rows += part
        return id_types


def nothing_kept() -> FailedPrecondition:
    """The refusal of a server without a data folder."""
    return FailedPrecondition(
        'this server keeps no rows (--data none): start it with --data DIR, and archive = "on" for more than the last minutes',
        field="endpoint",
    )


def _rows_within(piece: Piece, start_us: int, end_us: int, time: str) -> int:
    """How many rows of a piece happened in [start, end)."""
    if piece.first_us >= start_us and piece.last_us < end_us:
        return piece.rows
    if piece.last_us < start_us or piece.first_us >= end_us:
        return 0
    times = (rows.column(time).cast(pa.int64()).to_numpy() for rows in piece.load())
    return sum(int(((each >= start_us) & (each < end_us)).sum()) for each in times)
