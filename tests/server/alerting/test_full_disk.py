"""Alerts while the database cannot be written: who asks is told why, and the server's end waits for nobody."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.server.archive.life import until
from tests.server.inside import WAIT_S, Inside

import driftline
from driftline_server.alerting.alerting import Alerting
from driftline_server.app import App
from driftline_server.config import load
from driftline_server.durability import Durability

WHY = "the database cannot be written now: attempt to write a readonly database"


@contextmanager
def full(durability: Durability) -> Iterator[None]:
    """A database that takes nothing, until the end of this."""
    connection = durability.folder.store.connection
    durability.writer.submit(lambda _: connection.execute("PRAGMA query_only = 1")).result(WAIT_S)
    try:
        yield
    finally:
        if durability.writer._thread.is_alive():
            connection.execute("PRAGMA query_only = 0")


@contextmanager
def living(folder: Path) -> Iterator[tuple[Inside, Alerting, Durability]]:
    server = Inside(folder)
    durability = server._app._durability
    assert durability is not None
    yield server, server._app._alerting, durability


def create(alerting: Alerting, name: str) -> Callable[[], object]:
    return lambda: alerting.create_rule({"name": name, "event": "data-drift-detected"})


def in_thread(call: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            call()
        except Exception as error:
            thread.name = f"{type(error).__name__}: {error}"

    thread = threading.Thread(target=run, name="ended", daemon=True)
    thread.start()
    return thread


def told(thread: threading.Thread) -> str:
    """What a call came to."""
    thread.join(WAIT_S)
    assert not thread.is_alive()
    return thread.name


def test_who_asks_is_told_why_and_what_becomes_of_it(tmp_path: Path) -> None:
    with living(tmp_path) as (server, alerting, durability), server:
        with full(durability):
            first = in_thread(create(alerting, "first"))
            until(lambda: durability.writer.trouble is not None)
            second = in_thread(create(alerting, "second"))
            listed = in_thread(lambda: alerting.alerts(endpoint=None, state=None, most=1))
            assert (
                told(first) == f"ResourceExhausted: {WHY}; this happens by itself when it can, unless the server is stopped before"
            )
            assert told(second) == f"ResourceExhausted: {WHY}; nothing was changed, try again later"
            assert told(listed) == f"ResourceExhausted: {WHY}; nothing was changed, try again later"
        until(lambda: durability.writer.trouble is None)
        assert [rule.name for rule, _ in alerting.rules()] == ["first"]
        create(alerting, "second")()


def test_a_stop_waits_for_no_disk_though_alerts_do(tmp_path: Path) -> None:
    with living(tmp_path) as (server, alerting, durability), full(durability):
        first = in_thread(create(alerting, "first"))
        until(lambda: durability.writer.trouble is not None)
        stopped = in_thread(lambda: server.__exit__(None, None, None))
        assert told(stopped) == "ended"
        assert told(first) != "ended"
    with living(tmp_path) as (server, alerting, _), server:
        assert alerting.rules() == []


def test_a_start_waits_for_no_disk_though_alerts_do(tmp_path: Path) -> None:
    with living(tmp_path) as (server, alerting, _), server:
        create(alerting, "first")()
    app = App(load(None, listen="127.0.0.1:0", data=str(tmp_path)))
    durability = app._durability
    assert durability is not None
    connection = durability.folder.store.connection
    connection.execute("PRAGMA query_only = 1")
    with driftline.connect(f"127.0.0.1:{app.start()}") as client:
        assert client.endpoints() == []
        with pytest.raises(driftline.ResourceExhausted, match=WHY):
            client.rules()
        connection.execute("PRAGMA query_only = 0")
        until(lambda: durability.writer.trouble is None)
        assert [rule.name for rule in client.rules()] == ["first"]
    app.stop()
