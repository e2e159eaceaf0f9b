"""Whatever bytes a payload is made of, the sender is told what is wrong, and the batches around it are counted exactly."""

import json
import socket

import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.forge import Forged
from tests.e2e.push import payload_of, schema_of, stream_of
from tests.e2e.server import MiB, Server
from tests.e2e.watched import PLAIN, SCHEMA, Watched, create, only, sample, says

END_MARK = b"\xff\xff\xff\xff\x00\x00\x00\x00"


@pytest.mark.parametrize("schema", [PLAIN, SCHEMA], ids=["plain", "dictionary"])
def test_a_payload_cut_at_any_length_is_refused(server: Server, schema: pa.Schema) -> None:
    whole = payload_of(sample(20, seed=3, schema=schema))
    with Watched(server, wire=schema) as watched:
        told = watched.bad(*(whole[:length] for length in range(len(whole))))
        assert {field for field, _ in told} == {"payload"}
        assert all(reason for _, reason in told)
        assert len(told) == len(whole)


def test_a_whole_stream_cut_at_any_length_is_refused_but_for_its_end_mark(server: Server) -> None:
    batch = sample(20, seed=3)
    whole = stream_of(batch)
    with Watched(server) as watched:
        told = watched.bad(*(whole[:length] for length in range(len(whole)) if length != len(whole) - 8))
        assert {field for field, _ in told} == {"payload"}
        watched.push(batch, whole)
        watched.push(batch, whole[:-8])


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
@pytest.mark.parametrize("schema", [PLAIN, SCHEMA], ids=["plain", "dictionary"])
def test_a_compressed_body_is_refused_by_its_header(server: Server, schema: pa.Schema, codec: str) -> None:
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with Watched(server, wire=schema) as watched:
        field, reason = only(watched.bad(stream_of(sample(500, seed=3, schema=schema), options=options)))
        assert field == "payload"
        assert says(reason, "compressed", "send it plain")


def test_a_zstd_bomb_takes_no_memory(server: Server) -> None:
    zeros = pa.record_batch({name: np.zeros(600_000) for name in ("amount", "clicks", "score")})
    bomb = stream_of(zeros, options=pa.ipc.IpcWriteOptions(compression="zstd"))
    assert len(bomb) < zeros.nbytes / 1000
    with Watched(server, wire=zeros.schema) as watched:
        resident = server.rss_bytes()
        told = watched.stream.push(watched.handle, *[bomb] * 50)
        watched.stream.settle()
        assert len(told.rejected) == 50
        assert server.rss_bytes() - resident < 20 * MiB


@pytest.mark.parametrize(
    ("rows", "wrong"), [(10**9, "1000000000 rows are more"), (2**62, "rows are more"), (-1, "rows are more")], ids=str
)
def test_rows_without_bytes_are_capped_by_the_header(server: Server, rows: int, wrong: str) -> None:
    nothing = pa.record_batch({"amount": pa.nulls(8), "clicks": pa.nulls(8)})
    forged = Forged(bytearray(payload_of(nothing)))
    forged.set_rows(rows)
    forged.set_nulls(rows)
    with Watched(server, wire=nothing.schema) as watched:
        watched.push(nothing)
        watched.stream.push(watched.handle, forged.whole)
        watched.push(nothing)
        watched.stream.settle()
        field, reason = watched.handle.rejected[2]
        assert field == "payload"
        assert says(reason, wrong, "send smaller")


def test_cells_are_capped_by_the_header(server: Server) -> None:
    wide = pa.record_batch({f"extra-{index}": pa.nulls(8) for index in range(1000)} | {"amount": pa.nulls(8)})
    forged = Forged(bytearray(payload_of(wide)))
    forged.set_rows(20_000)
    forged.set_nulls(20_000)
    with Watched(server, wire=wide.schema) as watched:
        watched.push(wide)
        watched.stream.push(watched.handle, forged.whole)
        watched.stream.settle()
        field, reason = watched.handle.rejected[2]
        assert field == "payload"
        assert says(reason, "20000 rows × 1001 columns", "cells", "send smaller")


def test_many_columns_on_one_buffer_are_refused(server: Server) -> None:
    batch = pa.record_batch({name: np.arange(64.0) for name in ("amount", "clicks", "score")})
    forged = Forged(bytearray(payload_of(batch)))
    first = forged.buffers()[1]
    for index in (3, 5):
        forged.set_buffer(index, *first)
    forged.set_body(forged.body()[: first[1]])
    with Watched(server, wire=batch.schema) as watched:
        watched.push(batch)
        watched.stream.push(watched.handle, forged.whole)
        watched.push(batch)
        watched.stream.settle()
        assert watched.handle.rejected == {2: ("payload", "buffers of the batch overlap; give each column its own")}


