"""The thread that owns the board: it looks at endpoints with news, lets time pass, and does what people ask, one after the other.

A start feeds no rule with what is replayed: one look at every endpoint follows it, which tells nothing that was told.
"""

import sqlite3
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import structlog

from driftline_core.alerts import Alert, Changes, Phase, Rule, Silence, parse
from driftline_core.engine import Totals
from driftline_core.errors import FailedPrecondition, NotFound, ResourceExhausted
from driftline_core.panes import DAY_US
from driftline_server.alerting import book
from driftline_server.alerting.book import Step
from driftline_server.alerting.kept import Kept
from driftline_server.alerting.ledger import MemoryLedger, StoreLedger
from driftline_server.alerting.receivers import Receivers
from driftline_server.alerting.turns import Turns, guarded
from driftline_server.alerting.watch import Watch
from driftline_server.clock import Clock
from driftline_server.outbox import holding
from driftline_server.registration import Registration

log = structlog.get_logger(__name__)

_CLOCK_S = 1.0  # how often time alone is looked at
_PRUNE_S = 3600.0
_REST_S = 2.0  # after the store refused


class Alerting:
    """Rules, alerts and silences of a server, from start() to stop(). Safe to call from many threads."""

    def __init__(
        self,
        watch: Watch,
        ledger: StoreLedger | MemoryLedger,
        receivers: Receivers,
        clock: Clock,
        *,
        rules: Iterable[Rule],
        evaluate_s: float,
        retention_days: int,
    ) -> None:
        self.receivers = receivers
        self._watch = watch
        self._ledger = ledger
        self._clock = clock
        self._settings_rules = {rule.name: rule for rule in rules}
        self._evaluate_us = int(evaluate_s * 1e6)
        self._retention_us = retention_days * DAY_US
        self._kept = Kept(ledger, receivers, clock, rules=self._settings_rules, served=self._served)
        self._news: set[str] = set()
        self._looked_us: dict[str, int] = {}
        self._totals: dict[str, Totals] = {}  # of the endpoints that are being looked at
        self._has_begun = self._overflows = False
        self._next_clock_us = self._next_prune_us = self._rests_until_us = 0
        self._turns = Turns("alerts", self._step, lambda: ledger.trouble)

    def start(self) -> None:
        """Takes up what was stored; every endpoint is looked at once. On a full disk that waits for room, and nobody for it."""
        self._turns.start()
        try:
            self._turns.call(self._begin)
        except ResourceExhausted as error:
            log.warning("rules are not evaluated and nobody is told yet", reason=str(error))

    def _begin(self) -> None:
        if self._has_begun:
            return
        self.receivers.load()  # before alerts end, of which callbacks are told
        self._kept.load()
        self._watch.registry.listeners.append(self)
        self._news = set(self._watch.registry.by_uid())
        self.receivers.start()
        self._has_begun = True
        if hidden := self._kept.hidden:
            log.warning(
                "rules that were made by call give way to those of the same names in the settings, while they are there",
                rules=hidden,
            )
        for rule in self._kept.board.rules():
            if gone := self.receivers.gone(rule.receivers):
                told_to = "the default ones" if len(gone) == len(rule.receivers) else "the others"
                log.warning("a rule names receivers that are there no more", rule=rule.name, receivers=gone, told_to=told_to)

    def stop(self) -> None:
        """Evaluates and sends no more; what was not told is told after the next start."""
        self._turns.stop()
        self._kept.end()
        self.receivers.stop()

    # What people ask.

    def create_rule(self, given: Mapping[str, object]) -> Rule:
        """Adds a rule and evaluates it at once. Raises InvalidInput, AlreadyExists, ResourceExhausted."""

        def create() -> Rule:
            rule = parse(given, receivers=self.receivers.names(), evaluate_us=self._evaluate_us)
            self._watch.require_column(rule)
            self._kept.board.add_rule(rule)
            self._kept.commit(Changes(), lambda connection: book.save_rule(connection, rule, self._clock.now_us()))
            self._news |= set(self._watch.registry.by_uid())
            self._looked_us.clear()
            return rule

        return self._turns.call(create)

    def rules(self) -> list[tuple[Rule, bool]]:
        """The rules, each with whether it stands in the settings (and cannot be deleted by call)."""
        return self._turns.call(lambda: [(rule, rule.name in self._settings_rules) for rule in self._kept.board.rules()])

    def delete_rule(self, name: str) -> None:
        """Deletes a rule and ends its alerts. Raises NotFound, FailedPrecondition."""

        def delete() -> None:
            if name in self._settings_rules:
                raise FailedPrecondition(f"rule {name!r} is in the server's settings; remove it there", field="name")
            changes = self._kept.board.remove_rule(name, self._clock.now_us())
            self._kept.commit(changes, lambda connection: book.delete_rule(connection, name))

        self._turns.call(delete)

    def alerts(self, *, endpoint: str | None, state: str | None, most: int) -> list[Alert]:
        """Alerts there are and were, the newest first; `endpoint` is a glob."""
        found = self._ledger.ask(lambda connection: book.find_alerts(connection, endpoint=endpoint, state=state, most=most))
        return self._as_they_are(found)

    def alert(self, id_: str) -> tuple[Alert, list[Step]]:
        """An alert and its steps. Raises NotFound."""

        def find(connection: sqlite3.Connection) -> tuple[Alert | None, list[Step]]:
            return book.find_alert(connection, id_), book.steps_of(connection, id_)

        alert, steps = self._ledger.ask(find)
        if alert is None:
            raise NotFound(f"no alert {id_!r}; list them with client.alerts() or `driftline alerts list`", field="id")
        return self._as_they_are([alert])[0], steps

    def acknowledge(self, id_: str) -> Alert:
        """Somebody has seen it. Raises NotFound, FailedPrecondition."""
        return self._moved(id_, lambda: self._kept.board.acknowledge(id_, self._clock.now_us()))

    def reset(self, id_: str) -> Alert:
        """Ends it by hand. Raises NotFound, FailedPrecondition."""
        return self._moved(id_, lambda: self._kept.board.reset(id_, self._clock.now_us()))

    def silence(self, endpoint: str, *, rule: str, duration_us: int, reason: str) -> Silence:
        """For so long nothing is told, nor what waits in the outbox. Raises ResourceExhausted."""

        def add() -> Silence:
            silence = self._kept.board.add_silence(
                uuid.uuid4().hex[:12], endpoint, rule=rule, duration_us=duration_us, reason=reason, at_us=self._clock.now_us()
            )
            firing = {each.id for each in self._kept.board.under_way().values() if each.state is Phase.FIRING}

            def begin(connection: sqlite3.Connection) -> set[str]:
                book.save_silence(connection, silence)
                return holding.hold(connection, silence.covers, firing=firing)

            self._kept.commit(Changes(), begin)
            return silence

        return self._turns.call(add)

    def silences(self) -> list[Silence]:
        """The silences there are."""
        return self._turns.call(self._kept.board.silences)

    def end_silence(self, id_: str) -> Silence:
        """Ends a silence before its time. Raises NotFound."""

        def end() -> Silence:
            silence = self._kept.board.remove_silence(id_)
            self._kept.commit_ended(Changes(), {id_})
            return silence

        return self._turns.call(end)

    def place(self) -> tuple[str, int]:
        """Where a subscriber begins that wants only what is to come: whose steps, and the number of the last."""
        return self._ledger.ask(book.place)

    def mark_of(self, sequence: int) -> str:
        """What tells a step from another of its number; empty where it is not kept."""
        return self._ledger.ask(lambda connection: book.mark_of(connection, sequence))

    def steps_after(self, sequence: int, *, timeout_s: float) -> list[Step]:
        """The next steps of all alerts; waits for some, none when the time is over."""
        return self._kept.steps_after(sequence, timeout_s=timeout_s)

    def on_registered(self, registration: Registration, set_us: int) -> None:
        """An endpoint was created, or has a new reference: it is looked at."""
        self._turns.tell(lambda: self._news.add(registration.uid))

    def on_deleted(self, registration: Registration, at_us: int) -> None:
        """An endpoint was deleted: its alerts end."""

        def forget() -> None:
            self._watch.forget(registration.uid)
            self._looked_us.pop(registration.uid, None)
            self._totals.pop(registration.uid, None)
            self._kept.commit(self._kept.board.forget_endpoint(registration.name, at_us))

        self._turns.tell(forget)

    # The thread.

    def _step(self) -> None:
        now_us = self._clock.now_us()
        if 0 < self._rests_until_us - now_us <= _REST_S * 1e6:
            return
        if not (guarded(self._begin) and guarded(lambda: self._look(now_us))):
            self._rests_until_us = now_us + int(_REST_S * 1e6)
            return
        if not 0 < self._next_clock_us - now_us <= _CLOCK_S * 1e6:
            guarded(lambda: self._pass(now_us))
            self._tell_overflow()
            self._next_clock_us = now_us + int(_CLOCK_S * 1e6)
        if not 0 < self._next_prune_us - now_us <= _PRUNE_S * 1e6:
            guarded(lambda: self._prune(now_us))
            self._next_prune_us = now_us + int(_PRUNE_S * 1e6)

    def _tell_overflow(self) -> None:
        if self._kept.board.overflow and not self._overflows:
            self._overflows = True
            log.error("no more alerts begin, so many there are: reset some, or have rules look at fewer columns")

    def _look(self, now_us: int) -> None:
        """Evaluates the rules of endpoints with news, each at most once in `evaluate_s`."""
        if not self._kept.board.rules():
            return
        self._news |= self._watch.news()
        if not self._news:
            return
        due = {uid for uid in self._news if not 0 <= now_us - self._looked_us.get(uid, 0) < self._evaluate_us}
        board = self._kept.board
        watched = [each for each in self._watch.served(due) if board.windows(each.name) or board.clock_windows(each.name)]
        self._news -= due - {each.uid for each in watched}
        self._looked_us |= dict.fromkeys((each.uid for each in watched), now_us)
        self._evaluate(watched, by_clock=False)

    def _pass(self, now_us: int) -> None:
        """Lets time pass: silences end, holds are met, silence of endpoints is noticed."""
        before = {each.id for each in self._kept.board.silences()}
        changes = self._kept.board.advance(now_us)
        ended = before - {each.id for each in self._kept.board.silences()}
        if ended:
            self._kept.commit_ended(changes, ended)
        else:
            self._kept.commit(changes)
        self._evaluate([each for each in self._watch.served() if self._kept.board.clock_windows(each.name)], by_clock=True)

    def _evaluate(self, registrations: list[Registration], *, by_clock: bool) -> None:
        """Looks at endpoints, one after the other, and has their rules take in what is seen; answers who asks in between."""
        totals = self._totals = self._watch.totals({each.uid for each in registrations})
        for registration in registrations:
            if not by_clock:
                self._news.discard(registration.uid)
            if registration.uid in totals:
                evaluate = partial(self._evaluate_one, registration, totals[registration.uid], by_clock=by_clock)
                if not guarded(evaluate):
                    self._news.add(registration.uid)  # it is looked at again, and the others now
                    self._kept.require()
            if not self._turns.answer_waiting():
                return

    def _evaluate_one(self, registration: Registration, totals: Totals, *, by_clock: bool) -> None:
        seen = self._watch.seen(self._kept.board, registration, totals, at_us=self._clock.now_us(), by_clock=by_clock)
        try:
            for observation in seen:
                self._kept.commit(self._kept.board.evaluate(observation))
        except NotFound:
            return  # it was deleted meanwhile

    def _prune(self, now_us: int) -> None:
        before_us = now_us - self._retention_us
        self._ledger.write(lambda connection: book.prune(connection, before_us))
        self.receivers.prune(before_us, self._kept.board.under_way())

    def _served(self) -> dict[str, int]:
        return {each.name: each.created_us for each in self._watch.served()}

    def _as_they_are(self, stored: list[Alert]) -> list[Alert]:
        """Alerts with the values of this moment; what has moved on since they were read stays as it was read."""
        now = self._turns.call(self._kept.board.under_way)
        return [current if (current := now.get(alert.id)) and current.state is alert.state else alert for alert in stored]

    def _moved(self, id_: str, move: Callable[[], Changes]) -> Alert:
        self._turns.call(lambda: self._kept.commit(move()))
        return self.alert(id_)[0]
