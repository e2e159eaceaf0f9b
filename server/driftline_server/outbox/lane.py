"""One receiver's way out: one message at a time, in memory only that one; the queue is the store."""

import random
import sqlite3
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from driftline_server.clock import Clock
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.notification import Delivery
from driftline_server.notify.quiet import quiet_until_us
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders import Sender
from driftline_server.outbox import holding, outbox
from driftline_server.outbox.ledger import Ledger
from driftline_server.outbox.limits import USUAL, Limits

log = structlog.get_logger(__name__)

Outcome = Retryable | Permanent | None


@dataclass(slots=True)
class Lane:
    """Sends to one receiver. After a failure the whole lane rests: where one message does not arrive, the next would not either.

    What was sent is told to the store together with taking the next, in one transaction: half the commits of a busy lane.
    """

    receiver: Receiver
    send: Sender
    ledger: Ledger
    clock: Clock
    limits: Limits = USUAL
    chance: random.Random = field(default_factory=random.Random)
    _failures: int = 0
    _rests_until_us: int = 0
    _seen_us: int = 0
    # Sent or not, and the store does not know yet.
    _owed: tuple[Delivery, Outcome] | None = None

    def recover(self) -> None:
        """Before the first step of a process."""
        self._seen_us = self.clock.now_us()
        self._hasten(self._seen_us)
        if not self.receiver.resolved:
            self.ledger.write(lambda connection: holding.withdraw_ends(connection, self.receiver.name))

    def step(self) -> int | None:
        """Sends at most one message; returns when to be called again, in epoch microseconds, or None: when something is enqueued.

        Raises what the store raises; called again it goes on where it was, and sends nothing twice for that.
        """
        now_us = self.clock.now_us()
        if now_us < self._seen_us:
            self._rests_until_us = 0
            self._hasten(now_us)
        self._seen_us = now_us
        delivery, next_us = self.ledger.write(lambda connection: self._turn(connection, now_us))
        self._owed = None
        if delivery is None:
            return next_us
        outcome = self._attempt(delivery)
        self._owed = (delivery, outcome)
        self._feel(outcome)
        if outcome is not None:
            self.finish()
        return max(now_us, self._rests_until_us)

    def finish(self) -> None:
        """Tells the store what it does not know yet; after the last step."""
        if self._owed is None:
            return
        delivery, outcome = self._owed
        is_dead = self.ledger.write(lambda connection: self._settle(connection, delivery, outcome))
        self._owed = None
        if is_dead and outcome is not None:
            log.error("a message was given up", receiver=self.receiver.name, message=delivery.key, reason=outcome.reason)

    def _turn(self, connection: sqlite3.Connection, now_us: int) -> tuple[Delivery | None, int | None]:
        if self._owed is not None:
            self._settle(connection, *self._owed)
        if now_us < self._rests_until_us:
            return None, self._rests_until_us
        if (quiet_until := quiet_until_us(self.receiver.quiet_hours, now_us)) is not None:
            return None, quiet_until
        delivery = outbox.claim(connection, self.receiver, now_us=now_us)
        return delivery, outbox.next_due_us(connection, self.receiver.name) if delivery is None else None

    def _attempt(self, delivery: Delivery) -> Outcome:
        try:
            self.send(delivery)
        except (Retryable, Permanent) as error:
            return error.with_traceback(None)
        except Exception as error:  # a fault of ours: its text may hold a secret, its place does not
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            log.error("a sender failed", receiver=self.receiver.name, error=type(error).__name__, place=place)
            return Retryable(f"a fault of the server ({type(error).__name__} at {place}); please report it")
        return None

    def _feel(self, outcome: Outcome) -> None:
        """What one outcome means for the next message; a refusal for good says that the receiver is there."""
        if not isinstance(outcome, Retryable):
            if self._failures:
                log.info("messages arrive again", receiver=self.receiver.name)
            self._failures = 0
            return
        self._failures += 1
        if self._failures == 1:
            log.warning("a message did not arrive; it is tried again", receiver=self.receiver.name, reason=outcome.reason)
        self._rests_until_us = self.clock.now_us() + self._delay_us(self._failures, outcome)

    def _settle(self, connection: sqlite3.Connection, delivery: Delivery, outcome: Outcome) -> bool:
        """Writes an outcome; returns whether the message was given up."""
        now_us = self.clock.now_us()
        if isinstance(outcome, Retryable) and not self._is_given_up(delivery, now_us):
            until_us = now_us + self._delay_us(delivery.attempt, outcome)
            outbox.postpone(connection, delivery.key, until_us=until_us, error=outcome.reason)
            return False
        error = None if outcome is None else outcome.reason
        outbox.settle(connection, delivery.key, self.receiver, now_us=now_us, error=error)
        return error is not None

    def _delay_us(self, failures: int, outcome: Retryable) -> int:
        return self.limits.delay_us(failures, self.chance, retry_after_s=outcome.retry_after_s)

    def _is_given_up(self, delivery: Delivery, now_us: int) -> bool:
        return delivery.attempt >= self.limits.attempts_max or now_us - delivery.since_us >= self.limits.age_max_us

    def _hasten(self, now_us: int) -> None:
        delay_max_us = self.limits.delay_max_us
        self.ledger.write(lambda connection: outbox.hasten(connection, self.receiver, now_us=now_us, delay_max_us=delay_max_us))
