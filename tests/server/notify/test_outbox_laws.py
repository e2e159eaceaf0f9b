"""Whatever happens in whatever order, an outbox keeps its laws: arbitrary histories in simulated time."""

from contextlib import suppress
from dataclasses import replace
from itertools import count

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.server.notify.building import receiver, told
from tests.server.notify.test_outbox import World

from driftline_core.errors import FailedPrecondition
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.notification import RESOLVED, Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.outbox import holding, outbox
from driftline_server.outbox.letters import letters, prune, resend

EVENTS = st.one_of(
    st.tuples(st.just("fire"), st.integers(0, 3), st.integers(1, 4)),
    st.tuples(st.just("end"), st.integers(0, 3), st.integers(1, 4)),
    st.tuples(st.just("run"), st.sampled_from([0, 1, 30, 60, 600, 7200]), st.none()),
    st.tuples(
        st.just("fail"), st.sampled_from([Retryable("down"), Retryable("busy", retry_after_s=90), Permanent("no"), None]), st.none()
    ),
    st.tuples(st.just("crash"), st.none(), st.none()),
    st.tuples(st.just("restart"), st.none(), st.none()),
    st.tuples(st.just("set clock"), st.sampled_from([-7200, -60, -1, 86400]), st.none()),
    st.tuples(st.just("resend"), st.none(), st.none()),
    st.tuples(st.just("prune"), st.none(), st.none()),
    st.tuples(st.just("silence"), st.none(), st.none()),
    st.tuples(st.just("unsilence"), st.none(), st.none()),
    st.tuples(st.just("acknowledge"), st.integers(1, 4), st.none()),
    st.tuples(st.just("leave"), st.none(), st.none()),
    st.tuples(st.just("return"), st.none(), st.none()),
)
PLAIN = ("fire", "end", "run", "restart", "set clock")
HUSHING = ("silence", "unsilence", "acknowledge")
GOING = ("leave", "return")


