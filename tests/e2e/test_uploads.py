"""An upload that was not completed changes nothing, however it ended; and it makes room for others."""

import _thread
import asyncio
import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest
from tests.e2e.server import CALL_S, Server
from tests.e2e.watched import create, requests, sample

import driftline
from driftline_proto.v1 import endpoint_pb2 as pb
from driftline_proto.v1.endpoint_pb2_grpc import EndpointServiceStub

TIMES = 30
PIECE = sample(50, seed=0)
BEFORE = 60  # rows of the reference that is there and must stay
KINDS = ("create", "set_reference")

# A client of a process of its own, to be killed: tells that all of its uploads have sent a piece.
CLIENT = f"""
import sys, threading, time
import pyarrow as pa
import driftline
address, call, *names = sys.argv[1:]
piece = pa.record_batch({{"x": [1.0] * 50}})
sent = threading.Barrier({TIMES} + 1)
def pieces():
    yield piece
    sent.wait()
    time.sleep(60)
client = driftline.connect(address)
for name in names:
    reader = pa.RecordBatchReader.from_batches(piece.schema, pieces())
    threading.Thread(target=getattr(client, call), args=[name], kwargs={{"reference": reader}}).start()
sent.wait()
print("sent", flush=True)
"""


@pytest.fixture(scope="module")
def roomy() -> Iterator[Server]:
    """A server that takes them all at once."""
    with Server(uploads_max=4 * TIMES) as started:
        yield started


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """A server that gives an upload next to no time."""
    with Server(upload_seconds=1, uploads_max=4 * TIMES) as started:
        yield started


def messages(kind: str, name: str) -> list[Any]:
    """An upload up to its last piece, without its end."""
    request, spec = {
        "create": (pb.CreateEndpointRequest, pb.EndpointSpec(name=name)),
        "set_reference": (pb.SetReferenceRequest, pb.ReferenceSpec(name=name)),
    }[kind]
    return list(requests(request, spec, [PIECE]))[:-1]


def call_of(server: Server, kind: str) -> Any:
    return {"create": server.endpoints.CreateEndpoint, "set_reference": server.endpoints.SetReference}[kind]


class Stall:
    """The messages of an upload that goes on until it is let go; `sent` is set when all of them were taken."""

    def __init__(self, given: list[Any]) -> None:
        self._given = given
        self.sent = threading.Event()
        self.over = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        yield from self._given
        self.sent.set()
        self.over.wait(CALL_S)


def cancelled(server: Server, kind: str, name: str) -> None:
    stall = Stall(messages(kind, name))
    call = call_of(server, kind).future(iter(stall))
    assert stall.sent.wait(CALL_S)
    call.cancel()
    stall.over.set()


def cut_by_the_deadline(server: Server, kind: str, name: str) -> None:
    stall = Stall(messages(kind, name))
    call = call_of(server, kind).future(iter(stall), timeout=0.05)
    assert call.exception(CALL_S).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    stall.over.set()


def left_by_a_broken_iterator(server: Server, kind: str, name: str) -> None:
    def broken() -> Iterator[Any]:
        yield from messages(kind, name)
        raise OSError("the disk is gone")

    with pytest.raises(grpc.RpcError):
        call_of(server, kind)(broken(), timeout=CALL_S)


def failing_reader(error: BaseException) -> pa.RecordBatchReader:
    def pieces() -> Iterator[pa.RecordBatch]:
        yield PIECE
        raise error

    return pa.RecordBatchReader.from_batches(PIECE.schema, pieces())


def left_by_a_broken_reader(server: Server, kind: str, name: str) -> None:
    with driftline.connect(server.address) as client, pytest.raises(driftline.InvalidInput, match="the disk is gone"):
        upload(client, kind)(name, reference=failing_reader(OSError("the disk is gone")))


def left_with_its_channel(server: Server, kind: str, name: str) -> None:
    stall = Stall(messages(kind, name))
    with server.channel() as channel:
        stub = EndpointServiceStub(channel)
        call = {"create": stub.CreateEndpoint, "set_reference": stub.SetReference}[kind].future(iter(stall))
        assert stall.sent.wait(CALL_S)
    assert call.cancelled() or call.exception(CALL_S)
    stall.over.set()


def half_closed_before_its_end(server: Server, kind: str, name: str) -> None:
    with pytest.raises(grpc.RpcError, match="stopped before its end, so nothing was changed"):
        call_of(server, kind)(iter(messages(kind, name)), timeout=CALL_S)


def upload(client: driftline.Client, kind: str) -> Callable[..., driftline.Endpoint]:
    calls: dict[str, Callable[..., driftline.Endpoint]] = {"create": client.create_endpoint, "set_reference": client.set_reference}
    return calls[kind]


def endless_reader() -> pa.RecordBatchReader:
    """Of pieces without end; somebody presses Ctrl-C at the third."""

    def pieces() -> Iterator[pa.RecordBatch]:
        for number in itertools.count():
            if number == 2:
                _thread.interrupt_main()
            time.sleep(0.005)
            yield PIECE

    return pa.RecordBatchReader.from_batches(PIECE.schema, pieces())