@pytest.mark.parametrize(
    ("offset", "length"), [(-8, 512), (0, 2**62), (2**62, 8), (1 << 20, 8), (0, -1), (-(2**63), 2**63 - 1)], ids=str
)
def test_a_buffer_outside_the_body_is_refused(server: Server, offset: int, length: int) -> None:
    batch = pa.record_batch({"amount": np.arange(64.0)})
    forged = Forged(bytearray(payload_of(batch)))
    forged.set_buffer(1, offset, length)
    with Watched(server, wire=batch.schema) as watched:
        watched.push(batch)
        watched.stream.push(watched.handle, forged.whole)
        watched.push(batch)
        watched.stream.settle()
        assert watched.handle.rejected.keys() == {2}


def test_a_batch_without_rows_is_refused(server: Server) -> None:
    with Watched(server) as watched:
        told = watched.bad(payload_of(sample(0, seed=1)), stream_of(sample(0, seed=1)))
        assert only(told) == ("payload", "the batch has no rows; send only batches that have some")


NOTHING_KNOWN = {
    "no columns": (pa.RecordBatch.from_struct_array(pa.array([{}] * 1000, pa.struct([]))), "no columns"),
    "unknown columns": (pa.record_batch({"amout": [1.0], "clics": [2.0]}), "only amout, clics, which the endpoint does not know"),
}


@pytest.mark.parametrize(("batch", "wrong"), NOTHING_KNOWN.values(), ids=NOTHING_KNOWN)
def test_a_batch_without_any_known_column_is_refused(server: Server, batch: pa.RecordBatch, wrong: str) -> None:
    assert batch.num_rows
    with Watched(server, wire=batch.schema) as watched:
        watched.stream.push(watched.handle, payload_of(batch), payload_of(batch))
        watched.stream.settle()
        assert watched.handle.rejected.keys() == {1, 2}
        field, reason = only(list(watched.handle.rejected.values()))
        assert field == "schema"
        assert says(reason, wrong, "open the handle again", "amount, clicks, country, known, score, latency")
        watched.stream.open(watched.name, PLAIN, number=watched.handle.number)  # the sequence goes on
        watched.push(sample(20, seed=1, schema=PLAIN))


@pytest.mark.parametrize("column", ["latency", "timestamp", "id", "error"])
def test_a_batch_of_one_reserved_column_is_rows_that_miss_every_other(server: Server, column: str) -> None:
    values = {"latency": [0.1], "timestamp": pa.array([None], pa.timestamp("us")), "id": ["r-1"], "error": ["timed out"]}
    batch = pa.record_batch({column: values[column]})
    with Watched(server, wire=batch.schema) as watched:
        watched.push(batch)
        watched.stream.settle()


def test_one_payload_holds_one_batch(server: Server) -> None:
    batch, plain = sample(20, seed=3), sample(20, seed=3, schema=PLAIN)
    with Watched(server) as watched:
        told = watched.bad(stream_of(batch, batch), payload_of(batch) * 2, stream_of(batch)[:-8] + payload_of(batch))
        assert {field for field, _ in told} == {"payload"}
        assert all(says(reason, "2 record batches", "then one batch") for _, reason in told)
        none = watched.bad(b"", END_MARK, schema_of(SCHEMA), schema_of(SCHEMA) + END_MARK)
        assert all(says(reason, "0 record batches", "then one batch") for _, reason in none)
        field, reason = only(watched.bad(stream_of(batch) + b"more", stream_of(batch) + payload_of(batch)))
        assert (field, reason) == ("payload", "payload goes on after its end mark")
    with Watched(server, wire=PLAIN) as watched:
        watched.bad(payload_of(plain) * 2)


def test_dictionaries_may_be_deltas_and_replacements_within_a_payload(server: Server) -> None:
    def coded(words: list[str], codes: list[int]) -> pa.RecordBatch:
        return pa.record_batch({"country": pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(words))})

    short, long, other = coded(["DE", "FR"], [0, 1, 1]), coded(["DE", "FR", "xx"], [2, 0, 1]), coded(["FR", ""], [0, 1, 1])
    deltas = stream_of(short, long, options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True))
    replaced = stream_of(short, other)
    with Watched(server, wire=short.schema) as watched:
        for whole, last in ((deltas, long), (replaced, other)):
            head = len(schema_of(short.schema))
            first = len(payload_of(short))
            dictionary, _, rest = _split(payload_of(short)), whole[head : head + first], whole[head + first : -8]
            watched.push(last, dictionary + rest)
        watched.good()


