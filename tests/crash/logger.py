"""A thread that logs through a Monitor and knows nothing of crashes: the monitor carries on by itself."""

import random
import threading

from tests.crash.broken import require
from tests.crash.ledger import Ledger
from tests.crash.sample import Timeline

import driftline

FLUSH_S = 60.0


class Logger:
    """Logs tables to some endpoints until it is stopped."""

    def __init__(self, address: str, ledgers: list[Ledger], timeline: Timeline, chance: random.Random) -> None:
        self._ledgers = ledgers
        self._timeline = timeline
        self._chance = chance
        self._monitors = [driftline.Monitor(address, each.name, on_full="block", buffer_bytes_max=2**22) for each in ledgers]
        self._thread = threading.Thread(target=self._run, name="logger")
        self._is_stopping = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Every row that was logged is acknowledged. The server must be up."""
        self._is_stopping = True
        self._thread.join(FLUSH_S)
        for monitor in self._monitors:
            require(monitor.flush(FLUSH_S), monitor, "holds rows back", monitor.stats)
            stats = monitor.stats
            told = (stats.acknowledged, stats.dropped, stats.rejected, stats.buffered)
            require(told == (stats.logged, 0, 0, 0), monitor, stats)

    def close(self) -> None:
        """Lets go of the connection."""
        self._is_stopping = True
        for monitor in self._monitors:
            monitor.close(1.0)

    def _run(self) -> None:
        while not self._is_stopping:
            at = self._chance.randrange(len(self._ledgers))
            portion = self._timeline.portion(self._ledgers[at].blocks, self._chance)
            self._ledgers[at].add(portion)
            self._monitors[at].log_batch(portion.batch())
