"""Where rules, alerts and messages are kept: in the store, or, for a server that keeps nothing, in memory."""

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from driftline_server.alerting.turns import NOTHING_CHANGED, not_now
from driftline_server.store import StoreWriter
from driftline_server.store.alert_tables import create_alert_tables
from driftline_server.store.outbox_tables import create_held, create_outbox, index_heard
from driftline_server.store.standing import claim, create_standing

T = TypeVar("T")

_LOOK_S = 1.0  # how often who waits for an answer looks whether there can be one


class StoreLedger:
    """Changes run in the store's one writing thread, each in a transaction; the caller waits until it is on disk."""

    def __init__(self, writer: StoreWriter) -> None:
        self._writer = writer

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        return self._submit(change).result()

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment."""
        return self._writer.trouble

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """As write(), for what changes nothing and need not wait: raises ResourceExhausted where nothing can be written now."""
        answer: Future[T] | None = None
        while not self._writer.trouble:
            answer = answer or self._submit(question)
            with contextlib.suppress(TimeoutError):
                return answer.result(timeout=_LOOK_S)
        raise not_now(self._writer.trouble, NOTHING_CHANGED)

    def _submit(self, change: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        return self._writer.submit(lambda store: change(store.connection), gathers=True)


class MemoryLedger:
    """The same tables, gone with the process, and a lineage that no other process has."""

    trouble: str | None = None

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

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        return self.write(question)