def _split(payload: bytes) -> bytes:
    """The first message of a payload."""
    metadata = int.from_bytes(payload[4:8], "little")
    second = payload.index(b"\xff\xff\xff\xff", 8 + metadata)
    return payload[:second]


def test_a_dictionary_stands_alone_in_each_payload(server: Server) -> None:
    batch = sample(20, seed=3)
    payload = payload_of(batch)
    with Watched(server) as watched:
        field, reason = only(watched.bad(payload[len(_split(payload)) :]))
        assert field == "payload"
        assert says(reason, "dictionar")


@pytest.mark.parametrize("code", [4, 127, -1, -128])
def test_a_code_outside_its_dictionary_is_refused(server: Server, code: int) -> None:
    batch = sample(20, seed=3)
    codes = pa.array([0, 1, 2, code] * 5, pa.int8())
    forged = pa.DictionaryArray.from_arrays(codes, batch.column("country").dictionary, safe=False)
    bad = batch.set_column(2, SCHEMA.field("country"), forged)
    with Watched(server) as watched:
        field, reason = only(watched.bad(payload_of(bad)))
        assert field == "payload"
        assert says(reason, "country|index|ndices", "out of bounds|dictionary")


def test_a_dictionary_has_at_most_as_many_entries_as_a_batch_has_rows(server: Server) -> None:
    words = pa.array(np.arange(10**7) % 7).cast(pa.int8()).cast(pa.string())
    huge = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), words)
    wire = pa.schema([("country", huge.type)])
    with Watched(server, wire=wire) as watched:
        small = pa.record_batch([pa.array(["DE", "xx", None]).dictionary_encode()], schema=wire)
        watched.push(small)
        # 10⁷ entries are past the limit of bytes too; as many as fit are past that of rows.
        fits = pa.DictionaryArray.from_arrays(huge.indices, words.slice(0, 2 * MiB))
        watched.stream.push(watched.handle, payload_of(pa.record_batch([fits], schema=wire)))
        watched.push(small)
        watched.stream.settle()
        field, reason = watched.handle.rejected[2]
        assert field == "payload"
        assert says(reason, "2097152 rows are more than the 1048576", "send smaller")


def test_null_and_repeated_entries_of_a_dictionary_are_counted_by_what_they_say(server: Server) -> None:
    words = pa.array(["FR", None, "FR", "DE", "xx"])
    batch = pa.record_batch({"country": pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3, 4, None, 2], pa.int16()), words)})
    with Watched(server, wire=batch.schema) as watched:
        watched.push(batch)


def test_a_new_dictionary_with_each_batch_is_followed(server: Server) -> None:
    rng = np.random.default_rng(5)
    with Watched(server, wire=pa.schema([SCHEMA.field("country")])) as watched:
        for _ in range(60):
            words = rng.permutation(["DE", "FR", "other", "", "null", "IT", "ES"])[: rng.integers(1, 8)]
            codes = pa.array(rng.integers(0, len(words), 30).astype(np.int8))
            watched.push(pa.record_batch({"country": pa.DictionaryArray.from_arrays(codes, pa.array(words.tolist()))}))


def test_the_view_of_a_null_may_be_anything(server: Server) -> None:
    views = np.zeros((5, 4), np.int32)
    views[0, 0], views[0, 1:] = 2, np.frombuffer(b"DE" + bytes(10), np.int32)
    views[1:] = 2**31 - 1  # as long as can be, in a buffer that is not there
    buffers = [pa.py_buffer(b"\x01"), pa.py_buffer(views.tobytes() + b"odd")]
    plain = pa.Array.from_buffers(pa.string_view(), 5, buffers)
    plain.validate(full=True)
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 0, 3, None, 4], pa.int8()), plain)
    for array, words in ((plain, ["DE", None, None, None, None]), (coded, ["DE", "DE", None, None, None])):
        honest, wild = pa.record_batch({"country": pa.array(words)}), pa.record_batch({"country": array})
        with Watched(server, reference=honest, wire=wild.schema) as watched:
            for _ in range(2):
                watched.push(honest, payload_of(wild))
        assert create(server, wild).endpoint.columns[0].name == "country"


