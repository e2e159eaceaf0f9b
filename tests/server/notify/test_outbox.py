"""Nothing enqueued is lost, sent early, late or under another key; in simulated time."""

import random
import sqlite3
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from tests.server.notify.building import HOUR_US, NOW_US, SECOND_US, FakeClock, FileLedger, T, counts, receiver, told

from driftline_core.errors import FailedPrecondition, NotFound
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.notification import RESOLVED, Delivery, Notification
from driftline_server.notify.receivers import Receiver
from driftline_server.outbox import outbox
from driftline_server.outbox.lane import Lane
from driftline_server.outbox.letters import letters, prune, resend
from driftline_server.outbox.limits import USUAL, Limits

OPS = receiver("ops")


@dataclass
class Wire:
    """A receiver's other end: keeps what arrives, and fails as long as it is told to."""

    clock: FakeClock
    fails: Callable[[Delivery], Exception | None] = lambda _: None
    arrived: list[tuple[int, Delivery]] = field(default_factory=list)
    tried: list[tuple[int, str]] = field(default_factory=list)

    def __call__(self, delivery: Delivery) -> None:
        self.tried.append((self.clock.at_us, delivery.key))
        error = self.fails(delivery)
        if error is not None:
            raise error
        self.arrived.append((self.clock.at_us, delivery))

    @property
    def names(self) -> list[list[str]]:
        return [[each.id for each in delivery.notifications] for _, delivery in self.arrived]

    @property
    def seconds(self) -> list[float]:
        return [(at_us - NOW_US) / SECOND_US for at_us, _ in self.arrived]


@dataclass
class World:
    """A store, a clock and one lane, run in simulated time."""

    to: Receiver = OPS
    limits: Limits = USUAL
    ledger: FileLedger = field(default_factory=FileLedger)
    clock: FakeClock = field(default_factory=FakeClock)
    wire: Wire = field(init=False)
    lane: Lane = field(init=False)

    def __post_init__(self) -> None:
        self.wire = Wire(self.clock)
        self.restart()

    def restart(self) -> None:
        self.lane = Lane(self.to, self.wire, self.ledger, self.clock, self.limits, random.Random(7))
        self.ledger.write(outbox.recover)
        self.lane.recover()

    def enqueue(self, *names: str, group: str = "g", status: str = "firing") -> None:
        def change(connection: sqlite3.Connection) -> None:
            for name in names:
                outbox.enqueue(connection, told(name, group=group, status=status, at_us=self.clock.at_us), [self.to])

        self.ledger.write(change)

    def run(self, seconds: float) -> None:
        """Lets the lane work until so many seconds from now."""
        end_us = self.clock.at_us + round(seconds * SECOND_US)
        for _ in range(100_000):
            next_us = self.lane.step()
            if next_us is None or next_us > end_us:
                self.clock.at_us = end_us
                return
            self.clock.at_us = max(self.clock.at_us, next_us)
        raise AssertionError("the lane never rests")

    def states(self) -> dict[str, int]:
        return {state: number for (_, state), number in self.ledger.write(counts).items()}


def test_the_first_of_a_group_goes_at_once_and_the_rest_together() -> None:
    world = World()
    world.enqueue("a")
    world.run(1)
    world.enqueue("b")
    world.enqueue("c", "d")
    world.run(199)
    assert world.wire.names == [["a"], ["b", "c", "d"]]
    assert world.wire.seconds == [0, 60]
    world.enqueue("e")  # the interval is over: the first of what comes next
    world.run(1)
    assert world.wire.seconds == [0, 60, 200]


def test_groups_do_not_wait_for_each_other() -> None:
    world = World()
    world.enqueue("a", group="one")
    world.enqueue("b", group="two")
    world.run(1)
    assert world.wire.names == [["a"], ["b"]]
    assert world.wire.seconds == [0, 0]


def test_enqueued_again_is_enqueued_once() -> None:
    world = World()
    world.enqueue("a")
    world.enqueue("a")
    world.run(1)
    world.enqueue("a")
    world.run(1000)
    assert world.wire.names == [["a"]]


def test_what_is_rolled_back_is_not_told() -> None:
    world = World()

    def change(connection: sqlite3.Connection) -> None:
        outbox.enqueue(connection, told("a"), [OPS])
        raise KeyError("the alert could not be saved")

    with pytest.raises(KeyError):
        world.ledger.write(change)
    world.run(1000)
    assert world.wire.names == []


