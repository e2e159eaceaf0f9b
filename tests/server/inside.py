"""A whole server in this process, with a clock that is set: for what would take days, or a disk of our own."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from driftline_proto.v1 import endpoint_pb2_grpc, ingest_pb2_grpc, metrics_pb2_grpc
from driftline_server.app import App
from driftline_server.clock import Clock
from driftline_server.config import load
from driftline_server.filesystem import Filesystem, SystemFilesystem
from driftline_server.journal import Journal
from driftline_server.journal.view import FIRST_FRAME, SegmentView
from driftline_server.lineage import JOURNAL
from driftline_server.records import Record

WAIT_S = 60.0
CALL_S = 30.0


class SetClock:
    """Runs from the time it was set to."""

    def __init__(self, at_us: int) -> None:
        self.set(at_us)

    def set(self, at_us: int) -> None:
        self._offset_us = at_us - time.monotonic_ns() // 1000

    def now_us(self) -> int:
        return self._offset_us + time.monotonic_ns() // 1000


class Inside:
    """A server from its start to its end; `crashed` gives the disk as it would be found after a crash now."""

    def __init__(self, folder: Path, clock: Clock | None = None, filesystem: Filesystem | None = None, **settings: Any) -> None:
        self.folder = folder
        self._app = App(load(None, listen="127.0.0.1:0", data=str(folder), **settings), clock, filesystem)
        self.address = f"127.0.0.1:{self._app.start()}"
        self._channel = grpc.insecure_channel(self.address, options=[("grpc.use_local_subchannel_pool", 1)])
        self.endpoints = endpoint_pb2_grpc.EndpointServiceStub(self._channel)
        self.ingest = ingest_pb2_grpc.IngestServiceStub(self._channel)
        self.metrics = metrics_pb2_grpc.MetricsServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    @property
    def written(self) -> int:
        """The last position of the journal, durable or not."""
        return self.journal.last

    @property
    def journal(self) -> Journal:
        """Where records go."""
        assert self._app._durability is not None
        return self._app._durability.folder.journal

    def health(self) -> int:
        """What the health service says."""
        return int(self._health.Check(health_pb2.HealthCheckRequest(), timeout=CALL_S).status)

    def crashed(self, to: Path) -> Path:
        """A copy of the data folder. Nothing may be written meanwhile, but by who waits."""
        return Path(shutil.copytree(self.folder, to))

    def __enter__(self) -> "Inside":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._channel.close()
        self._app.stop()


def stored_hours(folder: Path) -> list[tuple[int, int, int]]:
    """Start, revision and rows of the newest revision of each stored hour."""
    with closing(sqlite3.connect(f"file:{folder / 'driftline.sqlite'}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT start_us, revision, rows FROM newest_hours ORDER BY endpoint, start_us").fetchall()


def records_of(folder: Path, kind: Record) -> int:
    """How many records of a kind the journal holds."""
    count = 0
    for path in sorted((folder / JOURNAL).glob("*.journal")):
        view, offset = SegmentView.open(path, SystemFilesystem()), FIRST_FRAME
        while (frame := view.frame(offset)) is not None:
            count += frame.header.kind == kind
            offset = frame.end
    return count


@contextmanager
def writing_is_held_up(folder: Path) -> Iterator[None]:
    """Another program writes to the database, and takes its time."""
    with closing(sqlite3.connect(folder / "driftline.sqlite", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