def test_payloads_need_no_alignment(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        batch = sample(2500, seed=7, schema=PLAIN)
        for number in (1, 200, 20_000, 3_000_000, 400_000_000):  # as varints of one to five bytes
            handle = watched.stream.open(watched.name, PLAIN, number=number)
            watched.stream.push(handle, payload_of(batch), payload_of(batch.slice(3)))
            watched.expect(batch)
            watched.expect(batch.slice(3))
        watched.stream.settle()


def test_a_sliced_array_is_its_slice(server: Server) -> None:
    batch = sample(1000, seed=7)
    with Watched(server) as watched:
        for offset, rows in ((1, 5), (7, 8), (9, 1), (63, 65), (101, 800), (999, 1)):
            watched.push(batch.slice(offset, rows))


def test_custom_metadata_is_bounded(server: Server) -> None:
    batch = sample(20, seed=3)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_batch(batch, custom_metadata={"note": "x" * MiB})
    with Watched(server) as watched:
        field, reason = only(watched.bad(bytes(sink.getvalue())))
        assert field == "payload"
        assert says(reason, "metadata of 10", "over the 524288")
        refused = watched.stream.open(watched.name, PLAIN.with_metadata({"note": "x" * MiB}), number=9).refused
        assert [(each.code, each.field) for each in refused] == [(3, "schema")]
        assert says(refused[0].reason, "metadata of 10", "over the 524288")
        watched.stream.push(watched.handle, payload_of(batch.replace_schema_metadata({"note": "y" * 1000})))
        watched.expect(batch)


def test_an_ipc_file_a_json_and_noise_are_told_what_they_are(server: Server) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, SCHEMA) as writer:
        writer.write_batch(sample(20, seed=3))
    rows = json.dumps([{"amount": 1.0}]).encode()
    noise = np.random.default_rng(0).bytes(4096)
    with Watched(server) as watched:
        assert watched.bad(bytes(sink.getvalue()), rows, noise) == [
            ("payload", "this is an Arrow IPC file; send stream messages"),
            ("payload", "this is not an encapsulated Arrow IPC message"),
            ("payload", "this is not an encapsulated Arrow IPC message"),
        ]


def test_a_payload_of_another_schema_than_declared_is_refused(server: Server) -> None:
    batch = sample(20, seed=3)
    with Watched(server) as watched:
        field, reason = only(
            watched.bad(stream_of(sample(20, seed=3, schema=PLAIN)), stream_of(batch.rename_columns(list("abcde"))))
        )
        assert field == "payload"
        assert says(reason, "another schema", "open the handle again")
        assert {field for field, _ in watched.bad(payload_of(sample(20, seed=3, schema=PLAIN)))} == {"payload"}


@pytest.mark.parametrize(
    "request_bytes",
    [
        b'{"endpoint": "x"}\n',
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /driftline.v1.IngestService/Push HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
        bytes(4096),
    ],
    ids=["json", "http-get", "http-post", "tls", "http2-garbage", "zeros"],
)
def test_what_is_no_grpc_is_hung_up_on(server: Server, request_bytes: bytes) -> None:
    with Watched(server) as watched:
        watched.good()
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as stranger:
            stranger.sendall(request_bytes)
            stranger.shutdown(socket.SHUT_WR)
            while _receive(stranger):
                pass
        watched.good()


def _receive(stranger: socket.socket) -> bytes:
    try:
        return stranger.recv(4096)
    except ConnectionResetError:
        return b""


def test_big_endian_is_refused_when_the_handle_is_opened(server: Server) -> None:
    declared = bytearray(schema_of(PLAIN.with_metadata({"endianness": "\x01"})))
    root = 8 + int.from_bytes(declared[8:12], "little")
    header = root + _entry(declared, root, 2)
    schema = header + int.from_bytes(declared[header : header + 4], "little")
    # The field is left out where it says little; here it is found where the bytes say 1, big.
    vtable = schema - int.from_bytes(declared[schema : schema + 4], "little", signed=True)
    one = declared.index(b"\x01\x00", schema + 4)
    declared[vtable + 4 : vtable + 6] = (one - schema).to_bytes(2, "little")
    with Watched(server) as watched:
        watched.good()
        refused = watched.stream.open(watched.name, bytes(declared), number=9).refused
        assert [(each.code, each.field, each.reason) for each in refused] == [
            (3, "schema", "schema is big-endian; send little-endian")
        ]


def _entry(message: bytearray, table: int, slot: int) -> int:
    vtable = table - int.from_bytes(message[table : table + 4], "little", signed=True)
    if 4 + 2 * slot >= int.from_bytes(message[vtable : vtable + 2], "little"):
        return 0
    return int.from_bytes(message[vtable + 4 + 2 * slot : vtable + 6 + 2 * slot], "little")
