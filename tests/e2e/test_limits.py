"""Limits hold under load: streams, sizes, silence and hostile amplification cost the sender, not the server and not the others."""

import itertools
import queue
import secrets
from collections.abc import Iterator

import grpc
import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.failure import Failure, failing
from tests.e2e.forge import Forged
from tests.e2e.http2 import RawCall, message
from tests.e2e.push import PushClient, payload_of, schema_of, stream_of
from tests.e2e.server import CALL_S, MiB, Server
from tests.e2e.watched import ALL, PLAIN, Watched, create, sample, says

import driftline
from driftline_proto.v1 import endpoint_pb2, metrics_pb2
from driftline_proto.v1 import ingest_pb2 as pb
from driftline_proto.v1.ingest_pb2_grpc import IngestServiceStub

PUSH = "/driftline.v1.IngestService/Push"
BATCH = sample(60, seed=1, schema=PLAIN)
PAYLOAD = payload_of(BATCH)


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """A server that waits for nobody."""
    with Server(push_idle_seconds=1, upload_seconds=1, uploads_max=2) as started:
        yield started


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    """A server with small limits."""
    limits = {
        "payload_bytes_max": MiB,
        "batch_rows_max": 10_000,
        "batch_cells_max": 30_000,
        "columns_max": 10,
        "push_streams_max": 6,
        "handles_max": 3,
        "endpoints_max": 12,
        "upload_bytes_max": MiB,
        "producers_max": 5,
    }
    with Server(**limits) as started:
        yield started


