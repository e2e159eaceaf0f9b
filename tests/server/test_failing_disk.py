"""A disk that fails to make durable what was written: nothing is taken any more, and nothing acknowledged is lost."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from errno import EIO, ENOSPC
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from tests.e2e.push import ANSWER_S, PushClient
from tests.e2e.server import Server
from tests.e2e.watched import ALL, PLAIN, REFERENCE_ROWS, Watched, payload_of, requests, sample, says
from tests.server.archive.life import until
from tests.server.inside import Inside

from driftline_proto.v1 import endpoint_pb2, metrics_pb2
from driftline_proto.v1 import ingest_pb2 as pb
from driftline_server.filesystem import Buffer, File, SystemFilesystem
from driftline_server.journal import State

RESOURCE_EXHAUSTED, UNAVAILABLE = 8, 14
ROWS = 500


class Ailing(SystemFilesystem):
    """A disk that is full or slow for a while, or that cannot say any more whether what was written is there."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = threading.Event()
        self.is_broken = threading.Event()
        self.is_quick = threading.Event()  # unset: nothing becomes durable for now
        self.is_quick.set()

    def create(self, path: Path) -> File:
        self.require_room()
        return AilingFile(super().create(path), self)

    def require_room(self) -> None:
        if self.is_full.is_set():
            raise OSError(ENOSPC, "No space left on device")


class AilingFile:
    """A file on it."""

    def __init__(self, file: File, disk: Ailing) -> None:
        self._file = file
        self._disk = disk

    def write(self, buffers: Sequence[Buffer], offset: int) -> int:
        self._disk.require_room()
        return self._file.write(buffers, offset)

    def sync(self) -> None:
        assert self._disk.is_quick.wait(ANSWER_S)
        if self._disk.is_broken.is_set():
            raise OSError(EIO, "the disk does not answer")
        self._file.sync()

    def stands_at(self, path: Path, size_bytes: int) -> bool:
        return self._file.stands_at(path, size_bytes)

    def allocate(self, size_bytes: int) -> None:
        self._disk.require_room()
        self._file.allocate(size_bytes)

    def truncate(self, size_bytes: int) -> None:
        self._file.truncate(size_bytes)

    def close(self) -> None:
        self._file.close()


def test_where_a_sync_fails_nothing_is_taken_any_more(tmp_path: Path) -> None:
    disk = Ailing()
    with Inside(tmp_path, filesystem=disk, queue_batches_max=1) as server:
        watched = Watched(server, wire=PLAIN)
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


def removed(journal: Path) -> None:
    shutil.rmtree(journal)


def replaced(journal: Path) -> None:
    (path,) = journal.glob("*.journal")
    path.rename(path.with_suffix(".old"))
    shutil.copyfile(path.with_suffix(".old"), path)


def shortened(journal: Path) -> None:
    (path,) = journal.glob("*.journal")
    os.truncate(path, 64)


