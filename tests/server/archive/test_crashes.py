"""The archive dies at every operation on the disk, or the power is lost: no row is lost, none is there twice."""

import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from tests.core.building import frames, reference_of
from tests.e2e.push import payload_of, schema_of
from tests.server.archive.life import START_US, batch
from tests.server.fault_filesystem import FaultFilesystem, dead_from

from driftline_core.facts import Origin
from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US
from driftline_core.roles import normal, resolve
from driftline_core.rows import RowNames, row_schema
from driftline_core.schema import EndpointSpec
from driftline_server import records
from driftline_server.archive.arrived import Bounds, Wanted
from driftline_server.archive.export import Export, Sources
from driftline_server.archive.gathering import Gathering
from driftline_server.archive.pieces import SegmentRows
from driftline_server.archive.shelf import Shelf
from driftline_server.archive.tables import parquet_of
from driftline_server.archive.writing import SegmentWriter
from driftline_server.journal import Definition, Journal, JournalSettings, Segment, SegmentReader
from driftline_server.records import Record
from driftline_server.registration import Registration

UID = "0" * 32
JOURNAL, ARCHIVE = Path("/data/journal"), Path("/data/archive")
BOUNDS = Bounds(5 * MINUTE_US, 400 * DAY_US)
ARRIVAL_US = START_US + 3 * HOUR_US
SENT = [batch(40, first=40 * number, step_us=25_000_000).drop_columns(["truth"]) for number in range(8)]
TABLE = pa.Table.from_batches(SENT).select(["x", "n", "word", "flag"])


def registered() -> Registration:
    spec = normal(EndpointSpec("m"))
    columns, _ = resolve(spec, TABLE.schema)
    return Registration("default/default/m:latest", UID, spec, columns, reference_of(TABLE), START_US)


REGISTRATION = registered()
SCHEMA = row_schema(REGISTRATION.columns, RowNames.of(REGISTRATION.columns, REGISTRATION.spec.reserved_columns()), pa.int64())


@dataclass(slots=True)
class Disk:
    """A disk with a journal whose segments are closed."""

    filesystem: FaultFilesystem
    segments: list[Segment]

    @property
    def shelf(self) -> Shelf:
        return Shelf(ARCHIVE, self.filesystem)

    def archive(self) -> None:
        writer = SegmentWriter(self.shelf, BOUNDS, HOUR_US, lambda: None, portion_bytes=4_000)
        for segment in self.segments:
            writer.write(SegmentReader(segment, self.filesystem), {UID: Wanted(REGISTRATION)}, 0)

    def ids(self, segments: Sequence[Segment]) -> list[int]:
        """The rows of some segments of the journal and of the archive."""
        rows = [SegmentRows(SegmentReader(each, self.filesystem), Wanted(REGISTRATION), BOUNDS, HOUR_US) for each in segments]
        for each in rows:
            each.read()
        export = Export(Sources(self.shelf, REGISTRATION, rows, HOUR_US), START_US, ARRIVAL_US)
        return [number for part in export.batches() for number in part.column("id").to_pylist()]

    def files(self) -> list[str]:
        return [f"{hour}/{file.path.name}" for hour in self.shelf.hours(UID) for file in self.shelf.files(UID, hour)]


def written() -> Disk:
    filesystem = FaultFilesystem()
    settings = JournalSettings(segment_bytes=6_000)
    journal = Journal(JOURNAL, filesystem, settings, on_state=lambda state, reason: None)
    assert list(journal.recover(0)) == []
    journal.start(lambda items, durable: None)
    definition = Definition(1, schema_of(SENT[0].schema))
    for number, frame in enumerate(frames(UID, REGISTRATION.reference, SENT, at_us=ARRIVAL_US), start=1):
        head = records.batch_head(type(frame)(UID, ARRIVAL_US, frame.reference, frame.bound, Origin(b"p" * 16, 1, number)))
        journal.append(Record.BATCH, [head, payload_of(SENT[number - 1])], None, definition=definition)
    journal.close()
    return Disk(filesystem, journal.segments())


DISK = written()
WANTED = list(range(320))


def copied() -> Disk:
    return Disk(DISK.filesystem.copy(), DISK.segments)


def operations() -> int:
    disk = copied()
    disk.archive()
    return len(disk.filesystem.log)


def test_dying_at_any_operation_loses_no_row_and_doubles_none() -> None:
    assert len(DISK.segments) > 2
    whole = copied()
    whole.archive()
    for k in range(1, operations() + 1):
        disk = copied()
        disk.filesystem.plan = dead_from(k, (0.0, 0.5, 1.0)[k % 3])
        with pytest.raises(OSError, match="planned"):
            disk.archive()
        disk.filesystem.restart()
        assert disk.ids(disk.segments) == WANTED, f"after operation {k}"
        disk.archive()
        assert disk.ids(disk.segments) == disk.ids([]) == WANTED, f"after operation {k}, done again"
        assert disk.files() == whole.files()
        assert not [name for hour in disk.shelf.hours(UID) for name in _names(disk, hour) if name.endswith(".new")]


def test_what_is_archived_survives_a_loss_of_power() -> None:
    for seed in range(40):
        disk = copied()
        disk.archive()
        lost = Disk(disk.filesystem.lose_power(seed), disk.segments)
        assert lost.ids([]) == WANTED