class History:
    """A world in which things happen; keeps what was told. While it is silenced nothing is enqueued: the lifecycle sees to that."""

    def __init__(self, interval: str) -> None:
        self.world = World(receiver("ops", group_interval=interval))
        self.numbers = count()
        self.active: dict[str, str] = {}  # alert: its group
        self.enqueued: list[str] = []
        self.is_silenced = self.is_away = False
        self.late: dict[str, tuple[str, str]] = {}  # enqueued when the silence ends: an alert's group and status
        self.known: set[str] = set()  # acknowledged before they were told

    def happen(self, what: str, first: object, second: object) -> None:
        world = self.world
        match what, first, second:
            case "fire", int(group), int(number):
                for alert in [f"a{next(self.numbers)}" for _ in range(number)]:
                    self.active[alert] = f"g{group}"
                    self.owe(alert, f"g{group}", "firing")
            case "end", int(), int(number):
                for alert in list(self.active)[:number]:
                    self.end(alert)
            case "silence", _, _:
                self.silence()
            case "unsilence", _, _:
                self.unsilence()
            case "acknowledge", int(number), _:
                for alert in list(self.active)[:number]:
                    self.acknowledge(alert)
            case "run", int(seconds), _:
                if self.is_away:
                    world.clock.advance(seconds)
                else:
                    world.run(seconds)
            case "leave", _, _:
                self.is_away = True
                world.ledger.write(lambda connection: outbox.give_up(connection, "ops", now_us=world.clock.at_us))
            case "return", _, _:
                self.is_away = False
                world.restart()
            case "fail", error, _:
                world.wire.fails = lambda _: error  # type: ignore[assignment,return-value]
            case "crash", _, _:
                self.crash()
            case "restart", _, _:
                world.restart()
            case "set clock", int(seconds), _:
                world.clock.advance(seconds)
            case "resend", _, _:
                self.resend()
            case "prune", _, _:
                world.ledger.write(lambda connection: prune(connection, before_us=world.clock.at_us - 30 * 86400 * 10**6))

    @property
    def there(self) -> list[Receiver]:
        return [] if self.is_away else [self.world.to]

    def owe(self, alert: str, group: str, status: str) -> None:
        if self.is_silenced:
            self.late[alert] = group, status
        else:
            self.tell(alert, group, status)

    def end(self, alert: str) -> None:
        there = set() if self.is_away else {"ops"}
        self.world.ledger.write(lambda connection: holding.withdraw_held(connection, alert))
        self.world.ledger.write(lambda connection: holding.withdraw_absent(connection, alert, there))
        if self.late.pop(alert, None) is None:
            self.owe(alert, self.active[alert], RESOLVED)
        del self.active[alert]

    def silence(self) -> None:
        firing = set(self.active) - self.known
        self.world.ledger.write(lambda connection: holding.hold(connection, lambda *_: True, firing=firing))
        self.is_silenced = True

    def unsilence(self) -> None:
        world = self.world
        world.ledger.write(
            lambda connection: holding.release(connection, lambda *_: False, self.there, now_us=world.clock.at_us),
        )
        self.is_silenced = False
        for alert, (group, status) in self.late.items():
            self.tell(alert, group, status)
        self.late.clear()

    def acknowledge(self, alert: str) -> None:
        self.world.ledger.write(lambda connection: holding.withdraw_known(connection, alert))
        self.known.add(alert)
        if self.late.get(alert, ("", ""))[1] == "firing":
            del self.late[alert]

    def tell(self, alert: str, group: str, status: str) -> None:
        name = f"{alert}-{status}"
        note = replace(told(name, group=group, status=status, at_us=self.world.clock.at_us), alert=alert)
        self.world.ledger.write(lambda connection: outbox.enqueue(connection, note, self.there))
        self.enqueued.append(name)

    def crash(self) -> None:
        """The process ends while it sends, whether or not the message was taken."""
        fails, self.world.wire.fails = self.world.wire.fails, lambda _: KeyboardInterrupt()  # type: ignore[assignment,return-value]
        try:
            self.world.lane.step()
        except KeyboardInterrupt:
            self.world.restart()
        self.world.wire.fails = fails

    def resend(self) -> None:
        world = self.world
        for letter in world.ledger.write(lambda connection: letters(connection, state="dead")):
            with suppress(FailedPrecondition):  # it has ended, and that is told
                world.ledger.write(lambda connection, key=letter.id: resend(connection, key, now_us=world.clock.at_us))


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS.filter(lambda event: event[0] not in (*HUSHING, *GOING)), max_size=25), st.sampled_from(["0s", "10s", "5m"]))
def test_all_arrives_in_the_end_under_one_key_but_beginnings_of_what_is_over(
    events: list[tuple[str, object, object]], interval: str
) -> None:
    history = History(interval)
    for event in events:
        history.happen(*event)
    world = history.world
    world.wire.fails = lambda _: None
    history.resend()
    world.run(2 * 86400)
    arrived: list[Delivery] = [delivery for _, delivery in world.wire.arrived]
    keys: dict[str, set[str]] = {}
    for delivery in arrived:
        for note in delivery.notifications:
            keys.setdefault(note.id, set()).add(delivery.key)
    assert {name.replace("-firing", "-resolved") for name in set(history.enqueued) - keys.keys()} <= keys.keys()
    assert all(len(found) == 1 for found in keys.values())
    assert set(world.states()) <= {"delivered", "dead"}
    assert world.lane.step() is None


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS.filter(lambda event: event[0] in ("fire", "end", "run", "fail", "silence", "unsilence")), max_size=25))
@example(
    [("fail", Permanent("no"), None), ("fire", 0, 2), ("run", 0, None), ("fail", None, None), ("end", 0, 1), ("run", 60, None)]
)
def test_what_arrived_last_of_an_alert_that_is_over_is_its_end(events: list[tuple[str, object, object]]) -> None:
    history = History("10s")
    for event in events:
        history.happen(*event)
    world = history.world
    world.wire.fails = lambda _: None
    history.unsilence()
    history.resend()
    world.run(2 * 86400)
    last = {name.partition("-")[0]: name for names in world.wire.names for name in names}
    assert [name for alert, name in last.items() if alert not in history.active and not name.endswith(RESOLVED)] == []


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS.filter(lambda event: event[0] in (*HUSHING, *PLAIN)), max_size=25))
def test_while_it_is_silenced_or_known_that_it_fires_is_not_told(events: list[tuple[str, object, object]]) -> None:
    history = History("30s")
    for event in events:
        before = sum(map(len, history.world.wire.names))
        was_known = set(history.known)
        history.happen(*event)
        came = [name for names in history.world.wire.names for name in names][before:]
        assert not (came and history.is_silenced)
        assert not {name for name in came if name.endswith("-firing")} & {f"{alert}-firing" for alert in was_known}
    history.unsilence()
    history.world.run(86400)
    arrived = {name for names in history.world.wire.names for name in names}
    assert {alert for alert in history.active if f"{alert}-firing" not in arrived} <= history.known
    assert {name for name in arrived if name.endswith(RESOLVED) and name.replace(RESOLVED, "firing") not in arrived} == set()
    assert {each.state for each in history.world.ledger.write(letters)} <= {"delivered"}


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENTS.filter(lambda event: event[0] in PLAIN), max_size=25))
def test_where_nothing_fails_everything_arrives_once_beginnings_first(events: list[tuple[str, object, object]]) -> None:
    history = History("30s")
    for event in events:
        history.happen(*event)
    history.world.run(86400)
    order = [name for names in history.world.wire.names for name in names]
    assert sorted(order) == sorted(history.enqueued)
    for name in order:
        alert, _, status = name.partition("-")
        if status == RESOLVED:
            assert order.index(f"{alert}-firing") < order.index(name)


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS.filter(lambda event: event[0] in (*PLAIN, *HUSHING, *GOING)), max_size=25))
@example([("fire", 0, 2), ("run", 1, None), ("fire", 0, 1), ("leave", None, None), ("end", 0, 3), ("return", None, None)])
def test_who_comes_and_goes_is_told_the_end_of_just_what_it_was_told_of(events: list[tuple[str, object, object]]) -> None:
    history = History("30s")
    for event in events:
        before = len(history.world.wire.arrived)
        history.happen(*event)
        assert not (history.is_away and len(history.world.wire.arrived) > before)
    history.unsilence()
    history.happen("return", None, None)
    history.world.run(86400)
    order = [name for names in history.world.wire.names for name in names]
    assert len(set(order)) == len(order)
    begun = [name.removesuffix("-firing") for name in order if name.endswith("-firing")]
    over = [name.removesuffix(f"-{RESOLVED}") for name in order if name.endswith(RESOLVED)]
    assert set(over) == set(begun) - set(history.active)
    assert all(order.index(f"{alert}-firing") < order.index(f"{alert}-{RESOLVED}") for alert in over)
    assert {each.state for each in history.world.ledger.write(letters)} <= {"delivered"}
