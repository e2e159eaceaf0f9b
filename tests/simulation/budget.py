"""What days may cost: memory that does not grow with them, a database that grows by what is stored and no more."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.world import World

MEMORY_RATIO_MAX = 1.15  # of the last mark's to the first's
# docs/tables.md: a column in an hour, an hour; beside them the encoded counts. Half of it may be added by half-full pages.
COLUMN_BYTES, HOUR_BYTES, SLACK = 98, 72, 1.5
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Mark:
    """What there was at the end of a day; `predicted_bytes` is what the stored hours should take."""

    day: int
    memory_bytes: int
    database_bytes: int
    predicted_bytes: int

    @classmethod
    def of(cls, day: int, world: World) -> "Mark":
        (columns,) = world.store.connection.execute("SELECT count(*) FROM hour_columns").fetchone()
        hours, profiles = world.store.connection.execute("SELECT count(*), sum(length(profile)) FROM hours").fetchone()
        predicted = columns * COLUMN_BYTES + hours * HOUR_BYTES + (profiles or 0)
        return cls(day, _resident_bytes() - _oracle_bytes(world), _database_bytes(world), predicted)

    def __str__(self) -> str:
        memory, database = self.memory_bytes / 1e6, self.database_bytes / 1e6
        return f"day {self.day:3}: {memory:6.0f} MB resident beside the oracle, {database:7.1f} MB of database"


def check_database(first: Mark, last: Mark) -> float:
    """Asserts that the database grew as predicted; returns by how much, as a share of that."""
    share = (last.database_bytes - first.database_bytes) / (last.predicted_bytes - first.predicted_bytes)
    assert 1 / SLACK <= share <= SLACK, f"the database grew by {share:.2f} of what its hours should take"
    return share


def check_memory(first: Mark, last: Mark) -> float:
    """Asserts that memory is flat; returns the ratio of the last to the first."""
    ratio = last.memory_bytes / first.memory_bytes
    assert ratio <= MEMORY_RATIO_MAX, f"memory of day {last.day} is {ratio:.2f} of day {first.day}'s"
    return ratio


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def _database_bytes(world: World) -> int:
    """Its pages, wherever they are: the write-ahead file is written over again and again."""
    (pages,) = world.store.connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = world.store.connection.execute("PRAGMA page_size").fetchone()
    return int(pages * page_bytes)


def _oracle_bytes(world: World) -> int:
    """What the test itself remembers, which is not the server's."""
    for sent in world.sent.values():
        sent.compact()
    return sum(
        array.nbytes for sent in world.sent.values() for arrays in (sent.times_us, sent.x, sent.word, sent.flag) for array in arrays
    )
