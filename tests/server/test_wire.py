"""The hot message's own parser reads what any protobuf encoder writes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from driftline.wire import batch_message
from driftline_proto.v1 import ingest_pb2 as pb
from driftline_server.rpc.wire import Batch, Malformed, parse_push


@given(handle=st.integers(0, 2**32 - 1), sequence=st.integers(0, 2**64 - 1), payload=st.binary(max_size=300))
def test_a_batch_is_read_as_the_generated_code_wrote_it(handle: int, sequence: int, payload: bytes) -> None:
    data = pb.PushRequest(batch=pb.Batch(handle=handle, sequence=sequence, payload=payload)).SerializeToString()
    assert parse_push(data) == Batch(handle, sequence, memoryview(payload))


@given(handle=st.integers(0, 2**32 - 1), sequence=st.integers(0, 2**64 - 1), payload=st.binary(max_size=300))
@example(handle=1, sequence=2**28 - 1, payload=b"")
@example(handle=1, sequence=2**28, payload=b"")
def test_a_batch_is_read_as_our_client_wrote_it(handle: int, sequence: int, payload: bytes) -> None:
    data = batch_message(handle, sequence, payload)
    assert pb.PushRequest.FromString(data).batch == pb.Batch(handle=handle, sequence=sequence, payload=payload)
    assert parse_push(data) == Batch(handle, sequence, memoryview(payload))
    assert parse_push(data) == Batch(handle, sequence, memoryview(payload))  # now that what is around the sequence is known


@given(
    payload=st.binary(max_size=9),
    sequence=st.integers(0, 2**29),
    flips=st.lists(st.tuples(st.integers(0, 31), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_what_nearly_is_as_our_client_wrote_it_is_read_as_the_generated_code_reads_it(
    payload: bytes, sequence: int, flips: list[tuple[int, int]]
) -> None:
    data = bytearray(batch_message(7, sequence, payload))
    for at, value in flips:
        data[at] = value
    is_read_as_by_the_generated_code(bytes(data))


def test_the_payload_is_a_view_and_not_a_copy() -> None:
    data = pb.PushRequest(batch=pb.Batch(handle=1, sequence=2, payload=b"abc")).SerializeToString()
    assert parse_push(data).payload.obj is data


def tag(field: int, kind: int) -> bytes:
    return bytes([field << 3 | kind])


@pytest.mark.parametrize(
    "body",
    [
        tag(3, 2) + b"\x03abc" + tag(2, 0) + b"\x05" + tag(1, 0) + b"\x07",
        tag(1, 0) + b"\x87\x80\x00" + tag(2, 0) + b"\x85\x80\x80\x00" + tag(3, 2) + b"\x83\x00abc",
        tag(1, 0) + b"\x01" + tag(1, 0) + b"\x07" + tag(2, 0) + b"\x05" + tag(3, 2) + b"\x03abc",
        tag(1, 0) + b"\x07" + tag(2, 0) + b"\x05" + tag(3, 2) + b"\x03abc" + tag(9, 2) + b"\x02zz",
    ],
    ids=["another order", "padded varints", "a field twice", "an unknown field"],
)
def test_every_legal_encoding_is_understood(body: bytes) -> None:
    data = tag(1, 2) + bytes([len(body)]) + body
    assert parse_push(data) == Batch(7, 5, memoryview(b"abc"))


def test_other_messages_come_as_the_generated_class() -> None:
    request = pb.PushRequest(open=pb.Open(handle=3, endpoint="m"))
    assert parse_push(request.SerializeToString()) == request
    assert parse_push(b"") == pb.PushRequest()


@given(st.binary(max_size=60))
def test_any_bytes_are_read_as_the_generated_code_reads_them(data: bytes) -> None:
    is_read_as_by_the_generated_code(data)


def is_read_as_by_the_generated_code(data: bytes) -> None:
    ours = parse_push(data)
    try:
        theirs = pb.PushRequest.FromString(data)
    except Exception:
        assert isinstance(ours, Malformed)
        return
    if theirs.WhichOneof("part") == "batch":
        assert ours == Batch(theirs.batch.handle, theirs.batch.sequence, memoryview(theirs.batch.payload))
    else:
        assert ours == theirs
