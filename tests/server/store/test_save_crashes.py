"""Wherever a process ends that saves endpoints, hours and alerts, the next finds each save whole, or not at all."""

import sqlite3
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest
from tests.server.notify.building import receiver, told
from tests.server.store.building import HOUR_US, SPEC, endpoint, hour
from tests.server.store.dying import (
    FRAME_BYTES,
    PAGE_BYTES,
    WAL,
    Dump,
    Files,
    Interrupting,
    Moments,
    dump,
    files,
    files_of_at_most,
    laid,
    torn,
    traced,
)

from driftline_core.alerts.alert import Alert, Phase, Transition
from driftline_core.alerts.changes import Changes
from driftline_core.alerts.state import AlertState
from driftline_core.alerts.steady import Steady
from driftline_core.delivery import Losses
from driftline_server.alerting.book import save_changes
from driftline_server.outbox import outbox
from driftline_server.store import Store, StoredProducer, StoredReference
from driftline_server.store.database import FILE

OPS = receiver("ops")
NAMED: dict[str, Any] = {
    "id": "a",
    "rule": "r",
    "endpoint": SPEC.name,
    "column": "",
    "event": "e",
    "severity": "high",
    "value": 0.9,
}
TIMES: dict[str, Any] = dict.fromkeys(("start_us", "end_us", "first_seen_us", "last_seen_us", "fired_us"), 1) | {
    "acknowledged_us": None,
    "resolved_us": None,
}


def alert(store: Store, phase: Phase) -> None:
    """An alert, its state, its step and what is told of it, in one transaction."""
    at = Alert(**NAMED, **TIMES, state=phase, evidence=(), summary="s", receivers=("ops",))
    changes = Changes(
        states=(AlertState("r", SPEC.name, phase=phase, id="a"),),
        alerts=(at,),
        transitions=(Transition("a", Phase.INACTIVE, phase, 1, "drift"),),
    )
    with store.atomic():
        save_changes(store.connection, changes, Steady(5, 0))
        outbox.enqueue(store.connection, told(f"a-{phase}"), [OPS])


# Each is one transaction; none depends on another but by what is stored.
SCRIPT: tuple[Callable[[Store], object], ...] = (
    lambda store: store.save_endpoint(endpoint("u")),
    lambda store: store.save_reference("u", StoredReference(1, 2, 200, b"body")),
    lambda store: store.save_hours([hour(at) for at in range(3)], closed_until_us={"u": 3 * HOUR_US}),
    lambda store: store.save_producers("u", [StoredProducer(b"p" * 16, 1, 1, Losses(), 1)]),
    lambda store: store.save_hours([hour(1, rows=60, revision=2, through=9), hour(3, rows=0)]),
    lambda store: alert(store, Phase.FIRING),
    lambda store: store.save_endpoint(endpoint("w", "a/b/c:d")),
    lambda store: store.save_hours([hour(4, uid=uid) for uid in ("u", "w")]),
    lambda store: alert(store, Phase.RESOLVED),
    lambda store: store.expire(2 * HOUR_US),
    lambda store: store.delete_endpoint("w", at_us=9),
)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Dump], Moments, list[int]]:
    """The script played once: what there was after each step of it, before every statement, and how much was synced by then."""
    moments = Moments(tmp_path_factory.mktemp("live"))
    with traced(lambda _, statement: moments.take(statement)):
        store = Store.open(moments.folder)
        moments.left.clear()
        dumps, synced = [dump(moments.folder)], [len(files(moments.folder)[WAL])]
        for act in SCRIPT:
            act(store)
            moments.step()
            synced.append(len(moments.left[-1][1][WAL]))
            dumps.append(dump_of(moments.left[-1][1], tmp_path_factory))
        store.connection.set_trace_callback(None)
    store.close()
    return dumps, moments, synced


def dump_of(left: Files, tmp_path_factory: pytest.TempPathFactory) -> Dump:
    return dump(laid(tmp_path_factory.mktemp("copy") / "data", left))


Played = tuple[list[Dump], Moments, list[int]]


def test_what_is_saved_is_whole_before_every_statement(played: Played, tmp_path_factory: pytest.TempPathFactory) -> None:
    dumps, moments, _ = played
    assert all(dumps.index(left) == done for done, left in enumerate(dumps)), "each act leaves something else"
    for done, left in moments.left:
        assert dump_of(left, tmp_path_factory) == dumps[done]


def test_a_loss_of_power_leaves_what_was_saved_and_nothing_by_halves(
    played: Played, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dumps, moments, synced = played
    reached = 0
    for size, left in torn(moments.left[-1][1]):
        if size < synced[0]:
            continue
        found = dumps.index(dump_of(left, tmp_path_factory))
        assert found == max(done for done, at in enumerate(synced) if at <= size)
        reached = max(reached, found)
    assert reached == len(SCRIPT)


def test_a_statement_that_fails_fails_its_step_and_it_may_be_done_again(
    played: Played, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dumps, moments, failures = played[0], played[1], 0
    for k in count(1):
        folder = laid(tmp_path_factory.mktemp("life") / "data", moments.left[0][1])
        store, interrupting = Store.open(folder), Interrupting(k)
        store.connection.set_trace_callback(partial(interrupting, store.connection))
        for done, act in enumerate(SCRIPT):
            try:
                act(store)
            except sqlite3.OperationalError:
                failures += 1
                assert not store.connection.in_transaction
                assert dump(folder) == dumps[done]
                act(store)
        store.close()
        assert dump(folder) == dumps[-1]
        if interrupting.seen < k:
            assert failures > 50
            return


def test_a_disk_that_fails_at_any_page_fails_a_step_and_it_may_be_done_again(
    played: Played, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (dumps, _, synced), failures = played, 0
    for size in range(synced[0], synced[-1] + FRAME_BYTES, FRAME_BYTES):
        folder = tmp_path_factory.mktemp("life")
        store = Store.open(folder)
        for done, act in enumerate(SCRIPT):
            try:
                with files_of_at_most(size):
                    act(store)
            except sqlite3.OperationalError:
                failures += 1
                assert dump(folder) == dumps[done]
                act(store)
        store.close()
        assert dump(folder) == dumps[-1]
    assert failures > 20


def test_a_checkpoint_that_ends_at_any_page_loses_nothing(played: Played, tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite copies pages from the write-ahead file to the database, and forgets that file only when all are synced."""
    dumps, moments, _ = played
    left = moments.left[-1][1]
    before, after = left[FILE], (moments.folder / FILE).read_bytes()  # after: closed, so copied whole
    assert len(after) > len(before)
    for size in range(0, len(after) + 1, PAGE_BYTES // 2):
        assert dump_of(left | {FILE: after[:size] + before[size:]}, tmp_path_factory) == dumps[-1]
