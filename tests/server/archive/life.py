"""A server without its port: intake, journal, engine, store and archive as they are, and a clock that stands until it is set."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
from tests.core.building import NOW_US
from tests.e2e.push import payload_of, schema_of

from driftline_core.delivery import Losses
from driftline_core.engine import Engine, Span
from driftline_core.facts import Origin
from driftline_core.panes import HOUR_US, floor
from driftline_core.payload import Limits
from driftline_core.schema import EndpointSpec
from driftline_server.app import engine_settings
from driftline_server.archive import Export
from driftline_server.config import Settings
from driftline_server.credits import Credits
from driftline_server.data_folder import DataFolder
from driftline_server.durability import Durability
from driftline_server.filesystem import Filesystem, SystemFilesystem
from driftline_server.intake import Handle, Intake
from driftline_server.owner import Owner
from driftline_server.registry import Registry

WAIT_S = 30.0
START_US = floor(NOW_US, HOUR_US)
ALL = Span(start_us=-(2**60), end_us=2**60)
REFERENCE = pa.table(
    {"x": [0.5, 1.5, 2.5], "n": [1, 2, 3], "word": ["a", "b", "a"], "flag": [True, False, True], "truth": [0.0, 1.0, 0.0]}
)


@dataclass(slots=True)
class Standing:
    """A clock that stands."""

    at_us: int = START_US + 30 * 60 * 1_000_000

    def now_us(self) -> int:
        return self.at_us


@dataclass(slots=True)
class Life:
    """From start() to stop(); another one may follow in the same folder."""

    folder: Path
    clock: Standing
    settings: Settings
    filesystem: Filesystem
    registry: Registry = field(init=False)
    durability: Durability = field(init=False)
    intake: Intake = field(init=False)
    owner: Owner = field(init=False)

    def start(self) -> None:
        settings = self.settings
        room = Credits(batches_max=settings.queue_batches_max, bytes_max=settings.queue_bytes_max)
        engine = Engine(engine_settings(settings))
        segment_bytes = settings.journal_segment_bytes
        folder = DataFolder(self.folder, self.filesystem, segment_bytes=segment_bytes, on_state=lambda state, reason: None)
        self.owner = Owner(engine, clock=self.clock, room=room, journal=folder.journal, past=folder.past)
        self.registry = Registry(self.owner, self.clock, endpoints_max=100, producers_max=100)
        self.durability = Durability(folder, settings, engine, self.registry, self.owner, clock=self.clock)
        self.intake = Intake(self.registry, self.owner.ahead, room, self.clock, Limits(), engine.settings)
        self.durability.recover(lambda read, total: None)
        self.owner.ahead.start()
        self.owner.start()
        self.durability.start()

    def stop(self) -> None:
        self.durability.stop()

    def create(self, name: str = "m", *, label: str = "truth", **spec: object) -> str:
        """An endpoint; returns its uid."""
        given = EndpointSpec(name, label=label, **spec)
        entry, _ = self.registry.create(given, REFERENCE.schema, REFERENCE.to_batches())
        return entry.current().uid

    def producer(self, schema: pa.Schema, name: str = "m", *, id_: bytes = b"p" * 16) -> Handle:
        """A producer that sends batches of a schema."""
        return self.intake.open(name, Origin(id_, 1, 0), schema_of(schema), None)

    def push(self, handle: Handle, *batches: pa.RecordBatch) -> None:
        """Batches under the next sequences."""
        for batch in batches:
            self.intake.take(handle, handle.producer.admitted + 1, memoryview(payload_of(batch)))

    def settle(self) -> None:
        """Waits until all that was pushed is durable and counted."""
        self.owner.call(lambda engine: None)

    def cover(self) -> None:
        """Waits until checkpoints cover what was pushed, and the archive has done and dropped what is closed of it."""
        archive, journal = self.durability._archive, self.durability.folder.journal
        wanted = journal.last
        handle = self.intake.open(next(iter(self.registry.entries(""))).current().name, Origin(b"c" * 16, 1, 0), b"", None)

        def covered() -> bool:
            self.intake.report(handle, Losses(dropped=handle.producer.losses.dropped + 1))  # or there is nothing to write down
            return archive.dropping.covered >= wanted

        until(covered)
        until(lambda: all(not each.is_closed or each.last > wanted for each in journal.segments()))

    def export(self, span: Span = ALL, name: str = "m") -> Export:
        return self.durability.exports.open(self.registry.entry(name).current(), span)

    def rows(self, span: Span = ALL, name: str = "m") -> pd.DataFrame:
        """The rows of a span, as they come."""
        export = self.export(span, name)
        return pa.Table.from_batches(list(export.batches()), export.schema).to_pandas()

    def files(self) -> list[str]:
        """The archive's files, by endpoint and hour."""
        folder = self.folder / "archive"
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet*") if path.is_file())

    def segments(self) -> int:
        """How many files the journal has."""
        return len(list((self.folder / "journal").glob("*.journal")))


def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(0.01)


@contextmanager
def living(
    folder: Path, clock: Standing | None = None, *, filesystem: Filesystem | None = None, **settings: object
) -> Iterator[Life]:
    """A life with small segments and a checkpoint a second."""
    small = {"journal_segment_bytes": 16_384, "checkpoint_seconds": 1, "archive": "on"}
    life = Life(folder, clock or Standing(), Settings(**(small | settings)), filesystem or SystemFilesystem())
    life.start()
    try:
        yield life
    finally:
        life.stop()


def batch(rows: int, *, at_us: int = START_US, step_us: int = 1_000_000, first: int = 0, **columns: object) -> pa.RecordBatch:
    """Rows a step apart; a column may be replaced, or left out (None)."""
    numbers = range(first, first + rows)
    made: dict[str, object] = {
        "id": pa.array(numbers, pa.int64()),
        "timestamp": pa.array([at_us + step_us * number for number in numbers], pa.timestamp("us", "UTC")),
        "x": pa.array([None if number % 7 == 3 else number / 3 for number in numbers], pa.float64()),
        "n": pa.array(numbers, pa.int32()),
        "word": pa.array([None if number % 5 == 4 else f"w{number % 3}" for number in numbers]),
        "flag": pa.array([None if number % 11 == 2 else number % 2 == 0 for number in numbers]),
        "truth": pa.array([float("nan") if number % 13 == 1 else float(number % 2) for number in numbers]),
    }
    made |= columns
    return pa.record_batch({name: column for name, column in made.items() if column is not None})
