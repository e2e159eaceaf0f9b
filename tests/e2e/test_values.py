"""Values at the ends of their types, in streams and in references: counted exactly, summed without nonsense."""

import math

import grpc
import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.failure import failing
from tests.e2e.forge import Forged
from tests.e2e.push import payload_of
from tests.e2e.server import CALL_S, MiB, Server
from tests.e2e.watched import SCHEMA, Watched, create, requests, sample, says

from driftline_proto.v1 import endpoint_pb2, schema_pb2

EXTREMES = [
    0.0, -0.0, 5e-324, -5e-324, 2.2e-308, 1e308, -1e308, 1.7976931348623157e308, -1.7976931348623157e308,
    math.inf, -math.inf, math.nan, 1e140, 1e141, -1e200,
]  # fmt: skip
COLUMNS = {
    "extremes": EXTREMES,
    "all-null": [None] * 9,
    "all-nan": [math.nan] * 9,
    "all-inf": [math.inf, -math.inf] * 4,
    "constant": [100.0] * 9,
    "two": [0.0, 1.0] * 20,
    "denormals": [5e-324 * step for step in range(30)],
    "zeros": [0.0, -0.0] * 9,
    "huge": [1e308] * 50 + [-1e308] * 50,
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS.keys())
def test_extreme_values_are_counted_exactly(server: Server, values: list[float | None]) -> None:
    with Watched(server, wire=pa.schema([("amount", pa.float64())])) as watched:
        watched.push(pa.record_batch({"amount": pa.array(values, pa.float64())}))
        watched.push(pa.record_batch({"amount": pa.array(values * 200, pa.float64())}))
        watched.check()
        ordinary = [value for value in values if value is not None and abs(value) <= 1e140]
        known = [value for value in values if value is not None and not math.isnan(value)]
        column = watched.drift().columns[0]
        assert column.mean == pytest.approx(np.mean(ordinary) if ordinary else math.nan, rel=1e-12, nan_ok=True)
        assert (column.min, column.max) == ((min(known), max(known)) if known else (pytest.approx(math.nan, nan_ok=True),) * 2)
        assert not math.isinf(column.std)
        assert not math.isinf(column.mean)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
@pytest.mark.parametrize("values", [values for name, values in COLUMNS.items() if name not in ("all-null", "all-nan", "all-inf")])
def test_a_reference_of_extreme_values_against_itself_has_no_drift(
    server: Server, values: list[float | None], strategy: str
) -> None:
    reference = pa.record_batch({"amount": pa.array(values * 10, pa.float64())})
    with Watched(server, reference=reference, bins=endpoint_pb2.Bins(strategy=strategy)) as watched:
        watched.push(reference)
        watched.check()
        report = watched.drift()
        assert {name: report.columns[0].distances[name] for name in ("tvd", "hellinger")} == {"tvd": 0.0, "hellinger": 0.0}
        assert (report.drift, report.status) == (0.0, schema_pb2.STATUS_NO_DETECTION)


def test_a_ten_megabyte_string_is_an_unseen_category(server: Server) -> None:
    batch = pa.record_batch({"country": pa.array(["DE", "x" * (10 * MiB), "FR"])})
    with Watched(server, wire=batch.schema) as watched:
        watched.push(batch)
        watched.push(pa.record_batch({"country": pa.array(["DE"])}))


def test_invalid_utf8_is_refused(server: Server) -> None:
    honest = pa.record_batch({"country": pa.array(["DE", "FR"])})
    payload = payload_of(honest).replace(b"DEFR", b"D\xffFR")
    coded = pa.record_batch({"country": pa.array(["DE", "FR"]).dictionary_encode()})
    with Watched(server, wire=honest.schema) as watched:
        watched.push(honest)
        watched.stream.push(watched.handle, payload)
        watched.push(honest)
        handle = watched.stream.open(watched.name, coded.schema, number=2)
        watched.stream.push(handle, payload_of(coded).replace(b"DEFR", b"D\xffFR"))
        watched.stream.settle()
        for told in (watched.handle.rejected[2], handle.rejected[1]):
            assert told[0] == "payload"
            assert says(told[1], "UTF-?8")
        handle.rejected.clear()
        watched.handle.rejected[0] = ("", "")  # counted for the other handle's


def test_categories_called_other_null_or_nothing_are_categories(server: Server) -> None:
    words = ["other", "null", "", "None", "nan", "below", "true"]
    reference = pa.record_batch({"word": pa.array([*words * 3, None])})
    with Watched(server, reference=reference) as watched:
        assert {each.category for each in watched.bins["word"] if each.HasField("category")} == set(words)
        watched.push(pa.record_batch({"word": pa.array(["other", "null", None, "unseen", "", "other"])}))


