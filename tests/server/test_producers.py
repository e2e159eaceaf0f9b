"""Producers in the database: those that the engine knows, and no row for each monitor that ever was."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.push import PushClient, payload_of
from tests.e2e.server import CALL_S
from tests.e2e.watched import REFERENCE_ROWS, requests, sample
from tests.server.inside import Inside, SetClock

from driftline_core.panes import DAY_US
from driftline_proto.v1 import endpoint_pb2

NAME = "tests/producers/scorer:v1"
NOW_US = 1_800_000_000_000_000


def created(server: Inside) -> None:
    spec = endpoint_pb2.EndpointSpec(name=NAME)
    batches = [sample(REFERENCE_ROWS, seed=0)]
    server.endpoints.CreateEndpoint(requests(endpoint_pb2.CreateEndpointRequest, spec, batches), timeout=CALL_S)


def push(server: Inside, *producers: int) -> None:
    """A batch of each producer, in turn."""
    batch = sample(5, seed=1)
    for number in producers:
        stream = PushClient(server.ingest)
        stream.push(stream.open(NAME, batch.schema, producer_id=bytes([number]) * 16), payload_of(batch))
        stream.settle()
        assert stream.close() is None


def stored(folder: Path) -> list[int]:
    """The producers in the database, the idlest first."""
    with closing(sqlite3.connect(f"file:{folder / 'driftline.sqlite'}?mode=ro", uri=True)) as connection:
        return [id_[0] for (id_,) in connection.execute("SELECT producer_id FROM producers ORDER BY last_seen_us")]


def test_producers_that_the_engine_forgot_leave_the_database(tmp_path: Path) -> None:
    clock = SetClock(NOW_US)
    with Inside(tmp_path, clock, producers_max=3) as server:
        created(server)
        push(server, 1, 2, 3)
    assert stored(tmp_path) == [1, 2, 3]
    with Inside(tmp_path, clock, producers_max=3) as server:
        push(server, 4, 1)
    assert stored(tmp_path) == [3, 4, 1]
    clock.set(NOW_US + 4 * DAY_US)
    with Inside(tmp_path, clock, producers_max=3) as server:
        push(server, 4)
    assert stored(tmp_path) == [3, 1, 4]
    clock.set(NOW_US + 9 * DAY_US)
    with Inside(tmp_path, clock, producers_max=3) as server:
        push(server, 5)
    assert stored(tmp_path) == [4, 5]