def test_the_end_goes_only_to_those_who_want_it() -> None:
    world = World(receiver("ci", github={"repository": "a/b", "token": "env:T"}))
    world.enqueue("a")
    world.run(100)
    world.enqueue("a-resolved", status=RESOLVED)
    world.run(100)
    assert world.wire.names == [["a"]]


def test_down_for_an_hour_is_delivered_soon_after_with_one_key() -> None:
    world = World()
    back_us = NOW_US + HOUR_US
    world.wire.fails = lambda _: Retryable("down") if world.clock.at_us < back_us else None
    world.enqueue("a")
    world.run(600)
    world.enqueue("b")
    world.run(3000 + 200)
    assert world.wire.names == [["a"], ["b"]]
    first, second = (at_us for at_us, _ in world.wire.arrived)
    assert back_us <= first <= back_us + 60 * SECOND_US
    assert second - first <= 60 * SECOND_US
    assert len({key for _, key in world.wire.tried}) == 2
    gaps = [(b - a) / SECOND_US for (a, _), (b, _) in zip(world.wire.tried, world.wire.tried[1:], strict=False)]
    assert gaps[0] <= 1 and all(gap <= 60 for gap in gaps) and gaps[5] > 10
    assert len(world.wire.tried) < 150


def test_the_end_of_an_alert_does_not_overtake_its_beginning() -> None:
    world = World()
    world.wire.fails = lambda delivery: Retryable("no") if "a" in delivery.notifications[0].id and delivery.attempt < 9 else None
    world.enqueue("a")
    world.run(1)
    world.enqueue("a-over", status=RESOLVED)
    world.run(3600)
    assert world.wire.names == [["a"], ["a-over"]]


def test_an_end_is_told_only_to_whom_the_beginning_was() -> None:
    ledger, late = FileLedger(), receiver("late")
    ledger.write(lambda connection: outbox.enqueue(connection, told("a"), [OPS]))
    ledger.write(lambda connection: outbox.enqueue(connection, told("a-over", status=RESOLVED), [OPS, late]))
    assert [(each.receiver, each.state, each.alerts) for each in ledger.write(letters)] == [("ops", "waiting", 2)]


def test_messages_to_a_receiver_that_is_gone_are_given_up_and_what_is_in_none_waits_until_it_is_back() -> None:
    world = World()
    world.wire.fails = lambda _: Retryable("no")
    world.enqueue("a")
    world.enqueue("b", group="other")
    world.run(10)  # two messages are on their way
    world.enqueue("c")
    assert world.ledger.write(outbox.addressees) == {"ops"}
    assert world.ledger.write(lambda connection: outbox.give_up(connection, "ops", now_us=world.clock.at_us)) == 2
    found = world.ledger.write(lambda connection: letters(connection, state="dead"))
    assert {each.error for each in found} == {"there is no receiver of this name any more"}
    assert world.states() == {"dead": 2, "waiting": 1}
    assert world.ledger.write(outbox.addressees) == {"ops"}
    for each in found:  # one of them may have been under way
        world.ledger.write(lambda connection, key=each.id: outbox.settle(connection, key, OPS, now_us=world.clock.at_us))
        world.ledger.write(lambda connection, key=each.id: outbox.postpone(connection, key, until_us=0, error="no"))
    assert world.ledger.write(lambda connection: letters(connection, state="dead")) == found
    world.wire.fails = lambda _: None
    world.restart()
    for each in found:
        world.ledger.write(lambda connection, key=each.id: resend(connection, key, now_us=world.clock.at_us))
    world.run(3600)
    assert sorted(world.wire.names) == [["a"], ["b"], ["c"]]
    assert {(each.state, each.error) for each in world.ledger.write(letters)} == {("delivered", None)}


def test_what_waits_is_listed_with_when_its_message_is_made() -> None:
    world = World()
    world.enqueue("a")
    world.run(1)
    world.enqueue("b")
    waiting, sent = world.ledger.write(letters)
    assert (waiting.id, waiting.state, waiting.alerts, sent.state) == ("", "waiting", 1, "delivered")
    assert waiting.next_attempt_us == NOW_US + OPS.group_interval_us
    assert world.ledger.write(lambda connection: letters(connection, state="waiting", receiver="ops")) == [waiting]
    assert world.ledger.write(lambda connection: letters(connection, receiver="other")) == []


