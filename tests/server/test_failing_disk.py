"""A disk that fails to make durable what was written: nothing is taken any more, and nothing acknowledged is lost."""

import threading
from collections.abc import Sequence
from errno import EIO
from pathlib import Path

from grpc_health.v1 import health_pb2
from tests.e2e.push import PushClient
from tests.e2e.server import Server
from tests.e2e.watched import ALL, PLAIN, Watched, payload_of, sample, says
from tests.server.inside import Inside

from driftline_server.filesystem import Buffer, File, SystemFilesystem

UNAVAILABLE = 14
ROWS = 500


class Unsure(SystemFilesystem):
    """A disk that cannot say, once it is broken, whether what was written is there; then it is broken for good."""

    def __init__(self) -> None:
        self.is_broken = threading.Event()

    def create(self, path: Path) -> File:
        return UnsureFile(super().create(path), self.is_broken)


class UnsureFile:
    """A file on it."""

    def __init__(self, file: File, is_broken: threading.Event) -> None:
        self._file = file
        self._is_broken = is_broken

    def write(self, buffers: Sequence[Buffer], offset: int) -> int:
        return self._file.write(buffers, offset)

    def sync(self) -> None:
        if self._is_broken.is_set():
            raise OSError(EIO, "the disk does not answer")
        self._file.sync()

    def allocate(self, size_bytes: int) -> None:
        self._file.allocate(size_bytes)

    def truncate(self, size_bytes: int) -> None:
        self._file.truncate(size_bytes)

    def close(self) -> None:
        self._file.close()


def test_where_a_sync_fails_nothing_is_taken_any_more(tmp_path: Path) -> None:
    disk = Unsure()
    with Inside(tmp_path, filesystem=disk, queue_batches_max=1) as server:
        watched = Watched(server, wire=PLAIN)  # type: ignore[arg-type]
        watched.good()
        watched.check()
        assert server.health() == health_pb2.HealthCheckResponse.SERVING
        disk.is_broken.set()
        streams = [PushClient(server.ingest) for _ in range(3)]
        handles = [stream.open(watched.name, PLAIN) for stream in streams]
        for stream, handle in zip(streams, handles, strict=True):
            stream.push(handle, *[payload_of(sample(ROWS, seed, schema=PLAIN)) for seed in range(40)])
        for stream, handle in zip(streams, handles, strict=True):
            stream.until(lambda handle=handle: bool(handle.refused))
            assert handle.refused[0].code == UNAVAILABLE
            assert says(handle.refused[0].reason, "takes nothing any more", "could not be synced", "log says what to do")
            assert handle.acknowledged == 0
            stream.cancel()
        assert server.health() == health_pb2.HealthCheckResponse.NOT_SERVING
        assert watched.drift().rows == watched.rows
        watched.stream.cancel()
    with Server(data=tmp_path) as again, PushClient(again.ingest) as stream:
        reopened = [stream.open(watched.name, PLAIN, producer_id=handle.producer_id) for handle in handles]
        watched.server = again
        rows = watched.rows + ROWS * sum(handle.sent for handle in reopened)  # what was written may be there after all
        assert watched.drift(ALL).rows == watched.endpoint().counters.rows == rows