def test_of_a_thousand_streams_those_past_the_cap_are_refused_and_the_rest_served() -> None:
    with Server() as server, Watched(server, wire=PLAIN) as watched:
        watched.push(BATCH)
        stubs = [IngestServiceStub(server.channel()) for _ in range(10)]
        streams = [PushClient(stub) for stub in itertools.islice(itertools.cycle(stubs), 1000)]
        for stream in streams:
            stream.request_open(watched.name, PLAIN)
        for number, stream in enumerate(streams):
            stream.until(lambda: stream.ended or stream.handles[1].opened is not None)  # noqa: B023
            if number % 100 == 0:
                server.check_serving()
                assert watched.drift(ALL).rows == 60
        served = [stream for stream in streams if not stream.ended]
        refused = [Failure().read(stream.error) for stream in streams if stream.error]
        assert (len(served), len(refused)) == (511, 489)  # one is the watched endpoint's
        assert {failure.code for failure in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert all(says(failure.message, "512 streams", "push_streams_max") and failure.retry_s for failure in refused)
        for stream in served:
            stream.push(stream.handles[1], PAYLOAD)
        for stream in served:
            stream.settle()
            watched.expect(BATCH)
        watched.check()
        for stream in streams:
            stream.cancel()
        # Room is made by those that leave.
        reopened = PushClient(stubs[0])
        while reopened.request_open(watched.name, PLAIN) and not _is_served(reopened):
            reopened = PushClient(stubs[0])
        assert reopened.close() is None


def _is_served(stream: PushClient) -> bool:
    stream.until(lambda: stream.ended or stream.handles[1].opened is not None)
    return not stream.ended


def test_a_message_over_the_limit_is_refused_and_the_others_go_on(strict: Server) -> None:
    with Watched(strict, wire=PLAIN) as watched:
        watched.push(BATCH)
        opened = watched.handle.opened
        assert opened
        assert (opened.payload_bytes_max, opened.rows_max) == (MiB, 10_000)
        for size in (MiB + 64 * 1024, 2 * MiB, 100 * MiB):
            with PushClient(strict.ingest) as huge:
                handle = huge.open(watched.name, PLAIN)
                huge.push(handle, PAYLOAD)
                watched.expect(BATCH)
                huge.settle()
                huge.push(handle, bytes(size))
                failure = Failure().read(huge.until_ended())
                assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
                assert says(failure.message, f"max.*{MiB + 64 * 1024}")
        watched.stream.push(watched.handle, bytes(MiB + 1))
        watched.push(BATCH)
        watched.stream.settle()
        assert watched.handle.rejected == {2: ("payload", f"payload of {MiB + 1} bytes is over the {MiB} taken")}


def test_rows_cells_and_columns_have_limits(strict: Server) -> None:
    wide = pa.schema([(f"c{index}", pa.int8()) for index in range(11)])
    three = pa.schema([field for field in PLAIN if field.name != "known"])
    with Watched(strict, wire=three) as watched:
        fits = sample(10_000, seed=2, schema=three)
        watched.push(fits)
        watched.stream.push(watched.handle, payload_of(sample(10_001, seed=2, schema=three)))
        refused = watched.stream.open(watched.name, wide, number=2).refused
        assert [(each.code, each.field) for each in refused] == [(3, "schema")]
        wider = watched.stream.open(watched.name, pa.schema([*three, ("extra", pa.float64())]), number=3)
        watched.stream.push(wider, payload_of(pa.record_batch([*fits.columns, fits.column(0)], names=[*three.names, "extra"])))
        watched.stream.settle([watched.handle, wider])
        assert says(watched.handle.rejected[2][1], "10001 rows are more than the 10000")
        assert says(wider.rejected[1][1], "10000 rows × 4 columns are more than the 30000 cells")
        watched.handle.rejected |= {-1: ("", "")}  # the other handle's, counted for the same endpoint


def test_a_stream_has_a_number_of_handles(strict: Server) -> None:
    with Watched(strict, wire=PLAIN) as watched:
        for number in (2, 3):
            assert watched.stream.open(watched.name, PLAIN, number=number).opened
        refused = watched.stream.open(watched.name, PLAIN, number=4).refused
        assert [(each.code, each.field) for each in refused] == [(8, "handle")]
        assert says(refused[0].reason, "at most 3 handles, one for each open monitor", "close those .* higher handles_max")
        watched.stream.send(close=pb.Close(handle=2))
        assert watched.stream.open(watched.name, PLAIN, number=4).opened
        assert watched.stream.open(watched.name, PLAIN, number=3).opened
        watched.push(BATCH)


def test_what_a_closed_handle_was_sent_is_counted_and_acknowledged(strict: Server) -> None:
    with Watched(strict, wire=PLAIN) as watched:
        watched.push(BATCH)
        for number in range(2, 22):
            handle = watched.stream.open(watched.name, PLAIN, number=number)
            watched.stream.push(handle, PAYLOAD)
            watched.expect(BATCH)
            watched.stream.send(close=pb.Close(handle=number))
        watched.stream.send(close=pb.Close(handle=77))
        watched.stream.settle()


def test_monitors_that_come_and_go_beside_one_that_stays_are_served(strict: Server) -> None:
    target = f"127.0.0.1:{strict.port}"
    with Watched(strict, wire=PLAIN) as watched, driftline.Monitor(target, watched.name, linger=0.0) as stays:
        for _ in range(10):
            for batch in (sample(60, seed=seed, schema=PLAIN) for seed in (1, 2)):
                with driftline.Monitor(target, watched.name, linger=0.0) as comes:
                    comes.log_batch(batch)
                    watched.expect(batch)
                    assert comes.flush(CALL_S), comes.stats
            stays.log_batch(BATCH)
            watched.expect(BATCH)
        assert stays.flush(CALL_S)


def test_a_monitor_too_many_is_told_the_setting_and_served_once_another_is_closed(strict: Server) -> None:
    with Watched(strict, wire=PLAIN) as watched:
        monitors = [driftline.Monitor(f"127.0.0.1:{strict.port}", watched.name, linger=0.0) for _ in range(4)]
        for monitor in monitors:
            monitor.log_batch(BATCH)
            watched.expect(BATCH)
            assert monitor.flush(CALL_S if monitor is not monitors[3] else 1.0) == (monitor is not monitors[3])
        assert says(str(monitors[3].stats.last_error), "close those that are done, or .* a higher handles_max")
        monitors[0].close()
        assert monitors[3].flush(CALL_S)
        for monitor in monitors:
            monitor.close()


def test_producers_past_their_number_are_forgotten_but_not_their_losses(strict: Server) -> None:
    with Watched(strict, wire=PLAIN) as watched:
        watched.push(BATCH)
        for _ in range(20):
            handle = watched.stream.open(watched.name, PLAIN, number=2, producer_id=secrets.token_bytes(16))
            watched.stream.send(loss=pb.Loss(handle=2, dropped_rows=1))
            watched.stream.push(handle, PAYLOAD)
            watched.expect(BATCH)
        watched.stream.settle([handle])
        assert watched.endpoint().counters.dropped_rows == 20


def test_endpoints_past_their_number_are_refused(strict: Server) -> None:
    made = []
    with failing(grpc.StatusCode.RESOURCE_EXHAUSTED) as failure:
        while len(made) <= 12:
            made.append(create(strict, sample(50, seed=0)).endpoint.name)
    assert says(failure.message, "12 endpoints")
    for name in made:
        strict.endpoints.DeleteEndpoint(endpoint_pb2.DeleteEndpointRequest(name=name), timeout=CALL_S)
    create(strict, sample(50, seed=0))


def test_a_reference_over_the_room_for_uploads_is_refused(strict: Server) -> None:
    pieces = [sample(5000, seed=0)] * 12
    with failing(grpc.StatusCode.RESOURCE_EXHAUSTED) as failure:
        create(strict, *pieces)
    assert failure.fields == ("chunk",)
    assert failure.retry_s
    assert says(failure.message, "more than 1048576 bytes", "send a sample")
    create(strict, *pieces[:2])  # the room was given back


def test_uploads_that_stall_are_ended_and_make_room(impatient: Server) -> None:
    never: queue.SimpleQueue[endpoint_pb2.CreateEndpointRequest] = queue.SimpleQueue()
    spec = endpoint_pb2.CreateEndpointRequest(spec=endpoint_pb2.EndpointSpec(name="stalled"))
    stalls = [iter(never.get, None), itertools.chain([spec], iter(never.get, None))] * 15
    stalled = [impatient.endpoints.CreateEndpoint.future(requests, timeout=60) for requests in stalls]
    failures = [Failure().read(call.exception()) for call in stalled]
    assert {failure.code for failure in failures} == {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED}
    refused = next(failure for failure in failures if failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert says(refused.message, "2 references are being uploaded", "try again in a moment, or raise uploads_max")
    assert refused.retry_s
    create(impatient, sample(50, seed=0))
    for _ in range(60):
        never.put(spec)  # lets the threads of the stalled calls end


def test_a_silent_stream_is_closed_and_a_lively_one_is_not(impatient: Server) -> None:
    with Watched(impatient, wire=PLAIN) as watched, PushClient(impatient.ingest) as silent:
        silent.open(watched.name, PLAIN)
        with RawCall(impatient.port, PUSH) as trickle:
            trickle.send(message(bytes(1000))[:7])
            while not silent.ended:
                watched.push(BATCH)
                watched.stream.settle()
                trickle.send(b"x")
            trickle.until_ended()
        failure = Failure().read(silent.error)
        assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert says(failure.message, "no message came for 1 s", "open a stream when there are rows")


def test_clients_that_vanish_in_the_middle_of_a_message_leave_room(strict: Server) -> None:
    batch = pb.PushRequest(batch=pb.Batch(handle=1, sequence=1, payload=PAYLOAD)).SerializeToString()
    with Watched(strict, wire=PLAIN) as watched:
        opening = pb.PushRequest(
            open=pb.Open(handle=1, endpoint=watched.name, producer_id=bytes(16), epoch=1, schema=schema_of(PLAIN))
        ).SerializeToString()
        for cut in np.linspace(0, len(message(batch)) - 1, 30).astype(int):
            call = RawCall(strict.port, PUSH)
            call.send(message(opening) + message(batch)[:cut])
            call.vanish()
        watched.push(BATCH)
        while len(_served := [stream for stream in [PushClient(strict.ingest) for _ in range(5)] if _opens(stream, watched)]) < 5:
            for stream in _served:
                stream.cancel()
        for stream in _served:
            assert stream.close() is None


def _opens(stream: PushClient, watched: Watched) -> bool:
    stream.request_open(watched.name, PLAIN)
    return _is_served(stream)


def test_headers_have_a_limit(server: Server) -> None:
    with PushClient(server.ingest, metadata=[("x-note", "x" * 7000)]) as stream, Watched(server, wire=PLAIN) as watched:
        stream.push(stream.open(watched.name, PLAIN), PAYLOAD)
        watched.expect(BATCH)
        stream.settle()
        for size in [8 * 1024] * 20 + [9000, 200_000]:
            with failing(grpc.StatusCode.RESOURCE_EXHAUSTED) as failure:
                request = endpoint_pb2.ListEndpointsRequest()
                server.endpoints.ListEndpoints(request, metadata=[("x-note", "x" * size)], timeout=CALL_S)
            assert says(failure.message, "metadata")
        watched.good()


# What follows costs the sender little and would cost a careless server gigabytes.


@pytest.fixture
def budget(request: pytest.FixtureRequest, server: Server) -> Iterator[None]:
    """Asserts that the server's memory has not peaked by more than 300 MiB (or what the test says) above where it was."""
    allowed = getattr(request, "param", 300)
    server.forget_peak()
    before = server.rss_bytes()
    yield
    grown = (server.rss_bytes("VmHWM") - before) // MiB
    assert grown < allowed, f"{grown} MiB"


@pytest.mark.parametrize("budget", [60], indirect=True)
def test_a_gzip_bomb_is_refused_before_it_unfolds(server: Server, budget: None) -> None:
    with Watched(server, wire=PLAIN) as watched:
        watched.push(BATCH)
        with PushClient(server.ingest, compression=grpc.Compression.Gzip) as bomb:
            bomb.push(bomb.open(watched.name, PLAIN), bytes(100 * MiB))
            failure = Failure().read(bomb.until_ended())
            assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        with PushClient(server.ingest, compression=grpc.Compression.Gzip) as honest:
            honest.push(honest.open(watched.name, PLAIN), PAYLOAD)
            watched.expect(BATCH)
            honest.settle()
        watched.push(BATCH)


@pytest.mark.parametrize("budget", [60], indirect=True)
def test_a_client_that_never_listens_is_not_answered_into_memory(server: Server, budget: None) -> None:
    reference = pa.record_batch({f"{index:x<250}": pa.array([1.0, 2.0]) for index in range(200)})
    name = create(server, reference).endpoint.name
    ask = pb.PushRequest(open=pb.Open(handle=1, endpoint=name, producer_id=bytes(16), epoch=1))
    call = server.ingest.Push(itertools.repeat(ask, 2400))  # answered with 50 kB each
    server.until_at_rest()
    assert sum(len(response.opened) for response in call) == 2400


def test_memory_does_not_grow_with_the_rows(server: Server) -> None:
    heavy = sample(16_384, seed=4)
    payload, once = payload_of(heavy), Watched(server)
    once.push(heavy)
    once.check()
    taken = []
    with Watched(server) as watched:
        for batches in (30, 270):  # half a million rows, then ten times as many
            for _ in range(batches // 30):
                watched.stream.push(watched.handle, *[payload] * 30)
                watched.stream.settle()
            taken.append(server.rss_bytes())
        for name in watched.expected:
            watched.expected[name] = 300 * once.expected[name]
        watched.rows, watched.batches = 300 * heavy.num_rows, 300
    once.close()
    assert taken[1] < 1.05 * taken[0]


def test_rows_that_weigh_nothing_on_the_wire_take_no_more_room_than_others(server: Server, budget: None) -> None:
    nothing = pa.record_batch({name: pa.nulls(8) for name in ("amount", "clicks", "known", "score")})
    forged = Forged(bytearray(payload_of(nothing)))
    forged.set_rows(MiB)
    forged.set_nulls(MiB)
    batch = pa.record_batch({name: pa.nulls(MiB) for name in nothing.schema.names})
    with Watched(server, wire=nothing.schema) as watched:
        once = Watched(server, wire=nothing.schema)
        once.push(batch)
        once.check()
        streams = [PushClient(server.ingest) for _ in range(40)]
        for stream in streams:
            stream.push(stream.open(watched.name, nothing.schema), *[forged.whole] * 2)
        for stream in streams:
            stream.settle()
            assert stream.close() is None
        for name in watched.expected:
            watched.expected[name] += 80 * once.expected[name]
            watched.missing[name] += 80 * once.missing[name]
        watched.rows, watched.batches = 80 * MiB, 80
        once.close()


def test_a_dictionary_of_long_words_is_not_written_out(server: Server, budget: None) -> None:
    word = pa.array(["x" * 1000, "y" * 1000])
    codes = pa.array(np.zeros(400_000, np.int8))
    batch = pa.record_batch({"country": pa.DictionaryArray.from_arrays(codes, word)})
    with Watched(server, reference=batch) as watched:
        watched.expect(batch)
        watched.stream.push(watched.handle, payload_of(batch))
    plain = pa.record_batch({"amount": pa.array(np.ones(400_000)), "country": batch.column(0)})
    with Watched(server, reference=plain) as watched:
        watched.push(plain)


def test_a_reference_of_a_dictionary_of_one_huge_word_says_that_it_is_no_category(server: Server, budget: None) -> None:
    codes = pa.array(np.zeros(MiB, np.int8))
    batch = pa.record_batch({"country": pa.DictionaryArray.from_arrays(codes, pa.array(["x" * (10 * MiB)]))})
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
        create(server, batch)
    assert failure.fields == ("country",)
    assert says(failure.message, "free text is no category")


def test_views_of_one_long_string_are_not_written_out(server: Server, budget: None) -> None:
    long = "x" * (8 * MiB)
    views = pa.array([long], pa.string_view())
    same = pa.py_buffer(bytes(views.buffers()[1])[:16] * 200)
    many = pa.Array.from_buffers(pa.string_view(), 200, [None, same, *views.buffers()[2:]])
    many.validate(full=True)
    batch = pa.record_batch({"country": many})
    with Watched(server, wire=batch.schema) as watched:
        small = pa.record_batch({"country": pa.array(["DE", "a word of more than twelve bytes", None], pa.string_view())})
        watched.push(small)
        watched.stream.push(watched.handle, stream_of(batch))
        watched.push(small)
        watched.stream.settle()
        field, reason = watched.handle.rejected[2]
        assert field == "payload"
        assert says(reason, f"string_view column take {200 * 8 * MiB} bytes, over {64 * MiB}; send smaller")
    with failing(grpc.StatusCode.INVALID_ARGUMENT):
        create(server, batch)


def test_many_columns_on_one_buffer_of_strings_are_not_unfolded(server: Server, budget: None) -> None:
    rows = 2000
    text = pa.array(["x" * 4000] * rows)
    names = [f"c{index}" for index in range(200)]
    honest = pa.record_batch([pa.array([""] * rows)] * 200, names=names)
    forged = Forged(bytearray(payload_of(honest)))
    body = bytes(text.buffers()[1]) + bytes(text.buffers()[2])
    at = len(bytes(text.buffers()[1]))
    for index in range(200):
        forged.set_buffer(3 * index + 1, 0, 4 * (rows + 1))
        forged.set_buffer(3 * index + 2, at, 4000 * rows)
    forged.set_body(body + bytes(-len(body) % 8))
    times = pa.record_batch([pa.array(["a", "b"])] * 200, names=names)
    with Watched(server, reference=times, wire=honest.schema) as watched:
        watched.push(honest)
        watched.stream.push(watched.handle, *[forged.whole] * 5)
        watched.stream.settle()
        assert {reason for _, reason in watched.handle.rejected.values()} == {
            "buffers of the batch overlap; give each column its own"
        }


def test_dictionaries_of_many_handles_are_not_kept_with_their_payloads(server: Server, budget: None) -> None:
    batch = pa.record_batch(
        [pa.array(["DE", "FR"] * 50_000).dictionary_encode(), pa.array(np.arange(1e5)), *[pa.array(np.arange(1e5))] * 8],
        names=["country", "amount", *(f"extra-{index}" for index in range(8))],
    )
    payload = payload_of(batch)
    assert len(payload) > 7 * MiB
    with Watched(server, wire=batch.schema) as watched:
        for number in range(2, 82):
            watched.stream.push(watched.stream.open(watched.name, batch.schema, number=number), payload)
            watched.stream.settle()
        once = Watched(server, wire=batch.schema)
        once.push(batch)
        once.check()
        for name in watched.expected:
            watched.expected[name] += 80 * once.expected[name]
            watched.missing[name] += 80 * once.missing[name]
        watched.rows, watched.batches = 80 * once.rows, 80
        once.close()


def test_a_query_is_answered_while_streams_are_at_full_load(server: Server) -> None:
    noisy = [Watched(server, wire=PLAIN) for _ in range(4)]
    heavy = sample(20_000, seed=4, schema=PLAIN)
    payload, batches = payload_of(heavy), 200
    with Watched(server) as quiet:
        for watched in noisy:
            watched.stream.push(watched.handle, *[payload] * batches)
        answered = 0
        while any(watched.handle.acknowledged < batches for watched in noisy):
            quiet.good(10)
            quiet.stream.settle()
            assert quiet.drift(ALL).rows == quiet.rows
            answered += 1
        assert answered >= 5
    for watched in noisy:
        assert watched.drift(metrics_pb2.Span(start_us=0)).rows == batches * 20_000
        watched.close()