def test_one_message_that_is_refused_holds_up_no_other_group() -> None:
    world = World()
    world.wire.fails = lambda delivery: Retryable("no") if delivery.group == "bad" else None
    world.enqueue("bad", group="bad")
    world.run(0)
    for number in range(20):
        world.enqueue(f"n{number}", group=f"g{number}")
    world.run(60)
    assert len(world.wire.arrived) == 20
    assert world.states() == {"delivered": 20, "pending": 1}


def test_a_receiver_that_asks_for_time_is_given_it() -> None:
    world = World()
    world.wire.fails = lambda delivery: Retryable("busy", retry_after_s=600) if delivery.attempt == 1 else None
    world.enqueue("a")
    world.run(599)
    assert len(world.wire.tried) == 1
    world.run(2)
    assert world.wire.names == [["a"]]


def test_after_its_age_a_message_is_a_dead_letter_and_can_be_sent_anew() -> None:
    world = World()
    world.wire.fails = lambda _: Retryable("down")
    world.enqueue("a")
    world.run(25 * 3600)
    (letter,) = world.ledger.write(letters)
    assert (letter.state, letter.error, letter.alerts) == ("dead", "down", 1)
    assert 24 * HOUR_US <= (letter.settled_us or 0) - NOW_US <= 24 * HOUR_US + 60 * SECOND_US
    world.wire.fails = lambda _: None
    world.run(3600)
    assert world.wire.names == []
    world.ledger.write(lambda connection: resend(connection, letter.id, now_us=world.clock.at_us))
    world.run(1)
    assert [delivery.key for _, delivery in world.wire.arrived] == [letter.id]
    assert {key for _, key in world.wire.tried} == {letter.id}


def test_attempts_have_an_end_too() -> None:
    world = World(limits=Limits(attempts_max=3))
    world.wire.fails = lambda _: Retryable("down")
    world.enqueue("a")
    world.run(3600)
    assert len(world.wire.tried) == 3
    assert world.states() == {"dead": 1}


def test_what_is_refused_for_good_is_dead_at_once_and_the_next_goes() -> None:
    world = World()
    world.wire.fails = lambda delivery: Permanent("answered 404") if delivery.notifications[0].id == "a" else None
    world.enqueue("a")
    world.run(1)
    world.enqueue("b")
    world.run(60)
    assert world.states() == {"dead": 1, "delivered": 1}
    assert world.wire.names == [["b"]]


def test_only_a_dead_letter_is_sent_anew() -> None:
    world = World()
    world.enqueue("a")
    world.run(1)
    (letter,) = world.ledger.write(letters)
    with pytest.raises(FailedPrecondition, match="is delivered"):
        world.ledger.write(lambda connection: resend(connection, letter.id, now_us=NOW_US))
    with pytest.raises(NotFound, match="'nope'"):
        world.ledger.write(lambda connection: resend(connection, "nope", now_us=NOW_US))


def refused_beginning(*names: str) -> World:
    """A world in which a message of these alerts was refused for good; of "a", the end was delivered since."""
    world = World()
    world.wire.fails = lambda delivery: Permanent("answered 400") if delivery.status == "firing" else None
    world.enqueue(*names)
    world.run(1)
    world.enqueue("a-over", status=RESOLVED)
    world.run(600)
    assert world.wire.names == [["a-over"]]
    world.wire.fails = lambda _: None
    return world


def test_a_beginning_does_not_follow_its_end_when_it_is_sent_anew() -> None:
    world = refused_beginning("a")
    (dead,) = world.ledger.write(lambda connection: letters(connection, state="dead"))
    (end,) = world.ledger.write(lambda connection: letters(connection, state="delivered"))
    told_why = rf"alert alert-a fires; it has ended since, as message {end.id} says \(delivered\).*nothing is left to resend"
    with pytest.raises(FailedPrecondition, match=told_why):
        world.ledger.write(lambda connection: resend(connection, dead.id, now_us=world.clock.at_us))
    world.run(600)
    assert world.wire.names == [["a-over"]]


