"""Alerting as a server has it, on a ledger that outlives it: what is seen is given, the time is set, what arrives is kept."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from tests.core.alerts.looking import ENDPOINT, HOUR, metric
from tests.server.notify.building import FakeClock

from driftline_core.alerts import Alert, Board, Observation, Phase, Rule
from driftline_server.alerting.alerting import Alerting
from driftline_server.alerting.ledger import MemoryLedger
from driftline_server.alerting.receivers import Receivers
from driftline_server.alerting.watch import Watch
from driftline_server.notify.channels import Callback
from driftline_server.notify.exchange import Route
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import parse_receivers
from driftline_server.notify.senders import Context
from driftline_server.outbox import outbox

UID = "u"
SLOW = Rule("slow", metric="latency_p99", above=0.2, window_us=HOUR, cooldown_us=HOUR)
# The clock begins at 08:00 UTC.
NIGHT: Mapping[str, object] = {"name": "night", "callback": "127.0.0.1:1025", "allow_private": True, "quiet_hours": "08:00-20:00"}
OPS: Mapping[str, object] = {"name": "ops", "callback": "127.0.0.1:1025", "allow_private": True, "group_interval": "0s"}


@dataclass(frozen=True)
class Endpoint:
    """What of a registration is looked at here."""

    uid: str
    name: str
    created_us: int = 0


@dataclass
class Seen:
    """In place of a watch: one endpoint, whose latency is given."""

    clock: FakeClock
    name: str = ENDPOINT
    latency: float = 0.1
    tick: int = 0
    news_: set[str] = field(default_factory=set)
    listeners: list[object] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)  # what is set is seen as a whole

    @property
    def registry(self) -> "Seen":
        return self

    def by_uid(self) -> dict[str, object]:
        return {UID: self}

    def news(self) -> set[str]:
        with self.lock:
            found, self.news_ = self.news_, set()
        return found

    def served(self, uids: Iterable[str] = (UID,)) -> list[Endpoint]:
        return [Endpoint(uid, self.name) for uid in uids]

    def totals(self, uids: Iterable[str]) -> dict[str, None]:
        return dict.fromkeys(uids)

    def seen(self, board: Board, endpoint: Endpoint, totals: None, *, at_us: int, by_clock: bool) -> Iterator[Observation]:
        if self.tick:
            yield replace(metric("latency_p99", self.latency, at_us=at_us, tick=self.tick), endpoint=endpoint.name)


@dataclass
class Post:
    """The receivers' other end: what arrived at whom."""

    is_down: bool = False
    refuses: bool = False
    arrived: list[tuple[str, str, str]] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, callback: Callback, route: Route, delivery: Delivery) -> None:
        if self.is_down:
            raise Retryable("nobody listens")
        if self.refuses:
            raise Permanent("answered 401")
        with self.changed:
            self.arrived += [(delivery.receiver, each.alert, each.status) for each in delivery.notifications]
            self.ports.append(callback.port)
            self.changed.notify_all()

    def wait(self, *wanted: tuple[str, str, str]) -> None:
        """Returns when just this has arrived, in any order."""
        with self.changed:
            assert self.changed.wait_for(lambda: sorted(self.arrived) == sorted(wanted), 20), self.arrived


class Life:
    """A store and a clock, on which one alerting after the other lives."""

    def __init__(self, *receivers: Mapping[str, object], rule: Rule = SLOW) -> None:
        self.clock = FakeClock()
        self.ledger = MemoryLedger()
        self.post = Post()
        self.seen = Seen(self.clock)
        self.rule = rule
        self.settings: list[Mapping[str, object]] = list(receivers)
        self.callbacks_private = True

    @contextmanager
    def lived(self) -> Iterator["Life"]:
        """One process."""
        known = parse_receivers(self.settings)
        context = Context(clock=self.clock, calls_back=self.post)
        receivers = Receivers(
            known, (), ledger=self.ledger, clock=self.clock, context=context, callbacks_private=self.callbacks_private
        )
        watch = cast(Watch, self.seen)
        self.alerting = Alerting(watch, self.ledger, receivers, self.clock, rules=[self.rule], evaluate_s=0.0, retention_days=30)
        self.alerting.start()
        try:
            yield self
        finally:
            self.alerting.stop()

    def settle(self) -> None:
        """Until everything that was seen is taken in: a step follows each question."""
        for _ in range(2):
            self.alerting.silences()

    def look(self, latency: float, *, after_s: float = 1.0) -> None:
        """Rows come, and are looked at."""
        self.clock.advance(after_s)
        with self.seen.lock:
            self.seen.latency, self.seen.tick, self.seen.news_ = latency, self.seen.tick + 1, {UID}
        self.settle()

    def fire(self, *, after_s: float = 1.0, arrives: bool = True) -> str:
        """An alert begins, and arrives at who is awake; returns its id."""
        self.look(0.9, after_s=after_s)
        (alert,) = self.alerts("firing")
        if arrives:
            self.arrive()
        return alert.id

    def arrive(self) -> None:
        """Until nothing is left for a receiver that is awake and there."""
        until = time.monotonic() + 20
        while "ops" in self.ledger.write(outbox.addressees) and not self.post.is_down:
            assert time.monotonic() < until, self.waiting()
            self.settle()

    def end(self, *, after_s: float = 1.0) -> None:
        """No alert fires any more."""
        self.look(0.1, after_s=after_s)
        assert self.alerts("firing") == self.alerts("acknowledged") == []

    def alerts(self, state: str) -> list[Alert]:
        return self.alerting.alerts(endpoint=None, state=str(Phase(state)), most=100)

    def pass_(self, seconds: float) -> None:
        """Lets time pass."""
        self.clock.advance(seconds)
        self.settle()
        self.alerting.receivers.wake(self.alerting.receivers.names())

    def silence(self, seconds: float = 600.0) -> str:
        return self.alerting.silence("*", rule="", duration_us=int(seconds * 1e6), reason="").id

    def waiting(self) -> list[tuple[str, str]]:
        """What is in no message yet: for whom, and which step of which alert."""

        def read(connection: Any) -> list[tuple[str, str]]:
            rows = connection.execute("SELECT receiver, notification FROM deliveries WHERE message IS NULL ORDER BY sequence")
            return list(rows.fetchall())

        return self.ledger.write(read)
