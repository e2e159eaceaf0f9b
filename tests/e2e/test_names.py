"""Names strangers choose: one pattern for endpoints, never a path, never a query; a glob is a glob whatever stands in it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.e2e.failure import failing
from tests.e2e.push import PushClient
from tests.e2e.server import CALL_S, Server
from tests.e2e.watched import PLAIN, create, requests, sample, says

import driftline
from driftline_proto.v1 import endpoint_pb2, metrics_pb2

INVALID_ARGUMENT, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
REFERENCE = sample(50, seed=0)

BAD = [
    "", " ", ".", "..", "/", ":", "../../etc", "../../etc/passwd", "/etc/passwd", "a//b", "a/b/c/d", "a/", "/a", "a/b/", "a:",
    ":v1", "a:b:c", "a/b/c:v/1", "%2e%2e", "a%2fb", ".hidden", "-rf", "_a", "a b", "a\tb", "a\nb", "a\0b", "a\\b", "C:\\CON",
    "aux?", "a*", "[a]", "a'b", 'a"b', "a;b", "a--b;", "'; DROP TABLE endpoints; --", "a' OR '1'='1", "${HOME}", "{0}",
    "{{7*7}}", "<b>", "\u00e9", "\U0001f600", "\u202ea", "a\u200b", "x" * 64, "x" * 300, "x" * 100_000, "a/" * 1000,
]  # fmt: skip
LONGEST = f"{'x' * 63}/{'y' * 63}/{'z' * 63}:{'v' * 63}"
ODD = ["CON", "nul", "a..b", "a.", "a-_.b", "0", "x" * 63, "com1/aux/prn:nul", LONGEST]


def test_a_monitor_takes_the_names_that_a_server_does() -> None:
    for name in (*ODD, "a/b", "a/b/c", "a:1", "a/b:1", "a/b/c:1"):
        driftline.Monitor("127.0.0.1:1", name)
    for name in BAD:
        with pytest.raises(driftline.InvalidInput, match=r"^endpoint="):
            driftline.Monitor("127.0.0.1:1", name)


@pytest.mark.parametrize("name", BAD, ids=lambda name: ascii(name[:20]))
def test_a_name_that_is_none_is_refused_by_every_call(server: Server, name: str) -> None:
    spec = endpoint_pb2.EndpointSpec(name=name)
    calls = [
        lambda: server.endpoints.CreateEndpoint(requests(endpoint_pb2.CreateEndpointRequest, spec, [REFERENCE]), timeout=CALL_S),
        lambda: server.endpoints.GetEndpoint(endpoint_pb2.GetEndpointRequest(name=name), timeout=CALL_S),
        lambda: server.endpoints.DeleteEndpoint(endpoint_pb2.DeleteEndpointRequest(name=name), timeout=CALL_S),
        lambda: server.metrics.GetDrift(metrics_pb2.GetDriftRequest(endpoint=name), timeout=CALL_S),
        lambda: server.metrics.GetHistogram(metrics_pb2.GetHistogramRequest(endpoint=name, column="a"), timeout=CALL_S),
    ]
    for call in calls:
        with failing(INVALID_ARGUMENT) as failure:
            call()
        assert failure.fields == ("name",)
        assert says(failure.message, "names no endpoint; write model, project/model or project/function/model")
        assert failure.message.isprintable()
        assert len(failure.message) < 1000
    with PushClient(server.ingest) as stream:
        (refused,) = stream.open(name, PLAIN).refused
        assert (refused.code, refused.field) == (INVALID_ARGUMENT.value[0], "name")


@pytest.mark.parametrize("name", ODD, ids=lambda name: name[:20])
def test_a_name_that_only_looks_odd_is_a_name(server: Server, name: str) -> None:
    full = create(server, REFERENCE, name=name).endpoint.name
    assert full.endswith(name if ":" in name else f"{name}:latest")
    assert server.endpoints.GetEndpoint(endpoint_pb2.GetEndpointRequest(name=full), timeout=CALL_S).endpoint.name == full
    server.endpoints.DeleteEndpoint(endpoint_pb2.DeleteEndpointRequest(name=name), timeout=CALL_S)
    with failing(NOT_FOUND) as failure:
        server.endpoints.GetEndpoint(endpoint_pb2.GetEndpointRequest(name=name), timeout=CALL_S)
    assert says(failure.message, "create it with")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("names/*", ["names/default/a:v1", "names/default/a:v2", "names/other/b:v1"]),
        ("names/*:v1", ["names/default/a:v1", "names/other/b:v1"]),
        ("names/*/?:v[2-9]", ["names/default/a:v2"]),
        ("names/default/[!b]:v1", ["names/default/a:v1"]),
        ("names", []),
        ("NAMES/*", []),
        ("names/%", []),
        ("names/__________", []),
        ("' OR 1=1 --", []),
        ("names/*'; DELETE FROM endpoints; --", []),
        ("names/[", []),
        ("names/[!]", []),
        ("names/[z-a]*", []),
        ("names/[[:alpha:]]*", []),
        ("names/(a|b)*", []),
        ("names/\\*", []),
        ("\0", []),
        ("\u202e", []),
        ("../*", []),
    ],
    ids=ascii,
)
def test_a_glob_finds_what_it_says_and_is_nothing_else(server: Server, three: None, pattern: str, found: list[str]) -> None:
    answer = server.endpoints.ListEndpoints(endpoint_pb2.ListEndpointsRequest(pattern=pattern), timeout=CALL_S)
    assert [endpoint.name for endpoint in answer.endpoints] == found


@pytest.fixture(scope="module")
def three(server: Server) -> None:
    """Three endpoints to be found."""
    for name in ("names/a:v1", "names/a:v2", "names/other/b:v1"):
        create(server, REFERENCE, name=name)


@pytest.mark.parametrize("piece", ["*a", "?*", "[", "*", "[!"])
def test_a_glob_made_to_take_long_does_not(server: Server, three: None, piece: str) -> None:
    started = time.monotonic()
    longest = (piece * 1024)[:1024]
    server.endpoints.ListEndpoints(endpoint_pb2.ListEndpointsRequest(pattern=longest), timeout=CALL_S)
    with failing(INVALID_ARGUMENT) as failure:
        server.endpoints.ListEndpoints(endpoint_pb2.ListEndpointsRequest(pattern=longest + piece * 50_000), timeout=CALL_S)
    assert failure.fields == ("pattern",)
    assert says(failure.message, "characters, over 1024; no name is as long")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE columns; --", "../amount", "amount\0", "%", "*", "", "x" * 100_000, "\u65e5" * 9000],
    ids=lambda t: ascii(t[:9]),
)
def test_a_column_or_convention_that_is_none_is_told(server: Server, text: str) -> None:
    name = create(server, REFERENCE).endpoint.name
    with failing(NOT_FOUND) as failure:
        server.metrics.GetHistogram(metrics_pb2.GetHistogramRequest(endpoint=name, column=text), timeout=CALL_S)
    assert failure.fields == ("column",)
    assert len(failure.message) < 1000
    assert failure.message.isprintable()
    if text:
        with failing(INVALID_ARGUMENT) as failure:
            server.metrics.GetDrift(metrics_pb2.GetDriftRequest(endpoint=name, convention=text), timeout=CALL_S)
        assert failure.fields == ("convention",)
        assert len(failure.message) < 1000
        assert failure.message.isprintable()


SOURCES: dict[str, Callable[[pa.Table], Any]] = {
    "table": lambda table: table,
    "batch": lambda table: table.to_batches()[0],
    "reader": lambda table: table.to_reader(),
    "pandas": lambda table: table.to_pandas(),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_nul_in_a_references_column_ends_no_name(server: Server, source: Callable[[pa.Table], Any]) -> None:
    refused_nul(server, source(pa.table({"a\0b": [1.0, 2.0], "c": [1.0, 2.0]})))


def test_a_nul_in_a_files_column_ends_no_name(server: Server, tmp_path: Path) -> None:
    pq.write_table(pa.table({"a\0b": [1.0, 2.0], "c": [1.0, 2.0]}), tmp_path / "nul.parquet")
    refused_nul(server, tmp_path / "nul.parquet")


def refused_nul(server: Server, reference: Any) -> None:
    with driftline.connect(server.address) as client:
        with pytest.raises(driftline.InvalidInput) as failure:
            client.create_endpoint("tests/nul", reference=reference)
        assert says(str(failure.value), r"a\\x00b", "control character", "give it a plain one")
        with pytest.raises(driftline.NotFound):
            client.endpoint("tests/nul")