def test_a_million_distinct_categories_are_the_most_frequent_and_the_rest(server: Server) -> None:
    rare = pa.array(np.arange(1_000_000)).cast(pa.string())
    common = pa.array([f"common-{index % 100}" for index in range(1000)])
    reference = pa.record_batch({"word": pa.concat_arrays([rare.slice(0, 200_000), common])})
    with Watched(server, reference=reference) as watched:
        assert {f"common-{index}" for index in range(100)} < {each.category for each in watched.bins["word"]}
        assert len(watched.bins["word"]) == 258
        resident = server.rss_bytes()
        watched.push(pa.record_batch({"word": pa.concat_arrays([common, rare])}))
        watched.check()
        assert server.rss_bytes() - resident < 200 * MiB


REFERENCES = {
    "no rows": (sample(0, seed=0), "reference", "has no rows; send a sample"),
    "no features": (sample(50, seed=0).select(["score"]), "features", "has no feature column; name some"),
    "an all-null column": (pa.record_batch({"a": pa.nulls(9, pa.float64())}), "a", "no finite value.*exclude"),
    "a null-typed column": (pa.record_batch({"a": pa.nulls(9)}), "a", "no finite value.*exclude"),
    "an all-NaN column": (pa.record_batch({"a": pa.array([math.nan] * 9)}), "a", "no finite value.*exclude"),
    "an all-infinite column": (pa.record_batch({"a": pa.array([math.inf] * 9)}), "a", "no finite value.*exclude"),
    "an all-null text column": (pa.record_batch({"a": pa.nulls(9, pa.string())}), "a", "no value in the reference.*exclude"),
    "free text": (pa.record_batch({"a": pa.array(["x" * 2000])}), "a", "2000 bytes, over 1024; free text is no category.*exclude"),
}


@pytest.mark.parametrize(("reference", "field", "wrong"), REFERENCES.values(), ids=REFERENCES.keys())
def test_a_reference_to_bin_by_nothing_is_refused(server: Server, reference: pa.RecordBatch, field: str, wrong: str) -> None:
    prediction = "score" if "score" in reference.schema.names else ""
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
        create(server, reference, prediction=prediction, name="tests/e2e/never:v1")
    assert failure.fields == (field,)
    assert says(failure.message, wrong)
    with failing(grpc.StatusCode.NOT_FOUND):
        server.endpoints.GetEndpoint(endpoint_pb2.GetEndpointRequest(name="tests/e2e/never:v1"), timeout=CALL_S)


def test_a_reference_of_one_row_and_an_all_null_boolean_are_references(server: Server) -> None:
    reference = pa.record_batch({"a": pa.array([2.0]), "b": pa.array([None], pa.bool_()), "c": pa.array(["x"])})
    with Watched(server, reference=reference) as watched:
        watched.push(reference)
        watched.push(
            pa.record_batch({"a": pa.array([1.0, 2.0, 3.0]), "b": pa.array([True, None, False]), "c": pa.array(["x", "", None])})
        )


def test_an_upload_without_spec_schema_or_rows_says_what_is_missing(server: Server) -> None:
    spec = endpoint_pb2.EndpointSpec(name="never")
    request = endpoint_pb2.CreateEndpointRequest
    good = list(requests(request, spec, [sample(50, seed=0)]))
    chunk = endpoint_pb2.ReferenceChunk
    end = request(end=endpoint_pb2.ReferenceEnd())
    wrong = {
        "nothing": ([], "part", "first message holds the spec"),
        "no spec": (good[1:], "part", "first message holds the spec"),
        "empty message": ([request()], "part", "first message holds the spec"),
        "end alone": ([end], "part", "first message holds the spec"),
        "spec alone": (good[:1], "end", "stopped before its end, so nothing was changed; send a last message with `end`"),
        "no end": (good[:2], "end", "stopped before its end, so nothing was changed; send a last message with `end`"),
        "another end": ([*good[:2], end], "end", "end says 0 rows, and 50 came; send all chunks before the end"),
        "no chunk": ([good[0], end], "chunk", "no reference came; send its schema and rows"),
        "spec twice": ([good[0], good[0]], "part", "messages between the first one and the last hold a chunk"),
        "no schema": ([good[0], request(chunk=chunk(payload=good[1].chunk.payload))], "schema", ""),
        "bad schema": ([good[0], request(chunk=chunk(schema=b"{}", payload=good[1].chunk.payload))], "schema", ""),
        "schema alone": ([good[0], request(chunk=chunk(schema=good[1].chunk.schema)), end], "reference", "has no rows"),
        "bad payload": ([*good[:2], request(chunk=chunk(payload=b"noise and more of it"))], "payload", "Arrow IPC"),
    }
    for name, (messages, field, words) in wrong.items():
        with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
            server.endpoints.CreateEndpoint(iter(messages), timeout=CALL_S)
        assert failure.fields == (field,), name
        assert says(failure.message, words), name