def test_what_has_ended_is_left_out_of_what_is_sent_anew() -> None:
    world = refused_beginning("a", "b")
    (dead,) = world.ledger.write(lambda connection: letters(connection, state="dead"))
    world.ledger.write(lambda connection: resend(connection, dead.id, now_us=world.clock.at_us))
    world.run(600)
    assert world.wire.names == [["a-over"], ["b"]]
    assert [(each.count, each.key) for _, each in world.wire.arrived][1:] == [(1, dead.id)]


def test_a_beginning_of_what_is_over_untold_is_not_sent_anew() -> None:
    def over(receiver: str, alert: str) -> bool:
        return (receiver, alert) == ("ops", "alert-a")

    world = World()
    world.wire.fails = lambda delivery: Permanent("answered 400")
    world.enqueue("a")
    world.run(1)
    (dead,) = world.ledger.write(letters)
    with pytest.raises(FailedPrecondition, match="it has ended since, and would be thought to fire for good: nothing is left"):
        world.ledger.write(lambda connection: resend(connection, dead.id, now_us=world.clock.at_us, is_over=over))
    world.enqueue("a-over", status=RESOLVED)  # it waits
    world.ledger.write(lambda connection: resend(connection, dead.id, now_us=world.clock.at_us, is_over=over))


def test_an_end_that_waits_follows_its_beginning_that_is_sent_anew() -> None:
    world = World()
    world.wire.fails = lambda delivery: Permanent("answered 400")
    world.enqueue("a")
    world.run(1)
    world.wire.fails = lambda _: None
    world.enqueue("a-over", status=RESOLVED)
    (dead,) = world.ledger.write(lambda connection: letters(connection, state="dead"))
    world.ledger.write(lambda connection: resend(connection, dead.id, now_us=world.clock.at_us))
    world.run(600)
    assert world.wire.names == [["a"], ["a-over"]]


def test_a_crash_while_sending_sends_again_with_the_same_key() -> None:
    world = World()
    world.enqueue("a")

    def crash(delivery: Delivery) -> Exception:
        return KeyboardInterrupt()  # type: ignore[return-value]

    world.wire.fails = crash
    with pytest.raises(KeyboardInterrupt):
        world.lane.step()
    assert world.states() == {"sending": 1}
    world.wire.fails = lambda _: None
    world.restart()
    world.run(1)
    assert world.wire.names == [["a"]]
    assert len(world.wire.tried) == 2 and len({key for _, key in world.wire.tried}) == 1


class BrokenLedger(FileLedger):
    """A store that cannot be written to after so many changes, until it is mended."""

    left = 10**9

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        if self.left <= 0:
            raise sqlite3.OperationalError("database or disk is full")
        self.left -= 1
        return super().write(change)


def test_a_store_that_is_full_after_the_sending_makes_no_second_sending() -> None:
    ledger = BrokenLedger()
    world = World(ledger=ledger)
    world.enqueue("a")
    ledger.left = 1
    world.lane.step()
    with pytest.raises(sqlite3.OperationalError):
        world.lane.step()
    with pytest.raises(sqlite3.OperationalError):
        world.lane.step()
    ledger.left = 10**9
    world.run(10)
    assert world.wire.names == [["a"]]
    assert world.states() == {"delivered": 1}


@pytest.mark.parametrize("failing", [False, True])
def test_a_clock_that_goes_back_delays_nothing_for_long(failing: bool) -> None:
    world = World()
    world.wire.fails = lambda delivery: Retryable("down") if failing and delivery.attempt < 3 else None
    world.enqueue("a")
    world.run(5)
    world.enqueue("b")
    world.clock.at_us -= HOUR_US
    world.run(130)
    assert [name for names in world.wire.names for name in names] == ["a", "b"]


def test_ten_thousand_alerts_in_a_minute_are_few_messages_and_all_kept() -> None:
    world = World()
    for second in range(60):
        world.enqueue(*(f"n{second}-{number}" for number in range(167)))
        world.run(1)
    world.run(200)
    assert [len(names) for names in world.wire.names] == [167, *[500] * 19, 10020 - 167 - 9500]
    assert len({name for names in world.wire.names for name in names}) == 10020
    assert world.wire.seconds[:2] == [0, 60] and world.wire.seconds[-1] <= 61


