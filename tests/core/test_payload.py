"""The guard before decoding: what a header may not say, and that nothing unvalidated comes out."""

import contextlib
import io
import os
import random

import numpy as np
import pyarrow as pa
import pytest

from driftline_core.errors import InvalidInput
from driftline_core.payload import Declared, LastHeader, Limits, declare, decode

LIMITS = Limits(payload_bytes_max=1_000_000, rows_max=10_000, cells_max=50_000, columns_max=100)
BATCH = pa.record_batch({"x": np.arange(64.0), "s": [str(i) for i in range(64)], "b": [True, None] * 32})
CODED = pa.record_batch({"x": np.arange(4.0), "c": pa.array(["a", "b", "a", None]).dictionary_encode()})


def stream(*batches: pa.RecordBatch, **options: object) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def decoded(payload: bytes, batch: pa.RecordBatch = BATCH, limits: Limits = LIMITS) -> pa.RecordBatch:
    return decode(memoryview(payload), declare(batch.schema.serialize().to_pybytes(), limits), limits)


def bare(batch: pa.RecordBatch) -> bytes:
    return batch.serialize().to_pybytes()


def body(batch: pa.RecordBatch, **options: object) -> bytes:
    """Dictionaries and record batch, without the schema in front and the end mark behind."""
    return stream(batch, **options)[batch.schema.serialize().size : -8]


@pytest.mark.parametrize(
    ("payload", "batch"),
    [
        (bare(BATCH), BATCH),
        (stream(BATCH), BATCH),
        (body(CODED), CODED),
        (stream(CODED), CODED),
        (bare(BATCH.slice(5, 20)), BATCH.slice(5, 20)),
    ],
    ids=["bare", "stream", "dictionary", "dictionary stream", "slice"],
)
def test_what_is_sent_is_what_is_read(payload: bytes, batch: pa.RecordBatch) -> None:
    assert decoded(payload, batch).equals(batch)


def test_a_dictionary_may_grow_and_be_replaced_within_a_payload() -> None:
    one, two = (pa.record_batch({"c": pa.array(words).dictionary_encode()}) for words in (["a"], ["a", "b"]))
    for options in ({"emit_dictionary_deltas": True}, {}):
        whole = stream(one, two, **options)
        messages = list(pa.ipc.MessageReader.open_stream(io.BytesIO(whole)))
        kept = [m for i, m in enumerate(messages) if i != 2]  # not the first record batch
        payload = b"".join(m.serialize().to_pybytes() for m in kept)
        assert decoded(payload, two)["c"].to_pylist() == ["a", "b"]


def test_every_cut_of_a_payload_is_refused() -> None:
    payload = bare(BATCH)
    for length in range(len(payload)):
        with pytest.raises(InvalidInput):
            decoded(payload[:length])


def refused(payload: bytes, words: str, batch: pa.RecordBatch = BATCH) -> None:
    with pytest.raises(InvalidInput, match=words):
        decoded(payload, batch)


def test_headers_that_promise_too_much_are_refused_before_decoding() -> None:
    nulls = pa.RecordBatch.from_arrays([pa.nulls(10**9)], ["n"])
    assert len(bare(nulls)) < 300
    refused(bare(nulls), "1000000000 rows are more", nulls)
    wide = pa.record_batch({f"f{i}": np.zeros(1000) for i in range(60)})
    refused(bare(wide), "60000|60 columns", wide)
    refused(stream(BATCH, compression="zstd"), "compressed")
    refused(body(CODED, compression="lz4"), "compressed", CODED)
    big = pa.record_batch(
        {"c": pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array([str(i) for i in range(20_000)]))}
    )
    refused(body(big), "20000 rows", big)
    refused(bytes(2_000_000), "over the 1000000")


def test_what_is_no_payload_is_refused() -> None:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, BATCH.schema) as writer:
        writer.write_batch(BATCH)
    refused(sink.getvalue(), "IPC file")
    refused(b'{"instances": [1, 2, 3]}', "not an encapsulated")
    refused(b"GET / HTTP/1.1\r\n\r\n", "not an encapsulated")
    refused(b"", "0 record batches")
    refused(stream(BATCH, BATCH), "2 record batches")
    refused(bare(BATCH) + bare(BATCH), "2 record batches")
    refused(bare(BATCH) + b"\xff\xff\xff\xff\0\0\0\0more", "after its end mark")
    refused(BATCH.schema.serialize().to_pybytes(), "0 record batches")
    refused(stream(CODED), "another schema")
    refused(body(CODED)[: -len(bare(CODED))], "0 record batches", CODED)
    refused(bare(CODED), "not a valid|dictionar", CODED)


def test_values_that_break_their_type_are_refused() -> None:
    payload = bytearray(bare(pa.record_batch({"s": ["abc"]})))
    payload[payload.index(b"abc")] = 0xFF
    refused(bytes(payload), "UTF8|utf-8", pa.record_batch({"s": ["abc"]}))
    indices = bytearray(body(CODED))
    at = bytes(indices).rindex(np.array([0, 1, 0], np.int32).tobytes())
    indices[at] = 99
    refused(bytes(indices), "not a valid", CODED)


def test_schemas_that_are_none_are_refused() -> None:
    for message in (b"", b"nonsense" * 10, bare(BATCH), BATCH.schema.serialize().to_pybytes()[:-9]):
        with pytest.raises(InvalidInput):
            declare(message, LIMITS)
    with pytest.raises(InvalidInput, match="101 columns"):
        declare(pa.schema([(f"f{i}", pa.int8()) for i in range(101)]).serialize().to_pybytes(), LIMITS)


def test_mutations_never_raise_anything_else_and_never_pass_unvalidated() -> None:
    rng = random.Random(11)
    for original, batch in ((bare(BATCH), BATCH), (body(CODED), CODED), (stream(CODED), CODED)):
        for _ in range(1500):
            mutated = bytearray(original)
            for _ in range(rng.randint(1, 4)):
                mutated[rng.randrange(len(mutated))] = rng.randrange(256)
            with contextlib.suppress(InvalidInput):
                decoded(bytes(mutated), batch).validate(full=True)


@pytest.mark.parametrize("end", [b"", b"\xff\xff\xff\xff\0\0\0\0"], ids=["alone", "end mark"])
def test_a_header_that_was_seen_excuses_no_other(end: bytes) -> None:
    rng, original, last = random.Random(12), bare(BATCH) + end, LastHeader()
    declared = declare(BATCH.schema.serialize().to_pybytes(), LIMITS)
    for _ in range(1500):
        assert decode(memoryview(original), declared, LIMITS, last) == BATCH
        mutated = bytearray(original)
        for _ in range(rng.randint(1, 3)):
            mutated[rng.choice((rng.randrange(len(mutated)), -rng.randint(1, 8)))] = rng.randrange(256)
        mutated = mutated[: rng.choice((len(mutated), len(mutated), rng.randrange(len(mutated))))]
        assert outcome(bytes(mutated), declared, last) == outcome(bytes(mutated), declared, None)


def outcome(payload: bytes, declared: Declared, last: LastHeader | None) -> bytes:
    """What becomes of a payload: the reason it is refused, or the batch."""
    try:
        return bytes(decode(memoryview(payload), declared, LIMITS, last).serialize())
    except InvalidInput as error:
        return error.reason.encode()


def test_random_bytes_are_refused() -> None:
    for length in (1, 7, 8, 64, 1000):
        with pytest.raises(InvalidInput):
            decoded(os.urandom(length))
