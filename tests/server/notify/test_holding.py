"""What has been gathered, and is silenced or known before it goes out, is not told; what was told has an end."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from tests.server.notify.building import HOUR_US, NOW_US, SECOND_US, counts, receiver, told
from tests.server.notify.test_outbox import World

from driftline_server.notify.notification import RESOLVED
from driftline_server.outbox import holding, outbox
from driftline_server.outbox.letters import letters, prune

# NOW_US is 08:00 of a day, UTC.
NIGHT = receiver("night", quiet_hours="08:00-09:00", webhook="https://hooks.example.com/x")
OPS = receiver("ops")
MORNING_S = 3600
ENDPOINT = "shop/fraud/scorer:v3"


@dataclass
class Town:
    """Two lanes on one store: one with quiet hours, from now to the morning, and one without."""

    night: World = field(default_factory=lambda: World(NIGHT))
    ops: World = field(init=False)

    def __post_init__(self) -> None:
        self.ops = World(OPS, ledger=self.night.ledger, clock=self.night.clock)

    def write(self, change: Callable[[sqlite3.Connection], None]) -> None:
        self.night.ledger.write(change)

    def tell(self, name: str, endpoint: str = ENDPOINT) -> None:
        status = RESOLVED if name.endswith("-over") else "firing"
        note = told(name, status=status, at_us=self.night.clock.at_us, endpoint=endpoint, group=endpoint)
        self.write(lambda connection: outbox.enqueue(connection, note, [NIGHT, OPS]))

    def silence(self, *firing: str, endpoint: str = ENDPOINT) -> set[str]:
        alerts = {f"alert-{each}" for each in firing}
        return self.night.ledger.write(lambda connection: holding.hold(connection, lambda _, of: of == endpoint, firing=alerts))

    def unsilence(self, *still: str) -> None:
        now_us = self.night.clock.at_us
        self.write(lambda connection: holding.release(connection, lambda _, of: of in still, [NIGHT, OPS], now_us=now_us))

    def acknowledge(self, name: str) -> set[str]:
        return self.night.ledger.write(lambda connection: holding.withdraw_known(connection, f"alert-{name}"))

    def end(self, name: str) -> set[str]:
        return self.night.ledger.write(lambda connection: holding.withdraw_held(connection, f"alert-{name}"))

    def run(self, seconds: float) -> None:
        """Lets both work, one after the other, until so many seconds from now."""
        begun_us = self.night.clock.at_us
        self.ops.run(seconds)
        self.night.clock.at_us = begun_us
        self.night.run(seconds)

    @property
    def names(self) -> tuple[list[list[str]], list[list[str]]]:
        """What arrived at night's, and at ops'."""
        return self.night.wire.names, self.ops.wire.names


@pytest.fixture
def town() -> Town:
    return Town()


def test_what_was_acknowledged_or_silenced_in_quiet_hours_is_not_told_when_they_are_over(town: Town) -> None:
    for name, endpoint in (("a", "m/one"), ("b", "m/two"), ("c", "m/three")):
        town.tell(name, endpoint)
    town.night.run(60)
    town.acknowledge("a")
    town.silence("b", endpoint="m/two")
    town.night.run(MORNING_S)
    assert town.night.wire.names == [["c"]]
    town.unsilence()
    town.night.run(1)
    assert town.night.wire.names == [["c"], ["b"]]


def test_an_end_is_told_to_whom_the_beginning_was_and_to_nobody_else(town: Town) -> None:
    town.tell("a")
    town.run(1)
    town.acknowledge("a")
    town.tell("a-over")
    town.run(2 * MORNING_S)
    assert town.names == ([], [["a"], ["a-over"]])


def test_an_end_that_waits_when_a_silence_begins_is_told_after_it(town: Town) -> None:
    town.tell("a")
    town.ops.run(1)
    town.tell("a-over")  # within the group interval; at night's neither was told
    town.silence()
    town.run(2 * MORNING_S)
    assert town.names == ([], [["a"]])
    town.unsilence()
    town.run(1)
    assert town.names == ([], [["a"], ["a-over"]])


@pytest.mark.parametrize("went", [False, True])
def test_whose_beginning_went_to_nobody_is_said(town: Town, went: bool) -> None:
    for name in "abc":
        town.tell(name)
    if went:
        town.ops.run(60)
    assert town.acknowledge("a") == (set() if went else {"alert-a"})
    assert town.silence("c") == (set() if went else {"alert-b"})
    assert town.end("c") == (set() if went else {"alert-c"})
    assert town.acknowledge("a") == town.silence() == town.end("c") == set()


def test_what_ended_while_it_was_held_was_never_told(town: Town) -> None:
    town.tell("a")
    town.ops.run(1)
    town.silence("a")
    town.end("a")
    town.run(2 * MORNING_S)
    town.unsilence()
    town.tell("a-over")  # as the lifecycle does: it was told of
    town.run(2 * MORNING_S)
    assert town.names == ([], [["a"], ["a-over"]])


def test_what_fired_and_ended_in_quiet_hours_is_told_as_ever_where_no_silence_was(town: Town) -> None:
    town.tell("a")
    town.end("a")
    town.tell("a-over")
    town.night.run(2 * MORNING_S)
    assert town.night.wire.names == [["a", "a-over"]]


def test_what_another_silence_covers_stays_held(town: Town) -> None:
    town.tell("a")
    town.silence("a")
    town.unsilence(ENDPOINT)
    town.run(2 * MORNING_S)
    assert town.names == ([], [])
    town.unsilence()
    town.run(1)
    assert town.names == ([["a"]], [["a"]])


def test_what_is_held_keeps_back_nothing_else_of_a_storms_group(town: Town) -> None:
    for name, endpoint in (("a", "m/one"), ("b", "m/two")):
        note = replace(told(name, endpoint=endpoint, group="storm"))
        town.write(lambda connection, note=note: outbox.enqueue(connection, note, [OPS]))
    town.silence("a", endpoint="m/one")
    town.ops.run(600)
    town.unsilence()
    town.ops.run(1)
    assert town.ops.wire.names == [["b"], ["a"]]


def test_what_is_on_its_way_is_not_taken_back(town: Town) -> None:
    town.tell("a")
    town.ops.wire.fails = lambda _: KeyboardInterrupt()  # type: ignore[assignment,return-value]
    with pytest.raises(KeyboardInterrupt):
        town.ops.lane.step()
    town.ops.wire.fails = lambda _: None
    assert town.acknowledge("a") == town.silence() == set()
    town.ops.restart()
    town.ops.run(1)
    assert town.ops.wire.names == [["a"]]


def test_what_is_released_keeps_the_interval_of_its_group(town: Town) -> None:
    town.tell("a")
    town.ops.run(1)
    town.tell("b")
    town.silence("a", "b")
    town.ops.run(9)
    town.unsilence()
    town.tell("c")
    town.ops.run(600)
    assert town.ops.wire.names == [["a"], ["b", "c"]]
    assert town.ops.wire.seconds == [0, 60]


def test_what_is_held_is_listed_as_waiting_for_no_moment(town: Town) -> None:
    town.tell("a")
    town.silence("a")
    assert [(each.state, each.next_attempt_us) for each in town.ops.ledger.write(letters)] == [("waiting", None)] * 2
    assert town.ops.ledger.write(counts) == {("night", "waiting"): 1, ("ops", "waiting"): 1}
    assert town.ops.lane.step() is None  # and nobody looks again and again whether it may go


def test_what_is_held_for_a_receiver_that_is_gone_is_told_when_it_is_back(town: Town) -> None:
    town.tell("a")
    town.silence("a")
    assert town.night.ledger.write(lambda connection: outbox.give_up(connection, "ops", now_us=NOW_US)) == 0
    now_us = town.night.clock.at_us
    town.write(lambda connection: holding.release(connection, lambda *_: False, [NIGHT], now_us=now_us))
    town.ops.restart()
    town.ops.run(1)
    assert town.ops.wire.names == [["a"]]


@pytest.mark.parametrize("there", [{"night"}, {"night", "ops"}])
def test_what_waits_for_one_who_is_out_and_ends_is_withdrawn_from_it_alone(town: Town, there: set[str]) -> None:
    town.tell("a")
    assert town.night.ledger.write(lambda connection: holding.withdraw_absent(connection, "alert-a", there)) == set()
    town.tell("a-over")
    town.run(2 * MORNING_S)
    assert town.names == ([["a", "a-over"]], [["a", "a-over"]] if "ops" in there else [])


def test_what_was_withdrawn_from_all_who_are_out_was_told_to_nobody(town: Town) -> None:
    town.tell("a")
    assert town.night.ledger.write(lambda connection: holding.withdraw_absent(connection, "alert-a", ())) == {"alert-a"}


def test_an_end_waits_in_its_beginnings_group_for_one_who_is_out_and_comes_once(town: Town) -> None:
    town.tell("a")
    town.ops.run(1)
    for _ in range(2):
        over = told("a-over", status=RESOLVED, at_us=town.ops.clock.at_us, endpoint=ENDPOINT, group=ENDPOINT)
        town.write(lambda connection, over=over: outbox.enqueue(connection, over, [NIGHT]))
    town.ops.restart()
    town.ops.run(600)
    assert town.ops.wire.names == [["a"], ["a-over"]]


def test_what_has_waited_too_long_for_one_who_is_out_is_forgotten_and_nothing_else(town: Town) -> None:
    town.tell("a")
    town.silence("a")
    town.night.clock.advance(60)
    town.tell("b")
    before_us = town.night.clock.at_us
    assert town.night.ledger.write(lambda connection: holding.forget(connection, receiver="ops", before_us=before_us)) == 1
    assert town.night.ledger.write(lambda connection: holding.forget(connection, receiver="ops", before_us=before_us)) == 0
    town.unsilence()
    town.run(2 * MORNING_S)
    assert town.names == ([["a", "b"]], [["b"]])


def test_a_group_of_which_all_was_withdrawn_is_forgotten_in_time(town: Town) -> None:
    town.tell("a")
    town.acknowledge("a")
    town.write(lambda connection: prune(connection, before_us=NOW_US + HOUR_US + SECOND_US))
    tables = ("delivery_groups", "notifications")
    assert [town.ops.ledger.connection.execute(f"SELECT count(*) FROM {each}").fetchone() for each in tables] == [(0,)] * 2