def test_however_many_wait_a_lane_holds_one_message() -> None:
    world = World(ledger=FileLedger())
    arrived = []
    lane = Lane(world.to, lambda delivery: arrived.append(len(delivery.notifications)), world.ledger, world.clock)
    world.enqueue("first")
    lane.step()
    world.enqueue(*(f"n{number}" for number in range(3_000)))
    world.clock.advance(61)
    tracemalloc.start()
    while sum(arrived) < 3_001:
        lane.step()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 3e6


@pytest.mark.parametrize(
    ("to", "alone"), [(receiver("ops"), 256), (receiver("chat", slack="env:S"), 20)], ids=["machine", "people"]
)
def test_ten_thousand_groups_in_a_minute_are_a_storm_told_together(to: Receiver, alone: int) -> None:
    world = World(to)
    for second in range(60):
        for number in range(167):
            world.enqueue(f"n{second}-{number}", group=f"input drift\nm{second}-{number}")
        world.run(1)
    world.run(200)
    by_group = Counter(delivery.group for _, delivery in world.wire.arrived)
    assert sum(delivery.count for _, delivery in world.wire.arrived) == 10_020
    assert len(by_group) == alone + 1
    assert by_group["input drift"] <= 2 + 10_020 // to.size.alerts_max
    world.enqueue("later", group="input drift\nlater")
    world.run(1)
    assert world.wire.arrived[-1][1].group == "input drift\nlater"  # the storm is over


def test_the_end_of_an_alert_is_told_where_its_beginning_was() -> None:
    """Also where the beginning waits behind a storm's messages and the storm is over, so that the end cannot come first."""
    world = World(receiver("chat", slack="env:S"))
    well_us = NOW_US + 800 * SECOND_US
    world.wire.fails = lambda each: Retryable("no") if each.group == "input drift" and world.clock.at_us < well_us else None
    for number in range(22):
        world.enqueue(f"n{number}", group=f"g{number}")
    world.run(1)
    world.enqueue("n22", group="g22")
    world.run(699)
    end = replace(told("end", group="g22", status=RESOLVED, at_us=world.clock.at_us), alert="alert-n22")
    world.ledger.write(lambda connection: outbox.enqueue(connection, end, [world.to]))
    world.run(3600)
    order = [name for names in world.wire.names for name in names]
    assert order.index("n22") < order.index("end")
    assert len(order) == 24


def test_people_are_told_of_ten_thousand_in_two_messages_that_carry_few() -> None:
    world = World(receiver("chat", slack="env:S"))
    world.enqueue("first")
    world.run(1)
    world.enqueue(*(f"n{number}" for number in range(9_999)))
    world.run(60)
    assert [(delivery.count, len(delivery.notifications)) for _, delivery in world.wire.arrived] == [(1, 1), (9_999, 10)]


def test_pruning_forgets_what_is_settled_and_keeps_what_is_not() -> None:
    world = World()
    world.enqueue("a", group="one")
    world.run(1)
    world.wire.fails = lambda _: Retryable("down")
    world.enqueue("b", group="two")
    world.run(3600)
    world.ledger.write(lambda connection: prune(connection, before_us=world.clock.at_us))
    assert world.states() == {"pending": 1}
    world.wire.fails = lambda _: None
    world.run(120)
    assert world.wire.names == [["a"], ["b"]]
    world.run(120)
    world.ledger.write(lambda connection: prune(connection, before_us=world.clock.at_us))
    tables: Sequence[str] = ("notifications", "deliveries", "messages", "delivery_groups")
    assert [world.ledger.connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in tables] == [(0,)] * 4


def test_who_was_told_of_an_alert_that_lasts_longer_than_messages_are_kept_is_told_its_end() -> None:
    world = World()
    world.enqueue("a", "b")
    world.run(3600)
    world.ledger.write(lambda connection: prune(connection, before_us=world.clock.at_us, lasting=["alert-a"]))
    assert world.states() == {"delivered": 1}
    world.enqueue("a-over", "b-over", status=RESOLVED)
    world.run(3600)
    assert world.wire.names == [["a", "b"], ["a-over"]]


def test_a_notification_is_loaded_as_it_was_saved() -> None:
    original = told("a", column="naïve ☃", value=float("nan"))
    loaded = Notification.load(original.save())
    assert repr(loaded) == repr(original)
