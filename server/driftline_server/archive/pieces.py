"""Pieces of kept rows, small enough to be read at once: groups of rows in the archive's files, runs of batches in the journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from driftline_core.errors import FailedPrecondition
from driftline_core.panes import Micros
from driftline_core.rows import RowNames, row_schema
from driftline_server.archive.arrived import Arrived, Bounds, Decoder, Wanted
from driftline_server.archive.shelf import RowFile, Shelf
from driftline_server.archive.tables import GROUP_ROWS
from driftline_server.journal import JournalDamaged, SegmentReader
from driftline_server.registration import Registration

_CELL_BYTES = 8
_RUN_BYTES = 1 << 20  # of the journal, other endpoints' records among them


class Piece(Protocol):
    """Rows of one endpoint, and when the first and the last of them happened."""

    @property
    def rows(self) -> int: ...

    @property
    def first_us(self) -> int: ...

    @property
    def last_us(self) -> int: ...

    def load(self) -> Iterator[pa.RecordBatch]:
        """The rows, in any order. Raises FileNotFoundError where they were deleted meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class Group:
    """A group of rows of a file."""

    shelf: Shelf
    file: RowFile
    index: int
    rows: int
    first_us: int
    last_us: int
    size_bytes: int  # about what the rows take in memory

    def load(self) -> Iterator[pa.RecordBatch]:
        with _named(self.file):
            rows = _opened(self.shelf, self.file).read_row_group(self.index, use_threads=False).to_batches()
        yield from rows


def groups(shelf: Shelf, file: RowFile, registration: Registration) -> tuple[pa.Schema, list[Group]]:
    """What an endpoint's file holds. Raises FileNotFoundError, and FailedPrecondition, naming the file, where it is damaged."""
    names = RowNames.of(registration.columns, registration.spec.reserved_columns())
    wanted = row_schema(registration.columns, names, pa.int64()).names
    with _named(file):
        opened = _opened(shelf, file)
        schema = opened.schema_arrow
        if schema.names != wanted:  # pages carry checksums, what stands behind them does not
            raise ValueError(f"its columns are {schema.names}, not {wanted}")
        column = schema.get_field_index(names.timestamp)
        found = []
        for index in range(opened.metadata.num_row_groups):
            group = opened.metadata.row_group(index)
            times = group.column(column).statistics
            size_bytes = max(_CELL_BYTES * group.num_rows * len(schema), group.total_byte_size)  # the latter: of long words
            found.append(Group(shelf, file, index, group.num_rows, times.min_raw, times.max_raw, size_bytes))
        return schema, found


def _opened(shelf: Shelf, file: RowFile) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(shelf.map(file)), page_checksum_verification=True)


@contextmanager
def _named(file: RowFile) -> Iterator[None]:
    """Whatever reading a file raises, but that it is gone, says that it is damaged."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, AttributeError) as error:  # the last: of statistics that are not there
        reason = " ".join(str(error).split())
        raise FailedPrecondition(
            f"archive file {file.path} is damaged ({reason}): delete it, and its rows are reported as missing",
            field="span",
        ) from error


@dataclass(frozen=True, slots=True)
class Run:
    """Records of a segment that follow one another, of which some are batches of the endpoint."""

    segment: "SegmentRows"
    start: int
    stop: int
    rows: int
    first_us: int
    last_us: int

    def load(self) -> Iterator[pa.RecordBatch]:
        for _, arrived in self.segment.arrived(self.start, self.stop):
            yield arrived.rows()


@dataclass(slots=True)
class SegmentRows:
    """What a segment of the journal holds of one endpoint, once read() has gone through it."""

    reader: SegmentReader
    wanted: Wanted
    bounds: Bounds
    hour_us: int
    runs: list[Run] = field(default_factory=list)
    id_types: set[pa.DataType] = field(default_factory=set)  # of the rows that have an id
    hours: dict[int, int] = field(default_factory=dict)  # rows by the hour they happened in
    _decoder: Decoder = field(init=False)

    def __post_init__(self) -> None:
        self._decoder = Decoder({self.wanted.registration.uid: self.wanted}, self.bounds)

    def read(self) -> None:
        """Finds the endpoint's rows. A damaged segment is read as far as it goes."""
        run = _Found(self.reader.begin)
        for stop, arrived in self.arrived(self.reader.begin, None):
            times = arrived.kept_times_us()
            if not len(times):
                continue
            if arrived.plan.has_id:
                self.id_types.add(arrived.plan.schema.field(arrived.plan.names.id).type)
            hours, counts = np.unique(times // self.hour_us, return_counts=True)
            for hour, count in zip(hours.tolist(), counts.tolist(), strict=True):
                self.hours[hour * self.hour_us] = self.hours.get(hour * self.hour_us, 0) + count
            run.add(times, stop)
            if run.rows >= GROUP_ROWS or stop - run.start >= _RUN_BYTES:
                self.runs.append(run.made(self))
                run = _Found(stop)
        if run.rows:
            self.runs.append(run.made(self))

    def arrived(self, start: int, stop: int | None) -> Iterator[tuple[int, Arrived]]:
        """The endpoint's batches among the records in [start, stop), each with where it ends."""
        try:
            for end, record in self.reader.records(start, stop):
                arrived = self._decoder.read(record)
                if arrived is not None:
                    yield end, arrived
        except JournalDamaged:
            return


@dataclass(slots=True)
class _Found:
    """A run in the making."""

    start: int
    stop: int = 0
    rows: int = 0
    first_us: int = 2**63 - 1
    last_us: int = -(2**63)

    def add(self, times: Micros, stop: int) -> None:
        self.stop = stop
        self.rows += len(times)
        self.first_us = min(self.first_us, int(times.min()))
        self.last_us = max(self.last_us, int(times.max()))

    def made(self, segment: SegmentRows) -> Run:
        return Run(segment, self.start, self.stop, self.rows, self.first_us, self.last_us)
