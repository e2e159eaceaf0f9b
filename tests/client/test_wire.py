"""The hot message, written by hand, is the message that protobuf means."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from driftline import wire
from driftline_proto.v1 import ingest_pb2 as pb


@given(handle=st.integers(0, 2**32 - 1), sequence=st.integers(0, 2**64 - 1), payload=st.binary(max_size=300))
def test_protobuf_reads_what_was_written(handle: int, sequence: int, payload: bytes) -> None:
    message = wire.batch_message(handle, sequence, pa.py_buffer(payload))
    assert pb.PushRequest.FromString(message) == pb.PushRequest(batch=pb.Batch(handle=handle, sequence=sequence, payload=payload))
    assert message == wire.batch_message(handle, sequence, payload)
    assert message[wire.HEADER_BYTES :] == payload


def test_a_payload_of_megabytes_is_read_too() -> None:
    payload = bytes(range(256)) * 2**14
    assert pb.PushRequest.FromString(wire.batch_message(1, 1, payload)).batch.payload == payload
