"""What the tests of notifications are made of: alerts, receivers, a clock that is set, a store that is one SQLite file."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from driftline_server.notify.notification import FIRING, Notification
from driftline_server.notify.receivers import Receiver, parse_receiver
from driftline_server.store.outbox_tables import create_held, create_outbox, index_heard

T = TypeVar("T")

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
NOW_US = 1_800_000_000 * SECOND_US


def told(name: str, *, group: str = "input drift", status: str = FIRING, at_us: int = NOW_US, **more: Any) -> Notification:
    """A notification that is as good as any other; "x-over" is of the same alert as "x"."""
    fields: dict[str, Any] = {
        "rule": "input drift",
        "endpoint": "shop/fraud/scorer:v3",
        "event": "data-drift-detected",
        "first_seen_us": NOW_US - HOUR_US,
        "last_seen_us": NOW_US,
        "start_us": NOW_US - HOUR_US,
        "end_us": NOW_US,
        "column": "amount",
        "value": 0.81,
        "summary": "amount drifted",
    }
    return Notification(name, f"alert-{name.removesuffix('-over')}", status, group=group, at_us=at_us, **(fields | more))


def receiver(name: str = "ops", **settings: Any) -> Receiver:
    """A receiver of this name, a webhook unless said."""
    channel = (
        {}
        if len(settings.keys() - {"group_interval", "allow_private", "resolved", "ca_file", "secret"})
        else {"webhook": "https://hooks.example.com/x"}
    )
    return parse_receiver({"name": name, **channel, **settings})


@dataclass(slots=True)
class FakeClock:
    """Tells the time it was set to."""

    at_us: int = NOW_US

    def now_us(self) -> int:
        return self.at_us

    def advance(self, seconds: float) -> None:
        self.at_us += round(seconds * SECOND_US)


class FileLedger:
    """One connection and one lock: every change in a transaction of its own, as the store makes it."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("PRAGMA journal_mode = WAL")
        self._lock = threading.Lock()
        if not self.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'messages'").fetchone():
            self.write(create_outbox)
            self.write(create_held)
            self.write(index_heard)

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                result = change(self.connection)
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")
            return result

    def close(self) -> None:
        self.connection.close()


def counts(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """How many messages there are by receiver and state; notifications that no message holds yet count as `waiting`."""
    rows = connection.execute(
        "SELECT receiver, state, count(*) FROM messages GROUP BY receiver, state"
        " UNION ALL SELECT receiver, 'waiting', count(*) FROM deliveries WHERE message IS NULL GROUP BY receiver"
    )
    return {(receiver, state): number for receiver, state, number in rows}
