"""Endpoints that come and go around a crash: the database follows the journal, however late it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.server import CALL_S, Server
from tests.e2e.watched import REFERENCE_ROWS, create, sample
from tests.server.inside import writing_is_held_up

from driftline_proto.v1 import endpoint_pb2

NAME = "tests/durable/scorer:v1"


def known(folder: Path) -> list[str]:
    """The uids of the endpoints that the database has as not deleted."""
    with closing(sqlite3.connect(f"file:{folder / 'driftline.sqlite'}?mode=ro", uri=True)) as connection:
        return [uid for (uid,) in connection.execute("SELECT uid FROM endpoints WHERE deleted_us IS NULL")]


def created(server: Server) -> str:
    return create(server, sample(REFERENCE_ROWS, seed=0), name=NAME).endpoint.uid


def deleted(server: Server) -> None:
    server.endpoints.DeleteEndpoint(endpoint_pb2.DeleteEndpointRequest(name=NAME), timeout=CALL_S)


def test_an_endpoint_that_was_deleted_before_a_crash_is_gone_from_the_database_after_it(tmp_path: Path) -> None:
    first = Server(data=tmp_path)
    created(first)
    with writing_is_held_up(tmp_path):
        deleted(first)
        first.kill()
    with Server(data=tmp_path):
        pass
    assert known(tmp_path) == []


def test_an_endpoint_that_was_deleted_before_a_crash_leaves_its_name_to_another(tmp_path: Path) -> None:
    first = Server(data=tmp_path)
    created(first)
    with writing_is_held_up(tmp_path):
        deleted(first)
        first.kill()
    with Server(data=tmp_path) as second:
        uid = created(second)
    assert known(tmp_path) == [uid]


def test_an_endpoint_that_was_created_before_a_crash_is_in_the_database_after_it(tmp_path: Path) -> None:
    first = Server(data=tmp_path)
    with writing_is_held_up(tmp_path):
        uid = created(first)
        first.kill()
    with Server(data=tmp_path):
        pass
    assert known(tmp_path) == [uid]