def test_a_loss_of_power_while_it_works_is_made_good() -> None:
    last = operations()
    for seed in range(60):
        disk = copied()
        disk.filesystem.plan = dead_from(1 + seed * last // 60)
        with pytest.raises(OSError, match="planned"):
            disk.archive()
        disk = Disk(disk.filesystem.lose_power(seed), disk.segments)
        assert disk.ids(disk.segments) == WANTED
        disk.archive()
        assert disk.ids([]) == WANTED


def test_a_segment_at_a_time_moves_from_the_journal_to_the_archive() -> None:
    disk = copied()
    disk.archive()
    for dropped in range(len(disk.segments) + 1):
        assert disk.ids(disk.segments[dropped:]) == WANTED


def test_a_portion_of_another_size_leaves_no_row_twice() -> None:
    disk = copied()
    disk.archive()
    writer = SegmentWriter(disk.shelf, BOUNDS, HOUR_US, lambda: None, portion_bytes=100_000)
    for segment in disk.segments:
        writer.write(SegmentReader(segment, disk.filesystem), {UID: Wanted(REGISTRATION)}, 0)
    assert disk.ids([]) == WANTED


def _names(disk: Disk, hour_us: int) -> list[str]:
    return disk.filesystem.names(disk.shelf._hour(UID, hour_us))


def gathered(disk: Disk, before: int = sys.maxsize) -> None:
    """Gathers every hour there is, each until nothing is left to do."""
    gathering = Gathering(disk.shelf, HOUR_US)
    while gathering.advance(ARRIVAL_US, before, lambda: {UID: REGISTRATION}):
        pass


def archived() -> Disk:
    disk = copied()
    disk.archive()
    return disk


def test_dying_while_files_are_gathered_loses_no_row_and_doubles_none() -> None:
    whole = archived()
    before, begun = len(whole.files()), len(whole.filesystem.log)
    gathered(whole)
    assert len(whole.files()) == len(whole.shelf.hours(UID)) < before
    assert whole.ids([]) == WANTED
    base = archived()
    for k in range(1, len(whole.filesystem.log) - begun + 1):
        disk = Disk(base.filesystem.copy(), base.segments)
        disk.filesystem.plan = dead_from(k, (0.0, 0.5, 1.0)[k % 3])
        with suppress(OSError):
            gathered(disk)
        lost = Disk(disk.filesystem.lose_power(k), disk.segments)
        assert lost.ids([]) == WANTED, f"after operation {k} and a loss of power"
        disk.filesystem.restart()
        assert disk.ids([]) == WANTED, f"after operation {k}"
        gathered(disk)
        assert disk.ids([]) == WANTED
        assert disk.files() == whole.files()
        assert [name for hour in disk.shelf.hours(UID) for name in _names(disk, hour)] == [f.split("/")[1] for f in whole.files()]


def test_what_the_journal_holds_and_what_somebody_reads_is_not_gathered() -> None:
    disk = archived()
    files = disk.files()
    gathered(disk, before=1)
    assert disk.files() == files
    gathering = Gathering(disk.shelf, HOUR_US)
    shelf = gathering.shelf
    hold = shelf.hold()
    assert not gathering.advance(ARRIVAL_US, sys.maxsize, lambda: {UID: REGISTRATION})
    hour_us = shelf.hours(UID)[0]
    assert not shelf.gather(UID, hour_us, shelf.files(UID, hour_us), pa.py_buffer(b"rows"))
    assert disk.files() == files
    del hold
    assert gathering.advance(ARRIVAL_US, sys.maxsize, lambda: {UID: REGISTRATION})
    assert len(disk.files()) < len(files)


def test_files_that_are_large_enough_stay_apart() -> None:
    disk = archived()
    files = disk.files()
    gathering = Gathering(disk.shelf, HOUR_US, bytes_max=1)
    while gathering.advance(ARRIVAL_US, sys.maxsize, lambda: {UID: REGISTRATION}):
        pass
    assert disk.files() == files


def test_long_words_count_for_what_they_are() -> None:
    shelf = Shelf(ARCHIVE, FaultFilesystem())
    for number in range(4):
        words = pa.array([f"{number}{row}" * 500 for row in range(10)]).dictionary_encode()
        given = {"timestamp": pa.array([START_US] * 10, pa.timestamp("us", "UTC")), "word": words}
        table = pa.table({field.name: given.get(field.name, pa.nulls(10, field.type)) for field in SCHEMA})
        shelf.save(UID, START_US, parquet_of(table, "timestamp"), first=2 * number + 1, last=2 * number + 2)
    gathering = Gathering(shelf, HOUR_US, bytes_max=25_000)
    while gathering.advance(ARRIVAL_US, sys.maxsize, lambda: {UID: REGISTRATION}):
        pass
    assert [(file.first, file.last) for file in shelf.files(UID, START_US)] == [(1, 4), (5, 8)]


def test_who_reads_may_let_go_within_anything_that_is_done() -> None:
    shelf = Shelf(ARCHIVE, FaultFilesystem())
    held = [shelf.hold()]

    def let_go() -> None:
        with shelf._lock:
            held.clear()  # as when garbage is collected here

    thread = threading.Thread(target=let_go, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert not shelf.is_held
