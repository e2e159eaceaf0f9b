"""A closed segment of the journal becomes files of rows, by endpoint and hour; done twice, it gives the same files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from driftline_server.archive.arrived import Bounds, Decoder, Wanted
from driftline_server.archive.portion import HourRows, Portion
from driftline_server.archive.shelf import Shelf
from driftline_server.archive.tables import parquet_of
from driftline_server.journal import SegmentReader

# Rows in memory at once; they are held three times while they are ordered and written.
PORTION_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class Written:
    """What became of a segment; `failed` are batches that could not be read, as they could not be when they were counted."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    failed: int = 0
    hours: set[tuple[str, int]] = field(default_factory=set)  # that there are files of now


@dataclass(frozen=True, slots=True)
class SegmentWriter:
    """Writes segments onto a shelf. `rest` is called between two pieces of work, and may raise to end it."""

    shelf: Shelf
    bounds: Bounds
    hour_us: int
    rest: Callable[[], None]
    portion_bytes: int = PORTION_BYTES

    def write(self, reader: SegmentReader, wanted: Mapping[str, Wanted], oldest_us: int) -> Written:
        """Returns when the rows of the endpoints that are wanted, by uid, are on the disk.

        Hours that begin before `oldest_us` are left out. Raises OSError, JournalDamaged: done again, it is as if done once.
        """
        written, saved = Written(), dict[tuple[str, int], set[Path]]()
        decoder, portion = Decoder(wanted, self.bounds), Portion(self.hour_us, oldest_us)
        for _, record in reader.records():
            arrived = decoder.read(record)
            if arrived is None:
                continue
            portion.add(arrived)
            if portion.size_bytes >= self.portion_bytes:
                self._save(portion, saved, written)
                portion = Portion(self.hour_us, oldest_us)
        self._save(portion, saved, written)
        for (uid, hour_us), paths in saved.items():
            self.shelf.settle(uid, hour_us, paths, first=reader.segment.first, last=reader.segment.last)
            written.hours.add((uid, hour_us))
        written.failed = decoder.failed
        return written

    def _save(self, portion: Portion, saved: dict[tuple[str, int], set[Path]], written: Written) -> None:
        for each in portion.take():
            self._save_hour(each, portion, saved, written)
            self.rest()

    def _save_hour(self, each: HourRows, portion: Portion, saved: dict[tuple[str, int], set[Path]], written: Written) -> None:
        body = parquet_of(each.rows, each.time)
        path = self.shelf.save(each.uid, each.hour_us, body, first=portion.first, last=portion.last)
        saved.setdefault((each.uid, each.hour_us), set()).add(path)
        written.rows += each.rows.num_rows
        written.files += 1
        written.bytes += body.size
