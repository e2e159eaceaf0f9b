"""Who is told: the receivers of the settings, those that clients registered, and the threads that send to them."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog

from driftline_core.alerts import Notification
from driftline_core.errors import FailedPrecondition, InvalidInput, NotFound
from driftline_server.alerting import book
from driftline_server.clock import Clock
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.quiet import quiet_until_us
from driftline_server.notify.receivers import Receiver, parse_receivers
from driftline_server.notify.senders import CHECKS, Context, sender
from driftline_server.notify.trial import trial
from driftline_server.outbox import holding, letters, outbox
from driftline_server.outbox.dispatcher import Dispatcher
from driftline_server.outbox.ledger import Ledger
from driftline_server.outbox.letters import Letter

log = structlog.get_logger(__name__)

CALLBACKS_MAX = 64


@dataclass(frozen=True, slots=True)
class Listed:
    """A receiver as it may be shown."""

    name: str
    shown: str
    is_default: bool
    is_callback: bool


class Receivers:
    """Receivers by name, from start() to stop(). Safe to call from many threads.

    A rule that names none is told to `defaults` or, where there are none, to all of the settings but those that start a pipeline:
    they must be named. Whoever registered a callback is told of every alert.
    """

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        defaults: Iterable[str],
        *,
        ledger: Ledger,
        clock: Clock,
        context: Context,
        callbacks_private: bool,
    ) -> None:
        """`callbacks_private`: callbacks may be on private and loopback addresses."""
        self._settings = dict(receivers)
        self._defaults = tuple(defaults) or tuple(name for name, each in receivers.items() if not each.starts_machines)
        for name in self._defaults:
            if name not in receivers:
                known = ", ".join(receivers) or "none"
                raise InvalidInput(f"default_receivers names {name!r}; there are {known}", field="default_receivers")
        self._callbacks: dict[str, Receiver] = {}
        self._ledger = ledger
        self._clock = clock
        self._context = context
        self._callbacks_private = callbacks_private
        self._lock = threading.Lock()
        self._dispatcher = Dispatcher({}, (), ledger=ledger, clock=clock)
        self._checking = threading.Thread(target=self._look_for_addresses, name="addresses")

    def load(self) -> None:
        """Knows the callbacks that were registered with an earlier process; what the settings do not allow is unregistered."""

        def load(connection: sqlite3.Connection) -> list[tuple[dict[str, Any], str]]:
            bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM callbacks ORDER BY name")]
            judged = [(body, self._why_not(body)) for body in bodies]
            connection.executemany("DELETE FROM callbacks WHERE name = ?", [(body["name"],) for body, why_not in judged if why_not])
            return judged

        kept = {}
        for body, why_not in self._ledger.write(load):
            if why_not:
                log.warning(f"a callback was unregistered: {why_not}", receiver=body["name"], address=body["callback"])
            else:
                kept[body["name"]] = self._callback(body)
        with self._lock:
            self._callbacks = kept | self._callbacks  # one may have been registered while this waited for the disk

    def _why_not(self, body: Mapping[str, Any]) -> str:
        """Why a callback is not called any more; empty where it is."""
        if body["name"] in self._settings:
            return "[[receivers]] has its name, and is sent what waited for it"
        try:
            self._callback(body)
        except InvalidInput as error:
            return error.reason
        return ""

    def _callback(self, body: Mapping[str, Any]) -> Receiver:
        """A callback, as far as it may go today."""
        (receiver,) = parse_receivers([{**body, "allow_private": self._callbacks_private}]).values()
        return receiver

    def start(self) -> None:
        """Sends from now on, first what an earlier process left; to be asked after load()."""
        for name in self._absent():
            self._give_up(name)
        self._dispatcher.start()
        for receiver in self.all():
            self._look_for_secrets(receiver)
            self._dispatcher.add(receiver, sender(receiver, self._context))
        self._checking.start()

    def stop(self) -> None:
        if self._checking.ident is not None:
            self._checking.join()
        self._dispatcher.stop()

    def names(self) -> list[str]:
        """The receivers that rules may name."""
        return [*self._settings, *self._callbacks]

    def all(self) -> list[Receiver]:
        """All of them."""
        return [*self._settings.values(), *self._callbacks.values()]

    def listed(self) -> list[Listed]:
        """All of them, as they may be shown."""
        return list(map(self._as_listed, self.all()))

    def gone(self, named: Iterable[str]) -> list[str]:
        """The names, of those a rule has, of which there is no receiver any more."""
        return [name for name in named if name not in self._settings and name not in self._callbacks]

    def told_of(self, notification: Notification) -> list[Receiver]:
        """Who is told that an alert fires: whom its rule names or, where none of those is there any more, the default ones. That it
        has ended is told to whoever was told of it, so all there are may be asked for."""
        if not notification.is_firing:
            return self.all()
        named = notification.alert.receivers
        there = [name for name in named if name in self._settings or name in self._callbacks]
        chosen = dict.fromkeys((*(there or self._defaults), *self._callbacks))
        return [found for name in chosen if (found := self._settings.get(name) or self._callbacks.get(name))]

    def wake(self, names: Iterable[str]) -> None:
        """Something was enqueued for them."""
        self._dispatcher.wake(names)

    def register(self, name: str, address: str) -> Listed:
        """A client's gRPC address, to be called with every alert; once more replaces it. Raises InvalidInput."""
        # A program wants each step soon; it is people for whom messages are gathered.
        body = {"name": name, "callback": address, "group_interval": "1s"}
        receiver = self._callback(body)
        with self._lock:
            if name in self._settings:
                raise InvalidInput(f"receiver {name!r} is in the server's settings; take another name", field="name")
            if name not in self._callbacks and len(self._callbacks) >= CALLBACKS_MAX:
                raise InvalidInput(f"at most {CALLBACKS_MAX} callbacks are kept; unregister one first", field="name")
            self._ledger.write(
                lambda connection: connection.execute(
                    "INSERT OR REPLACE INTO callbacks (name, body) VALUES (?, ?)", (name, json.dumps(body))
                )
            )
            self._callbacks[name] = receiver
            self._dispatcher.add(receiver, sender(receiver, self._context))
        return self._as_listed(receiver)

    def unregister(self, name: str) -> None:
        """Calls it no more. Raises NotFound."""
        with self._lock:
            if name not in self._callbacks:
                raise NotFound(f"no callback {name!r} is registered", field="name")
            self._ledger.write(lambda connection: connection.execute("DELETE FROM callbacks WHERE name = ?", (name,)))
            del self._callbacks[name]
            self._dispatcher.remove(name)
        self._give_up(name)

    def test(self, name: str) -> str:
        """Sends a test message and waits; returns an empty text, or why it did not arrive. Raises NotFound."""
        receiver = self._settings.get(name) or self._callbacks.get(name)
        if receiver is None:
            raise NotFound(f"no receiver {name!r}; there are {', '.join(self.names()) or 'none'}", field="receiver")
        try:
            sender(receiver, self._context)(trial(receiver, now_us=self._clock.now_us()))
        except (Retryable, Permanent) as error:
            return error.reason
        return ""

    def letters(self, *, state: str | None, receiver: str | None) -> list[Letter]:
        """What waits, then messages, the newest first."""
        found = self._ledger.write(lambda connection: letters.letters(connection, state=state, receiver=receiver))
        now_us = self._clock.now_us()
        quiet = {each.name: quiet_until_us(each.quiet_hours, now_us) for each in self.all()}
        return [_after(each, quiet[each.receiver]) if each.receiver in quiet else _forlorn(each) for each in found]

    def resend(self, key: str) -> None:
        """Tries a dead letter anew. Raises NotFound, FailedPrecondition."""

        def resend(connection: sqlite3.Connection) -> str:
            keeping = {each.name for each in self.all() if each.keeps_firing}
            name = letters.resend(
                connection,
                key,
                now_us=self._clock.now_us(),
                is_over=lambda receiver, alert: receiver in keeping and book.is_over(connection, alert),
            )
            if name not in self.names():  # within the transaction: one that goes after it gives its messages up anew
                raise FailedPrecondition(
                    f"message {key} is for receiver {name!r}, which no longer exists: register the callback again, or add"
                    " [[receivers]] of that name to the settings and restart the server; then resend it",
                    field="id",
                )
            return name

        self.wake([self._ledger.write(resend)])

    def _look_for_secrets(self, receiver: Receiver) -> None:
        for reference in receiver.references:
            try:
                reference.reveal()
            except Retryable as error:
                log.warning("messages to a receiver will wait", receiver=receiver.name, reason=error.reason)

    def _look_for_addresses(self) -> None:
        """In a thread of its own: what knows them takes a while to load, for which no start should wait."""
        for receiver in self._settings.values():
            try:
                if check := CHECKS.get(type(receiver.channel)):
                    check(receiver.channel)
            except Permanent as error:
                log.warning("messages to a receiver will be given up", receiver=receiver.name, reason=error.reason)
            except Retryable:
                pass  # a secret that is not there yet, which was told

    def _give_up(self, name: str) -> None:
        given_up = self._ledger.write(lambda connection: outbox.give_up(connection, name, now_us=self._clock.now_us()))
        if given_up:
            log.warning("messages to a receiver that is there no more were given up", receiver=name, messages=given_up)

    def prune(self, before_us: int, lasting: Iterable[str]) -> None:
        """Forgets messages that were settled before, but those on alerts that last; and what has waited for who is not there."""
        for name in self._absent():
            forgotten = self._ledger.write(partial(holding.forget, receiver=name, before_us=before_us))
            if forgotten:
                log.warning(
                    "what waited for a receiver that is there no more was forgotten", receiver=name, notifications=forgotten
                )
        self._ledger.write(lambda connection: letters.prune(connection, before_us=before_us, lasting=lasting))

    def _as_listed(self, receiver: Receiver) -> Listed:
        return Listed(receiver.name, receiver.shown, receiver.name in self._defaults, receiver.name not in self._settings)

    def _absent(self) -> list[str]:
        """Of whom there is something to tell, and who are not there."""
        return sorted(self._ledger.write(outbox.addressees) - set(self.names()))


def _forlorn(letter: Letter) -> Letter:
    """A letter for a receiver that is not there."""
    if letter.state != "waiting":
        return letter
    return replace(letter, next_attempt_us=None, error="there is no receiver of this name; it waits for one")


def _after(letter: Letter, quiet_until_us: int | None) -> Letter:
    """A letter that goes out in quiet hours goes out at their end."""
    if quiet_until_us is None or letter.next_attempt_us is None or letter.state not in ("waiting", "pending"):
        return letter
    return replace(letter, next_attempt_us=max(letter.next_attempt_us, quiet_until_us))
