"""One receiver's way out: one message at a time, in memory only that one; the queue is the store."""

import random
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from driftline_server.clock import Clock
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders import Sender
from driftline_server.outbox import outbox
from driftline_server.outbox.ledger import Ledger
from driftline_server.outbox.limits import USUAL, Limits

log = structlog.get_logger(__name__)

Outcome = Retryable | Permanent | None


@dataclass(slots=True)
class Lane:
    """Sends to one receiver. After a failure the whole lane rests: where one message does not arrive, the next would not either."""

    receiver: Receiver
    send: Sender
    ledger: Ledger
    clock: Clock
    limits: Limits = USUAL
    chance: random.Random = field(default_factory=random.Random)
    _failures: int = 0
    _rests_until_us: int = 0
    _seen_us: int = 0
    # Sent, and the store could not yet be told.
    _unsettled: tuple[Delivery, Outcome] | None = None

    def step(self) -> int | None:
        """Sends at most one message; returns when to be called again, in epoch microseconds, or None: when something is enqueued.

        Raises what the store raises; called again it goes on where it was, and sends nothing twice for that.
        """
        now_us = self.clock.now_us()
        if not self._seen_us <= now_us:
            self._rests_until_us = 0
            self._hasten(now_us)
        self._seen_us = now_us
        if self._unsettled is not None:
            self._settle(*self._unsettled)
        if now_us < self._rests_until_us:
            return self._rests_until_us
        delivery = self.ledger.write(lambda connection: outbox.claim(connection, self.receiver, now_us=now_us))
        if delivery is None:
            return self.ledger.write(lambda connection: outbox.next_due_us(connection, self.receiver.name))
        outcome = self._attempt(delivery)
        self._unsettled = (delivery, outcome)
        self._settle(delivery, outcome)
        return max(now_us, self._rests_until_us)

    def recover(self) -> None:
        """Before the first step of a process."""
        self._seen_us = self.clock.now_us()
        self._hasten(self._seen_us)

    def _hasten(self, now_us: int) -> None:
        delay_max_us = self.limits.delay_max_us
        self.ledger.write(lambda connection: outbox.hasten(connection, self.receiver, now_us=now_us, delay_max_us=delay_max_us))

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

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        now_us = self.clock.now_us()
        match outcome:
            case None:
                self._close(delivery, now_us, None)
                if self._failures:
                    log.info("messages arrive again", receiver=self.receiver.name)
                self._failures = 0
            case Permanent():
                self._close(delivery, now_us, outcome.reason)
            case Retryable():
                self._postpone(delivery, now_us, outcome)
        self._unsettled = None

    def _postpone(self, delivery: Delivery, now_us: int, outcome: Retryable) -> None:
        failures = self._failures + 1
        rest_us = self.limits.delay_us(failures, self.chance, retry_after_s=outcome.retry_after_s)
        wait_us = self.limits.delay_us(delivery.attempt, self.chance, retry_after_s=outcome.retry_after_s)
        if self._is_given_up(delivery, now_us):
            self._close(delivery, now_us, outcome.reason)
        else:
            self.ledger.write(
                lambda connection: outbox.postpone(connection, delivery.key, until_us=now_us + wait_us, error=outcome.reason)
            )
        if self._failures == 0:
            log.warning("a message did not arrive; it is tried again", receiver=self.receiver.name, reason=outcome.reason)
        self._failures, self._rests_until_us = failures, now_us + rest_us

    def _is_given_up(self, delivery: Delivery, now_us: int) -> bool:
        return delivery.attempt >= self.limits.attempts_max or now_us - delivery.since_us >= self.limits.age_max_us

    def _close(self, delivery: Delivery, now_us: int, error: str | None) -> None:
        self.ledger.write(lambda connection: outbox.settle(connection, delivery.key, self.receiver, now_us=now_us, error=error))
        if error is not None:
            log.error("a message was given up", receiver=self.receiver.name, message=delivery.key, reason=error)
