"""The threads that send: one a receiver, so that a slow one delays nobody else; woken when something is enqueued."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from driftline_server.clock import Clock
from driftline_server.notify.exchange import PATIENCE
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders import Sender
from driftline_server.outbox import outbox
from driftline_server.outbox.lane import Lane
from driftline_server.outbox.ledger import Ledger
from driftline_server.outbox.limits import USUAL, Limits

log = structlog.get_logger(__name__)

# A thread looks at the clock at least so often: it may have been set.
_WAIT_MAX_S = 30.0
# After the store refused to be written.
_STORE_REST_S = 2.0


class Dispatcher:
    """Sends what is in the outbox, from start() to stop()."""

    def __init__(
        self,
        senders: Mapping[str, Sender],
        receivers: Iterable[Receiver],
        *,
        ledger: Ledger,
        clock: Clock,
        limits: Limits = USUAL,
    ) -> None:
        self._ledger = ledger
        self._stopping = threading.Event()
        self._workers = {
            receiver.name: _Worker(Lane(receiver, senders[receiver.name], ledger, clock, limits), self._stopping)
            for receiver in receivers
        }

    def start(self) -> None:
        """Takes up what an earlier process left, and sends from now on."""
        self._ledger.write(outbox.recover)
        for worker in self._workers.values():
            worker.lane.recover()
            worker.thread.start()

    def wake(self, receivers: Iterable[str] | None = None) -> None:
        """Called after a commit that enqueued something, for these receivers or for all; never waits."""
        for name in self._workers if receivers is None else receivers:
            if name in self._workers:
                self._workers[name].woken.set()

    def stop(self, *, timeout_s: float = PATIENCE.total_s + 1) -> None:
        """Begins nothing more and waits for what is being sent; what is not done by then is sent again at the next start."""
        self._stopping.set()
        self.wake()
        for worker in self._workers.values():
            if worker.thread.is_alive():
                worker.thread.join(timeout_s)


@dataclass(slots=True)
class _Worker:
    lane: Lane
    stopping: threading.Event
    woken: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=f"notify {self.lane.receiver.name}", daemon=True)

    def _run(self) -> None:
        while True:
            self.woken.clear()  # before the looks: what comes after them wakes us
            if self.stopping.is_set():
                return
            self.woken.wait(self._wait_s())

    def _wait_s(self) -> float:
        try:
            next_us = self.lane.step()
        except Exception:
            log.exception("the outbox could not be read or written", receiver=self.lane.receiver.name)
            return _STORE_REST_S
        if next_us is None:
            return _WAIT_MAX_S
        return min(_WAIT_MAX_S, max(0.0, (next_us - self.lane.clock.now_us()) / 1e6))
