"""GetHistory answers from the store, in the words of the wire, and says what to do where it cannot."""

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from tests.server.store.building import HOUR_US, SPEC, TRUSTED, hour, report

import driftline
from driftline.cli.main import cli
from driftline_core.engine import Engine
from driftline_core.errors import FailedPrecondition, InvalidInput, NotFound
from driftline_proto.v1 import metrics_pb2 as pb
from driftline_proto.v1 import schema_pb2
from driftline_server.clock import SystemClock
from driftline_server.credits import Credits
from driftline_server.owner import Owner
from driftline_server.past import Answers
from driftline_server.registry import Registry
from driftline_server.rpc.history import HistoryService
from driftline_server.rpc.wiring import service as wired
from driftline_server.rpc.wiring import unary
from driftline_server.store import Store, StoredEndpoint


@pytest.fixture
def owner() -> Iterator[Owner]:
    made = Owner(Engine(), clock=SystemClock(), room=Credits(batches_max=8, bytes_max=2**20))
    made.start()
    made.ahead.start()
    yield made
    made.close()


@pytest.fixture
def registry(owner: Owner) -> Registry:
    """A registry with the endpoint of SPEC."""
    made = Registry(owner, SystemClock(), endpoints_max=10, producers_max=10)
    made.create(SPEC, TRUSTED.schema, TRUSTED.to_batches())
    return made


@pytest.fixture
def service(registry: Registry, owner: Owner, tmp_path: Path) -> Iterator[HistoryService]:
    """The service over three stored hours: one restated, one without rows."""
    store = Store.open(tmp_path)
    made = registry.entry(SPEC.name).current()
    store.save_endpoint(StoredEndpoint(made.uid, made.name, made.spec, made.columns, made.created_us))
    store.save_hours([hour(1, rows=60, uid=made.uid), hour(1, rows=100, revision=2, uid=made.uid), hour(2, rows=0, uid=made.uid)])
    yield HistoryService(registry, Answers(owner, store.reader, SystemClock()))
    store.close()


def ask(service: HistoryService, **fields: Any) -> list[tuple[int, int, int, float]]:
    answer = service.history(pb.GetHistoryRequest(**{"endpoint": SPEC.name} | fields))
    return [(point.start_us // HOUR_US, point.revision, point.rows, point.value) for point in answer.points]


def test_the_default_is_the_newest_drift_of_every_hour(service: HistoryService) -> None:
    answer = service.history(pb.GetHistoryRequest(endpoint=SPEC.name))
    assert (answer.endpoint, answer.metric, answer.column) == (SPEC.name, "drift", "")
    first, second = answer.points
    assert first == pb.HistoryPoint(
        start_us=HOUR_US,
        end_us=2 * HOUR_US,
        revision=2,
        rows=100,
        value=report(100).drift,
        status=schema_pb2.STATUS_POTENTIAL,  # half the scores are missing
    )
    assert (second.rows, second.status) == (0, schema_pb2.STATUS_INSUFFICIENT_DATA)
    assert math.isnan(second.value)


def test_a_column_and_every_revision(service: HistoryService) -> None:
    every = ask(service, metric="rows", column="amount", revisions=pb.REVISIONS_ALL)
    assert every == [(1, 1, 60, 60), (1, 2, 100, 100), (2, 1, 0, 0)]
    assert ask(service, metric="rows", column="amount", revisions=pb.REVISIONS_NEWEST) == every[1:]
    labels = service.history(pb.GetHistoryRequest(endpoint=SPEC.name, metric="tvd", column="truth")).points
    assert {point.status for point in labels} == {schema_pb2.STATUS_UNSPECIFIED}


def test_a_span_is_of_the_hours_that_begin_in_it(service: HistoryService) -> None:
    assert ask(service, metric="rows", since_us=2 * HOUR_US) == [(2, 1, 0, 0)]
    assert ask(service, metric="rows", until_us=2 * HOUR_US) == [(1, 2, 100, 100)]
    with pytest.raises(InvalidInput, match="since is not before until"):
        ask(service, since_us=5, until_us=5)


def test_what_does_not_exist_is_told(service: HistoryService, registry: Registry, owner: Owner) -> None:
    with pytest.raises(NotFound, match="no endpoint 'default/default/other:latest'"):
        ask(service, endpoint="other")
    with pytest.raises(NotFound, match="no column 'nope'"):
        ask(service, column="nope")
    with pytest.raises(InvalidInput, match="no metric 'nope'; there are rows, rows_other_reference, drift"):
        ask(service, metric="nope")
    with pytest.raises(InvalidInput, match="revisions 9 is unknown"):
        ask(service, revisions=9)
    with pytest.raises(FailedPrecondition, match="start the server with --data DIR"):
        ask(HistoryService(registry, Answers(owner, None, SystemClock())))


@pytest.fixture
def address(service: HistoryService) -> Iterator[str]:
    """Where the service is served."""
    server = grpc.server(ThreadPoolExecutor(2))
    handler = unary(service.history, pb.GetHistoryRequest)
    server.add_generic_rpc_handlers((wired("MetricsService", {"GetHistory": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


def test_the_client_gets_the_stored_hours_as_a_table(address: str) -> None:
    with driftline.connect(address) as client:
        table = client.history("shop/fraud/scorer:v3", "rows", since="1970-01-01", revisions="all")
        assert table.select(["revision", "rows", "value"]).to_pylist() == [
            {"revision": 1, "rows": 60, "value": 60.0},
            {"revision": 2, "rows": 100, "value": 100.0},
            {"revision": 1, "rows": 0, "value": 0.0},
        ]
        assert client.history(SPEC.name).num_rows == 0  # none in the last 7 days
        assert client.history(SPEC.name, since="7d", until="1970-01-02").num_rows == 2
        with pytest.raises(driftline.InvalidInput, match="no metric 'nope'; there are rows"):
            client.history(SPEC.name, "nope")
        with pytest.raises(driftline.NotFound, match="no column 'nope'"):
            client.history(SPEC.name, column="nope")


def test_the_command_line_shows_them(address: str) -> None:
    call = ["history", SPEC.name, "--column", "amount", "--since", "1970-01-01", "--server", address]
    done = CliRunner().invoke(cli, call)
    assert done.exit_code == 0, done.output
    assert "shop/fraud/scorer:v3  drift of amount" in done.output
    assert "1970-01-01 02:00" in done.output
    document = json.loads(CliRunner().invoke(cli, [*call, "--json", "--revisions", "all", "--metric", "rows"]).output)
    assert [(point["revision"], point["value"]) for point in document["points"]] == [(1, 60), (2, 100), (1, 0)]


def test_a_wrong_call_is_told_before_anything_is_sent() -> None:
    done = CliRunner().invoke(cli, ["history", "m", "--since", "yesterday"])
    assert done.exit_code == 2
    assert "neither a duration, as 7d, nor an instant" in done.output