@pytest.mark.parametrize("spoil", [removed, replaced, shortened], ids=["removed", "replaced", "shortened"])
def test_what_nobody_would_find_again_is_not_acknowledged(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    with Inside(tmp_path) as server:
        watched = Watched(server, wire=PLAIN)
        watched.good()
        watched.check()
        stream = PushClient(server.ingest)
        handle = stream.open(watched.name, PLAIN)
        spoil(tmp_path / "journal")
        stream.push(handle, payload_of(sample(ROWS, 1, schema=PLAIN)))
        until(lambda: server.health() == health_pb2.HealthCheckResponse.NOT_SERVING)
        stream.push(handle, payload_of(sample(ROWS, 2, schema=PLAIN)))
        stream.until(lambda: bool(handle.refused))
        assert (handle.refused[0].code, handle.acknowledged) == (UNAVAILABLE, 0)
        assert says(handle.refused[0].reason, "was removed, replaced or shortened", "put it back")
        stream.cancel()
        watched.stream.cancel()


def test_an_epoch_that_could_not_be_written_down_has_not_begun(tmp_path: Path) -> None:
    disk = Ailing()
    with Inside(tmp_path, filesystem=disk) as server, Watched(server, wire=PLAIN) as watched:
        watched.good()
        watched.stream.settle()
        with PushClient(server.ingest) as other:
            disk.is_full.set()
            fill_the_queue(watched)
            newer = other.open(watched.name, PLAIN, producer_id=watched.handle.producer_id, epoch=2)
            assert [refused.code for refused in newer.refused] == [RESOURCE_EXHAUSTED]
            disk.is_full.clear()
            goes_on(watched)  # in its own epoch


def test_losses_that_cannot_be_written_down_end_no_stream(tmp_path: Path) -> None:
    disk = Ailing()
    with Inside(tmp_path, filesystem=disk) as server, Watched(server, wire=PLAIN) as watched:
        other = watched.stream.open(watched.name, PLAIN)
        watched.good()
        watched.stream.settle()
        disk.is_full.set()
        fill_the_queue(watched)
        watched.stream.send(loss=pb.Loss(handle=other.number, dropped_rows=7))
        watched.stream.until(lambda: bool(other.refused))
        assert other.refused[0].code == RESOURCE_EXHAUSTED
        disk.is_full.clear()
        goes_on(watched)
        watched.stream.send(loss=pb.Loss(handle=watched.handle.number, dropped_rows=7))
        watched.good()
        watched.check()
        assert watched.endpoint().counters.dropped_rows == 7


def fill_the_queue(watched: Watched) -> None:
    """Pushes until it is told that nothing can be written."""
    payload = payload_of(sample(ROWS, 1, schema=PLAIN))
    while not watched.handle.refused:
        watched.stream.push(watched.handle, payload)
        time.sleep(0.01)
    assert watched.handle.refused[0].code == RESOURCE_EXHAUSTED


def goes_on(watched: Watched) -> None:
    """Opens the handle again until batches are taken; those that had come before the disk was full are counted."""
    until = time.monotonic() + ANSWER_S
    while True:
        assert time.monotonic() < until
        watched.handle.refused.clear()
        watched.stream.open(watched.name, PLAIN, number=watched.handle.number)
        watched.stream.push(watched.handle, payload_of(sample(ROWS, 1, schema=PLAIN)))
        watched.stream.until(lambda: watched.handle.acknowledged == watched.handle.sent or bool(watched.handle.refused))
        if not watched.handle.refused:
            break
        time.sleep(0.1)
    for _ in range(watched.handle.acknowledged - watched.batches):
        watched.expect(sample(ROWS, 1, schema=PLAIN))


def test_what_is_answered_is_durable_though_the_disk_was_full_meanwhile(tmp_path: Path) -> None:
    disk = Ailing()
    name = "tests/full/model:v1"
    reference = sample(REFERENCE_ROWS, seed=0)
    spec = endpoint_pb2.EndpointSpec(name=name)
    with Inside(tmp_path, filesystem=disk) as server:
        calls = [
            lambda: server.endpoints.CreateEndpoint.future(requests(endpoint_pb2.CreateEndpointRequest, spec, [reference])),
            lambda: server.endpoints.SetReference.future(
                requests(endpoint_pb2.SetReferenceRequest, endpoint_pb2.ReferenceSpec(name=name), [reference])
            ),
            lambda: server.endpoints.DeleteEndpoint.future(endpoint_pb2.DeleteEndpointRequest(name=name)),
        ]
        for call in calls:
            disk.is_full.set()
            answer = call()
            with pytest.raises(grpc.FutureTimeoutError):
                answer.result(timeout=0.5)
            disk.is_full.clear()
            answer.result(timeout=ANSWER_S)


def test_where_the_disk_is_full_who_comes_behind_a_change_is_told_at_once_that_nothing_was_changed(tmp_path: Path) -> None:
    disk = Ailing()
    reference = sample(REFERENCE_ROWS, seed=0)

    def create(name: str) -> grpc.Future:
        spec = endpoint_pb2.EndpointSpec(name=f"tests/{name}/model:v1")
        return server.endpoints.CreateEndpoint.future(requests(endpoint_pb2.CreateEndpointRequest, spec, [reference]))

    def delete() -> grpc.Future:
        return server.endpoints.DeleteEndpoint.future(endpoint_pb2.DeleteEndpointRequest(name="tests/early/model:v1"))

    with Inside(tmp_path, filesystem=disk) as server:
        create("early").result(timeout=ANSWER_S)
        disk.is_full.set()
        first = create("first")
        until(lambda: server.journal.state is State.STALLED)
        for behind in [create("later"), *(delete() for _ in range(20))]:
            told = behind.exception(timeout=ANSWER_S)
            assert (told.code(), "nothing was changed" in told.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
        assert not first.done()
        assert "this happens by itself when it can" in first.exception(timeout=ANSWER_S).details()
        disk.is_full.clear()
        until(lambda: server.journal.state is State.OPEN)
        delete().result(timeout=ANSWER_S)
        left = server.endpoints.ListEndpoints(endpoint_pb2.ListEndpointsRequest()).endpoints
        assert [each.name for each in left] == ["tests/first/model:v1"]


def test_a_question_waits_for_what_was_acknowledged_and_for_nothing_else(tmp_path: Path) -> None:
    disk = Ailing()
    with Inside(tmp_path, filesystem=disk) as server, Watched(server, wire=PLAIN) as watched:
        watched.good()
        watched.check()
        before, drift = watched.rows, metrics_pb2.GetDriftRequest(endpoint=watched.name, span=ALL)
        early = watched.stream.open(watched.name, PLAIN, level=pb.ACK_LEVEL_ACCEPTED)
        disk.is_quick.clear()
        watched.good(seed=2)
        assert server.metrics.GetDrift.future(drift).result(ANSWER_S).rows == before  # the batch is not acknowledged
        watched.stream.push(early, payload_of(sample(ROWS, 3, schema=PLAIN)))
        watched.expect(sample(ROWS, 3, schema=PLAIN))
        watched.stream.settle([early])  # this one is
        answer = server.metrics.GetDrift.future(drift)
        with pytest.raises(grpc.FutureTimeoutError):
            answer.result(0.5)
        disk.is_quick.set()
        assert answer.result(ANSWER_S).rows == watched.rows


def test_what_was_answered_is_there_after_a_crash_though_a_change_was_under_way(tmp_path: Path) -> None:
    disk = Ailing()
    name = "tests/seen/model:v1"
    reference = sample(REFERENCE_ROWS, seed=0)
    spec = endpoint_pb2.EndpointSpec(name=name)
    with Inside(tmp_path / "alive", filesystem=disk) as server:
        changes = [
            lambda: server.endpoints.CreateEndpoint.future(requests(endpoint_pb2.CreateEndpointRequest, spec, [reference])),
            lambda: server.endpoints.SetReference.future(
                requests(endpoint_pb2.SetReferenceRequest, endpoint_pb2.ReferenceSpec(name=name), [reference])
            ),
            lambda: server.endpoints.DeleteEndpoint.future(endpoint_pb2.DeleteEndpointRequest(name=name)),
        ]
        for number, change in enumerate(changes):
            durable = server.crashed(tmp_path / f"crash {number}")
            written = server.written
            disk.is_quick.clear()
            try:
                answer = change()
                until(lambda written=written: server.written > written)
                seen = answers(server, name)
            finally:
                disk.is_quick.set()
            answer.result(timeout=ANSWER_S)
            with Inside(durable) as again:
                assert answers(again, name) == seen
            assert answers(server, name) != seen


def answers(server: Inside, name: str) -> list[object]:
    """What each call says of an endpoint, where it says anything."""
    drift = metrics_pb2.GetDriftRequest(endpoint=name, span=ALL)
    versions = [each.reference_version for each in server.endpoints.ListEndpoints(endpoint_pb2.ListEndpointsRequest()).endpoints]
    calls = [
        lambda: server.endpoints.GetEndpoint(endpoint_pb2.GetEndpointRequest(name=name)).endpoint.reference_version,
        lambda: server.metrics.GetDrift(drift).reference_version,
    ]
    return [versions, *(said(call) for call in calls)]


def said(call: Callable[[], object]) -> object:
    try:
        return call()
    except grpc.RpcError as error:
        return error.code()