def left_by_ctrl_c(server: Server, kind: str, name: str) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background is often started to ignore it
    try:
        with driftline.connect(server.address) as client, pytest.raises(KeyboardInterrupt):
            upload(client, kind)(name, reference=endless_reader())
    finally:
        signal.signal(signal.SIGINT, before)


def gone_on_after_its_end(server: Server, kind: str, name: str) -> None:
    """With the very piece that its end does not count."""
    given = messages(kind, name)
    end = type(given[0])(end=pb.ReferenceEnd(rows=PIECE.num_rows))
    with pytest.raises(grpc.RpcError, match="after the end") as refused:
        call_of(server, kind)(iter([*given, end, given[-1]]), timeout=CALL_S)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


INTERRUPTIONS = [
    cancelled,
    cut_by_the_deadline,
    left_by_a_broken_iterator,
    left_by_a_broken_reader,
    left_with_its_channel,
    left_by_ctrl_c,
    half_closed_before_its_end,
    gone_on_after_its_end,
]


def names(server: Server, kind: str, what: str) -> list[str]:
    """Endpoints to interrupt an upload of: for a creation none that is there."""
    found = [f"uploads/{what}/{kind}-{number}:v1" for number in range(TIMES)]
    for name in found if kind == "set_reference" else []:
        create(server, sample(BEFORE, seed=1), name=name)
    return found


def nothing_came_of_it(server: Server, kind: str, what: str) -> None:
    """Once every interrupted call has ended on the server too."""
    pattern = f"uploads/{what}/{kind}-*"
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        there = server.endpoints.ListEndpoints(pb.ListEndpointsRequest(pattern=pattern), timeout=CALL_S).endpoints
        assert [(each.reference_version, each.reference_rows) for each in there] == (
            [(1, BEFORE)] * TIMES if kind == "set_reference" else []
        )
        time.sleep(0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("interrupted", INTERRUPTIONS, ids=lambda function: function.__name__)
def test_an_upload_that_was_interrupted_changes_nothing(
    roomy: Server, interrupted: Callable[[Server, str, str], None], kind: str
) -> None:
    for name in names(roomy, kind, interrupted.__name__):
        interrupted(roomy, kind, name)
    nothing_came_of_it(roomy, kind, interrupted.__name__)


@pytest.mark.parametrize(("kind", "call"), [("create", "create_endpoint"), ("set_reference", "set_reference")])
def test_a_client_that_is_killed_changes_nothing(roomy: Server, kind: str, call: str) -> None:
    command = [sys.executable, "-c", CLIENT, roomy.address, call, *names(roomy, kind, "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        assert client.stdout.readline() == "sent\n"
        client.kill()
    nothing_came_of_it(roomy, kind, "killed")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (OSError("the disk is gone"), driftline.InvalidInput("the reference cannot be read: the disk is gone")),
        (MemoryError(), driftline.InvalidInput("the reference cannot be read: MemoryError")),
        (KeyboardInterrupt(), KeyboardInterrupt()),
        (SystemExit(3), SystemExit(3)),
        (GeneratorExit(), GeneratorExit()),
        (asyncio.CancelledError("enough"), asyncio.CancelledError("enough")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_who_reads_a_broken_source_sees_its_error_and_nothing_else(
    server: Server, kind: str, raised: BaseException, told: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"uploads/broken/{kind}-{type(raised).__name__}"
    with driftline.connect(server.address) as client:
        if kind == "set_reference":
            client.create_endpoint(name, reference=PIECE)
        with pytest.raises(type(told)) as seen:
            upload(client, kind)(name, reference=failing_reader(raised))
    assert str(seen.value) == str(told) and seen.value.__suppress_context__
    assert (seen.value.__cause__ or seen.value) is raised
    assert caplog.records == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_that_the_server_ends_for_its_time_changes_nothing(impatient: Server, kind: str) -> None:
    stalls = [Stall(messages(kind, name)) for name in names(impatient, kind, "late")]
    calls = [call_of(impatient, kind).future(iter(stall), timeout=CALL_S) for stall in stalls]
    assert {call.exception(CALL_S).code() for call in calls} == {grpc.StatusCode.CANCELLED}
    for stall in stalls:
        stall.over.set()
    nothing_came_of_it(impatient, kind, "late")


def test_uploads_left_by_ctrl_c_make_room_for_others() -> None:
    with Server(uploads_max=2) as server, driftline.connect(server.address) as client:
        for number in range(6):
            with pytest.raises(KeyboardInterrupt):
                client.create_endpoint(f"left/{number}", reference=endless_reader())
            until_there_is_room(client, f"good/{number}")
        assert [endpoint.name for endpoint in client.endpoints("left/*")] == []


def until_there_is_room(client: driftline.Client, name: str) -> None:
    until = time.monotonic() + CALL_S / 2
    while not is_created(client, name):
        assert time.monotonic() < until, "the room of an upload that was left was not given back"
        time.sleep(0.05)


def is_created(client: driftline.Client, name: str) -> bool:
    try:
        client.create_endpoint(name, reference=PIECE)
    except driftline.ResourceExhausted:
        return False
    return True