SPECS = {
    "prediction": ({"prediction": "nothing"}, "prediction", "'nothing', which the reference does not have; it has amount"),
    "label": ({"label": "nothing"}, "label", "'nothing', which the reference does not have; it has amount"),
    "features": ({"features": ["nothing"]}, "features", "'nothing', which the reference does not have; it has amount"),
    "feature twice": ({"features": ["amount", "amount"]}, "amount", "twice"),
    "exclude": ({"exclude": ["nothing"]}, "exclude", "'nothing', which the reference does not have; it has amount"),
    "kinds": ({"kinds": {"nothing": schema_pb2.KIND_NUMERIC}}, "kinds", "'nothing', which the reference does not have"),
    "kind": ({"kinds": {"amount": 0}}, "kinds['amount']", "none of numeric, categorical and boolean"),
    "unknown kind": ({"kinds": {"amount": 77}}, "kinds['amount']", "none of numeric, categorical and boolean"),
    "impossible kind": ({"kinds": {"country": schema_pb2.KIND_NUMERIC}}, "country", "where numbers .* are wanted; cast it"),
    "both": ({"prediction": "score", "label": "score"}, "label", "both prediction and label; name two"),
    "feature and prediction": ({"prediction": "score", "features": ["score"]}, "features", "take it out of one"),
    "strategy": ({"bins": endpoint_pb2.Bins(strategy="kmeans")}, "bins", "take one of quantile, uniform"),
    "one edge": ({"bins": {"edges": {"amount": {"edges": [1.0]}}}}, "bins['amount']", "2 to 4097 finite numbers"),
    "falling edges": ({"bins": {"edges": {"amount": {"edges": [2.0, 1.0]}}}}, "bins['amount']", "each above the one before"),
    "equal edges": ({"bins": {"edges": {"amount": {"edges": [1.0, 1.0]}}}}, "bins['amount']", "each above the one before"),
    "NaN edges": ({"bins": {"edges": {"amount": {"edges": [1.0, math.nan]}}}}, "bins['amount']", "finite numbers"),
    "infinite edges": ({"bins": {"edges": {"amount": {"edges": [1.0, math.inf]}}}}, "bins['amount']", "finite numbers"),
    "many edges": ({"bins": {"edges": {"amount": {"edges": range(4098)}}}}, "bins['amount']", "2 to 4097 finite numbers"),
    "edges of text": ({"bins": {"edges": {"country": {"edges": [1.0, 2.0]}}}}, "bins['country']", "takes no edges"),
    "thresholds": ({"thresholds": {"potential": 0.7, "detected": 0.5}}, "thresholds", "0 < potential <= detected <= 1"),
    "thresholds unset": ({"thresholds": {}}, "thresholds", "0 < potential <= detected <= 1"),
    "thresholds NaN": ({"thresholds": {"potential": math.nan, "detected": 1.0}}, "thresholds", "0 < potential"),
    "rows_min": ({"rows_min": 0}, "rows_min", "at least 1"),
    "stale_after": ({"stale_after_us": 0}, "stale_after", "longer than nothing"),
    "reserved": ({"reserved": {"clock": "t"}}, "reserved", "'clock' is no reserved column; they are id, timestamp"),
    "reserved twice": ({"reserved": {"id": "t", "timestamp": "t"}}, "reserved", "mapped to one name"),
    "reserved feature": ({"reserved": {"id": "amount"}, "features": ["amount"]}, "amount", "free it with reserved"),
}


@pytest.mark.parametrize(("spec", "field", "wrong"), SPECS.values(), ids=SPECS.keys())
def test_a_spec_that_cannot_be_meant_is_refused(server: Server, spec: dict[str, object], field: str, wrong: str) -> None:
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
        create(server, sample(50, seed=0), **spec)
    assert failure.fields == (field,)
    assert says(failure.message, wrong)


def test_lengths_a_header_lies_about_are_refused(server: Server) -> None:
    forged = Forged(bytearray(payload_of(pa.record_batch({"amount": np.arange(64.0)}))))
    with Watched(server, wire=pa.schema([SCHEMA.field("amount")])) as watched:
        for rows, nulls in ((65, 0), (10**6, 0), (64, 65), (64, -2), (0, 3), (63, 64)):
            forged.set_rows(rows)
            forged.set_nulls(nulls)
            watched.stream.push(watched.handle, forged.whole)
        watched.stream.settle()
        assert watched.handle.rejected.keys() == {1, 2, 3, 4, 5, 6}
        watched.good()
