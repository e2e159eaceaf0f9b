"""Where rules, alerts and messages are kept: in the store, or, for a server that keeps nothing, in memory."""

import secrets
import sqlite3
import threading
from collections.abc import Callable
from typing import TypeVar

from driftline_server.alerting.tables import create_alert_tables
from driftline_server.outbox.tables import create_held, create_outbox, index_heard
from driftline_server.store import StoreWriter
from driftline_server.store.standing import claim, create_standing

T = TypeVar("T")


class StoreLedger:
    """Changes run in the store's one writing thread, each in a transaction; the caller waits until it is on disk."""

    def __init__(self, writer: StoreWriter) -> None:
        self._writer = writer

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        return self._writer.submit(lambda store: change(store.connection), gathers=True).result()


class MemoryLedger:
    """The same tables, gone with the process, and a lineage that no other process has."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        with self._lock:
            create_outbox(self._connection)
            create_held(self._connection)
            index_heard(self._connection)
            create_alert_tables(self._connection)
            create_standing(self._connection)
            claim(self._connection, secrets.token_hex(16), snapshot_minutes=0)

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                result = change(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            return result
