"""The threads that send: one a receiver, so that a slow one delays nobody else; woken when something is enqueued."""

import threading
from collections.abc import Callable, Iterable, Mapping
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
        self._clock = clock
        self._limits = limits
        self._lock = threading.Lock()
        self._is_stopping = False
        lanes = (Lane(receiver, senders[receiver.name], ledger, clock, limits) for receiver in receivers)
        self._workers = {lane.receiver.name: _Worker(lane, self.wake) for lane in lanes}

    def start(self) -> None:
        """Takes up what an earlier process left, and sends from now on."""
        self._ledger.write(outbox.recover)
        for worker in self._workers.values():
            worker.lane.recover()
            worker.thread.start()

    def add(self, receiver: Receiver, send: Sender) -> None:
        """Sends to one more receiver, or to one of this name instead of the one before."""
        self.remove(receiver.name)
        worker = _Worker(Lane(receiver, send, self._ledger, self._clock, self._limits), self.wake)
        worker.lane.recover()
        with self._lock:
            if not self._is_stopping:
                self._workers[receiver.name] = worker
                worker.thread.start()

    def remove(self, name: str) -> None:
        """Sends to a receiver no more; what is on its way arrives, or waits for one of this name."""
        with self._lock:
            worker = self._workers.pop(name, None)
        if worker is not None:
            worker.end()

    def wake(self, receivers: Iterable[str] | None = None) -> None:
        """Called after a commit that enqueued something, for these receivers or for all; never waits."""
        for name in list(self._workers) if receivers is None else receivers:
            if (worker := self._workers.get(name)) is not None:
                worker.woken.set()

    def stop(self, *, timeout_s: float = PATIENCE.total_s + 1) -> None:
        """Begins nothing more and waits for what is being sent; what is not done by then is sent again at the next start."""
        with self._lock:
            self._is_stopping = True
            workers = list(self._workers.values())
        for worker in workers:
            worker.end()
        for worker in workers:
            if worker.thread.is_alive():
                worker.thread.join(timeout_s)


@dataclass(slots=True)
class _Worker:
    lane: Lane
    wake: Callable[[Iterable[str]], None]
    stopping: threading.Event = field(default_factory=threading.Event)
    woken: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=f"notify {self.lane.receiver.name}", daemon=True)

    def end(self) -> None:
        """Begins nothing more."""
        self.stopping.set()
        self.woken.set()

    def _run(self) -> None:
        while True:
            self.woken.clear()  # before the looks: what comes after them wakes us
            if self.stopping.is_set():
                self._finish()
                return self.wake([self.lane.receiver.name])  # who takes its place may have waited for what it was sending
            self.woken.wait(self._wait_s())

    def _finish(self) -> None:
        try:
            self.lane.finish()
        except Exception:
            log.exception("the outbox could not be written; what was sent last is sent again", receiver=self.lane.receiver.name)

    def _wait_s(self) -> float:
        try:
            next_us = self.lane.step()
        except Exception:
            log.exception("the outbox could not be read or written", receiver=self.lane.receiver.name)
            return _STORE_REST_S
        if next_us is None:
            return _WAIT_MAX_S
        return min(_WAIT_MAX_S, max(0.0, (next_us - self.lane.clock.now_us()) / 1e6))
