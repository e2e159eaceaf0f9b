"""Each batch counts once: whatever is sent again, skipped, refused, deleted, created or given a new reference meanwhile."""

import grpc
import pyarrow as pa
import pytest
from tests.e2e.failure import failing
from tests.e2e.push import PushClient, payload_of
from tests.e2e.server import CALL_S, Server
from tests.e2e.watched import ALL, PLAIN, Watched, create, requests, sample, says

from driftline_proto.v1 import endpoint_pb2, metrics_pb2
from driftline_proto.v1 import ingest_pb2 as pb

INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION = 3, 5, 9
BATCH = sample(60, seed=1, schema=PLAIN)
PAYLOAD = payload_of(BATCH)


def test_a_batch_sent_again_is_acknowledged_and_not_counted_again(server: Server) -> None:
    with Watched(server) as watched:
        for _ in range(5):
            watched.good()
        watched.stream.settle()
        for sequence in (5, 1, 3):
            watched.stream.batch(watched.handle, sequence, payload_of(sample(60, seed=9)))
        watched.good()
        watched.stream.settle()
        assert watched.endpoint().counters.duplicate_batches == 3


def test_a_batch_ahead_of_its_turn_is_asked_for_from_where_it_is_missed(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        watched.push(BATCH)
        watched.stream.settle()
        for sequence in (3, 2**63, 2**64 - 1):
            watched.handle.expected.clear()
            watched.stream.batch(watched.handle, sequence, PAYLOAD)
            watched.stream.until(lambda: watched.handle.expected == [2])
        assert watched.handle.acknowledged == 1
        watched.push(BATCH)
        watched.push(BATCH)


def test_a_batch_without_a_sequence_is_refused_with_a_remedy(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        watched.push(BATCH)
        careless = watched.stream.open(watched.name, PLAIN, number=9)
        watched.stream.batch(careless, 0, PAYLOAD)
        watched.stream.until(lambda: bool(careless.refused))
        assert [(each.code, each.field) for each in careless.refused] == [(INVALID_ARGUMENT, "sequence")]
        assert says(careless.refused[0].reason, "from 1")
        watched.push(BATCH)


def test_a_batch_for_a_handle_that_was_never_opened_is_told_once(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        watched.push(BATCH)
        for _ in range(100):
            watched.stream.send(batch=pb.Batch(handle=77, sequence=1, payload=PAYLOAD))
            watched.stream.send(loss=pb.Loss(handle=78, dropped_rows=1))
        watched.push(BATCH)
        watched.stream.settle([watched.handle])
        told = watched.stream.handles
        watched.stream.until(lambda: 77 in told and 78 in told)
        assert [(each.code, each.field) for each in told[77].refused] == [(INVALID_ARGUMENT, "handle")]
        assert says(told[77].refused[0].reason, "handle 77 is not open; send Open")


def test_a_rejected_batch_uses_up_its_sequence(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        watched.stream.push(watched.handle, b"noise", b"noise")
        watched.push(BATCH)
        watched.stream.settle()
        assert watched.handle.rejected.keys() == {1, 2}
        assert watched.handle.acknowledged == 3
        watched.stream.batch(watched.handle, 1, PAYLOAD)  # sent again after a lost answer: known already
        watched.push(BATCH)
        watched.stream.settle()
        assert watched.endpoint().counters.duplicate_batches == 1


def test_another_stream_of_a_producer_goes_on_where_the_last_one_ended(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        for _ in range(10):
            watched.push(BATCH)
        watched.stream.settle()
        with PushClient(server.ingest) as again:
            handle = again.open(watched.name, PLAIN, producer_id=watched.handle.producer_id)
            assert handle.opened and handle.opened.last_sequence == 10
            for sequence in range(6, 14):
                again.batch(handle, sequence, PAYLOAD)
            again.until(lambda: handle.acknowledged == 13)
        for _ in range(3):
            watched.expect(BATCH)


def test_two_live_streams_of_one_producer_count_each_sequence_once(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        streams = [PushClient(server.ingest) for _ in range(4)]
        handles = [each.open(watched.name, PLAIN, producer_id=watched.handle.producer_id) for each in streams]
        for _ in range(200):
            watched.expect(BATCH)
        while min(handle.acknowledged for handle in handles) < 200:
            for stream, handle in zip(streams, handles, strict=True):
                for sequence in range(handle.acknowledged + 1, 201):
                    stream.batch(handle, sequence, PAYLOAD)
                before = len(handle.expected)
                stream.until(lambda: handle.acknowledged >= 200 or len(handle.expected) > before)  # noqa: B023
        for stream in streams:
            assert stream.close() is None
        watched.handle.sent = watched.handle.acknowledged = 200


def test_a_higher_epoch_restarts_the_sequence_and_fences_the_lower_one(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched, PushClient(server.ingest) as newer:
        producer = watched.handle.producer_id
        for _ in range(5):
            watched.push(BATCH)
        watched.stream.settle()
        handle = newer.open(watched.name, PLAIN, producer_id=producer, epoch=7)
        assert handle.opened and handle.opened.last_sequence == 0
        newer.push(handle, PAYLOAD, PAYLOAD)
        newer.settle()
        watched.expect(BATCH)
        watched.expect(BATCH)
        watched.stream.batch(watched.handle, 6, PAYLOAD)
        watched.stream.until(lambda: bool(watched.handle.refused))
        assert [(each.code, each.field) for each in watched.handle.refused] == [(FAILED_PRECONDITION, "epoch")]
        assert says(watched.handle.refused[0].reason, "epoch 1 is over: epoch 7 .* is open")
        late = newer.open(watched.name, PLAIN, producer_id=producer, epoch=6, number=9)
        assert [(each.code, each.field) for each in late.refused] == [(FAILED_PRECONDITION, "epoch")]
        watched.handle.refused.clear()


@pytest.mark.parametrize(
    ("producer_id", "epoch", "field", "wrong"),
    [
        (b"short", 1, "producer_id", "5 bytes, not 16"),
        (bytes(17), 1, "producer_id", "17 bytes"),
        (bytes(16), 0, "epoch", "the first is 1"),
        (bytes(16), 2**63, "epoch", "the first is 1"),
        (bytes(16), 2**64 - 1, "epoch", "the first is 1"),
    ],
    ids=["short", "long", "epoch", "epoch-past-signed", "epoch-most"],
)
def test_a_producer_without_a_name_or_an_epoch_is_refused(
    server: Server, producer_id: bytes, epoch: int, field: str, wrong: str
) -> None:
    with Watched(server) as watched:
        refused = watched.stream.open(watched.name, PLAIN, producer_id=producer_id, epoch=epoch, number=9).refused
        assert [(each.code, each.field) for each in refused] == [(INVALID_ARGUMENT, field)]
        assert says(refused[0].reason, wrong)
        watched.good()


def test_the_highest_level_on_offer_is_named_whatever_was_asked(server: Server) -> None:
    with Watched(server) as watched:
        for level in (pb.ACK_LEVEL_UNSPECIFIED, pb.ACK_LEVEL_ACCEPTED, pb.ACK_LEVEL_DURABLE):
            opened = watched.stream.open(watched.name, PLAIN, level=level).opened
            assert opened and opened.level == pb.ACK_LEVEL_ACCEPTED


def test_an_endpoint_refused_because_it_is_unknown_may_be_created_and_opened(server: Server) -> None:
    with PushClient(server.ingest) as stream:
        handle = stream.open("tests/e2e/later:v1", PLAIN)
        assert [(each.code, each.field) for each in handle.refused] == [(NOT_FOUND, "endpoint")]
        assert says(handle.refused[0].reason, "tests/e2e/later:v1", "create_endpoint|driftline endpoints create")
        stream.batch(handle, 1, PAYLOAD)  # passed over
        create(server, sample(100, seed=0), name="tests/e2e/later:v1", prediction="score")
        handle.refused.clear()
        stream.open("tests/e2e/later:v1", PLAIN, number=handle.number)
        stream.push(handle, PAYLOAD)
        stream.settle()
        endpoint = server.endpoints.GetEndpoint(endpoint_pb2.GetEndpointRequest(name="tests/e2e/later:v1"), timeout=CALL_S).endpoint
        assert (endpoint.counters.rows, endpoint.counters.batches) == (60, 1)


def test_an_endpoint_deleted_in_the_middle_of_a_stream_and_created_again_is_another_one(server: Server) -> None:
    watched = Watched(server, wire=PLAIN)
    watched.push(BATCH)
    watched.stream.settle()
    uid = watched.uid
    server.endpoints.DeleteEndpoint(endpoint_pb2.DeleteEndpointRequest(name=watched.name), timeout=CALL_S)
    watched.stream.push(watched.handle, *[PAYLOAD] * 50)
    watched.stream.until(lambda: bool(watched.handle.refused))
    assert [(each.code, each.field) for each in watched.handle.refused] == [(NOT_FOUND, "endpoint")]
    assert says(watched.handle.refused[0].reason, "deleted", "create it again and open")
    for call in (lambda: watched.drift(), lambda: watched.counts(), lambda: watched.endpoint()):
        with failing(grpc.StatusCode.NOT_FOUND) as failure:
            call()
        assert says(failure.message, watched.name)
    create(server, sample(400, seed=0), name=watched.name, prediction="score")
    watched.handle.refused.clear()
    handle = watched.stream.open(watched.name, PLAIN, number=watched.handle.number)
    assert handle.opened
    assert handle.opened.endpoint_uid == watched.uid != uid
    assert handle.opened.last_sequence == 0
    watched.expected = {name: counts * 0 for name, counts in watched.expected.items()}
    watched.missing = dict.fromkeys(watched.missing, 0)
    watched.rows = watched.batches = 0
    with watched:
        watched.push(BATCH)


def test_rows_are_counted_under_the_reference_in_force_when_they_came(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        for _ in range(3):
            watched.push(BATCH)
        watched.stream.settle()
        spec = endpoint_pb2.ReferenceSpec(name=watched.name)
        reference = sample(500, seed=77)
        parts = requests(endpoint_pb2.SetReferenceRequest, spec, [reference.slice(0, 200), reference.slice(200)])
        answer = server.endpoints.SetReference(parts, timeout=CALL_S)
        assert (answer.endpoint.reference_version, answer.endpoint.reference_rows) == (2, 500)
        before = watched.drift(ALL)
        assert (before.reference_version, before.rows, before.rows_other_reference) == (1, 180, 0)
        for _ in range(2):
            watched.push(BATCH)
        watched.stream.settle()
        after = watched.drift(ALL)
        assert (after.reference_version, after.rows, after.rows_other_reference) == (2, 120, 180)
        assert watched.endpoint().counters.rows == 300
        watched.handle.refused.clear()
        # What follows is the oracle of the new reference alone.
        fresh = Watched(server, reference=reference, wire=PLAIN)
        with fresh:
            for _ in range(2):
                fresh.push(BATCH)
        assert {name: counts.tolist() for name, counts in watched.counts().items()} == {
            name: counts.tolist() for name, counts in fresh.expected.items()
        }
        watched.check = lambda: None  # type: ignore[method-assign]


def test_a_reference_that_lacks_a_column_is_refused_and_the_old_one_stays(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        watched.push(BATCH)
        spec = endpoint_pb2.ReferenceSpec(name=watched.name)
        wrong = {
            "clicks": sample(50, seed=1).drop_columns(["clicks"]),
            "amount": sample(50, seed=1).set_column(0, "amount", pa.array(["x"] * 50)),
        }
        for field, reference in wrong.items():
            with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
                server.endpoints.SetReference(requests(endpoint_pb2.SetReferenceRequest, spec, [reference]), timeout=CALL_S)
            assert failure.fields == (field,)
        assert watched.endpoint().reference_version == 1
        watched.push(BATCH)


def test_one_stream_serves_many_endpoints(server: Server) -> None:
    every = [Watched(server, wire=PLAIN) for _ in range(20)]
    with PushClient(server.ingest) as stream:
        handles = [stream.open(watched.name, PLAIN) for watched in every]
        for step in range(20):
            for index, (watched, handle) in enumerate(zip(every, handles, strict=True)):
                batch = sample(10 + index, seed=step, schema=PLAIN)
                if (step + index) % 7 == 0:
                    stream.push(handle, b"noise")
                    watched.handle.rejected[step] = ("", "")
                else:
                    stream.push(handle, payload_of(batch))
                    watched.expect(batch)
        stream.settle()
        for watched, handle in zip(every, handles, strict=True):
            assert len(handle.rejected) == len(watched.handle.rejected)
    for watched in every:
        watched.check()
        watched.close()


def test_a_query_sees_every_batch_that_was_acknowledged_before_it(server: Server) -> None:
    noisy = Watched(server, wire=PLAIN)
    with Watched(server, wire=PLAIN) as watched:
        for step in range(40):
            for _ in range(20):
                noisy.push(BATCH)
            watched.push(BATCH)
            watched.stream.settle()
            assert watched.drift(ALL).rows == 60 * (step + 1)
            assert int(watched.counts()["amount"].sum()) == 60 * (step + 1)
    noisy.check()
    noisy.close()


def test_losses_are_totals_that_only_rise(server: Server) -> None:
    with Watched(server, wire=PLAIN) as watched:
        other = watched.stream.open(watched.name, PLAIN, number=9)
        watched.stream.send(loss=pb.Loss(handle=1, dropped_rows=10, unconvertible_rows=2, lost_rows=1))
        watched.stream.send(loss=pb.Loss(handle=1, dropped_rows=30, unconvertible_rows=1))
        watched.stream.send(loss=pb.Loss(handle=other.number, dropped_rows=5))
        watched.push(BATCH)
        watched.stream.settle()
        counters = watched.endpoint().counters
        assert (counters.dropped_rows, counters.unconvertible_rows, counters.lost_rows) == (35, 2, 1)


@pytest.mark.parametrize("rows", [2**48 + 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("field", ["dropped_rows", "unconvertible_rows", "lost_rows"])
def test_a_loss_that_cannot_be_is_refused_and_counted_nowhere(server: Server, field: str, rows: int) -> None:
    with Watched(server, wire=PLAIN) as watched:
        watched.stream.open(watched.name, PLAIN, number=9)
        watched.stream.send(loss=pb.Loss(handle=9, **{field: rows}))
        watched.push(BATCH)
        watched.stream.settle()
        refused = watched.stream.handles[9].refused
        assert [(each.code, each.field) for each in refused] == [(INVALID_ARGUMENT, field)]
        assert getattr(watched.endpoint().counters, field) == 0


def test_a_message_that_is_none_ends_its_stream_and_no_other(server: Server) -> None:
    raw = server.channel().stream_stream(
        "/driftline.v1.IngestService/Push", request_serializer=bytes, response_deserializer=pb.PushResponse.FromString
    )
    with Watched(server, wire=PLAIN) as watched:
        watched.push(BATCH)
        for message in (b"", b"\xff\xff\xff", b'{"batch": {}}', b"\x0a\xff\xff\xff\xff\x0f", b"\x12\x03\x12\x01\xff"):
            with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
                list(raw(iter([message]), timeout=CALL_S))
            assert says(failure.message, "no batch, open, loss or close|not a driftline.v1.PushRequest"), message
        watched.push(BATCH)


def test_a_query_that_is_no_query_is_refused(server: Server) -> None:
    channel = server.channel()
    for method in ("EndpointService/GetEndpoint", "EndpointService/ListEndpoints", "MetricsService/GetDrift"):
        call = channel.unary_unary(f"/driftline.v1.{method}", request_serializer=bytes, response_deserializer=bytes)
        with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
            call(b"\xff\xff", timeout=CALL_S)
        assert says(failure.message, "not a driftline.v1")
    with failing(grpc.StatusCode.UNIMPLEMENTED):
        channel.unary_unary("/driftline.v1.Nothing/Here", request_serializer=bytes, response_deserializer=bytes)(
            b"", timeout=CALL_S
        )


def test_a_question_about_nothing_names_what_there_is(server: Server) -> None:
    with Watched(server) as watched:
        watched.good()
        with failing(grpc.StatusCode.NOT_FOUND) as failure:
            server.metrics.GetHistogram(metrics_pb2.GetHistogramRequest(endpoint=watched.name, column="nothing"), timeout=CALL_S)
        assert (failure.fields, says(failure.message, "no column 'nothing'; there are amount, clicks")) == (("column",), True)
        with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
            watched.drift(convention="evidently")
        assert (failure.fields, says(failure.message, "take one of driftline, mlrun")) == (("convention",), True)
