"""The one thread that writes to the store: jobs in the order they came, none lost to a disk that is full for a while.

A job is a function of the Store and touches nothing else, since it runs again when its transaction could not be committed.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from driftline_core.errors import CoreError, ResourceExhausted
from driftline_server.store.database import DAMAGED, is_damaged
from driftline_server.store.folder import FileMisplaced, StoreError
from driftline_server.store.store import Store

log = structlog.get_logger(__name__)

T = TypeVar("T")

_GATHERED_MAX = 256
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MAX_S = 5.0
_PATIENCE_S = 5.0  # at the server's end, with a disk that takes nothing
# What waiting may mend: the disk is full or failing, another program holds the file.
_PASSING = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PROTOCOL,
}


@dataclass(slots=True, eq=False)
class _Job:
    run: Callable[[Store], Any]
    gathers: bool
    future: Future[Any]
    result: Any = None
    failure: Exception | None = None


class StoreWriter:
    """Writes from start() to close(); past `jobs_max` waiting jobs no more are taken."""

    def __init__(self, store: Store, *, jobs_max: int = 1024) -> None:
        self._store = store
        self._jobs_max = jobs_max
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._abandoned = threading.Event()
        self.trouble: str | None = None  # why nothing can be written at the moment
        self._patience: threading.Timer | None = None
        self._thread = threading.Thread(target=self._run, name="store")

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Callable[[Store], T], *, gathers: bool = False) -> "Future[T]":
        """Queues a job and never waits; its future is done when what it saved is on disk.

        `gathers`: it may share a transaction with its neighbours that do; if it fails, it fails alone. Raises ResourceExhausted
        when `jobs_max` jobs wait (keep what was to be saved, and submit it later), StoreError after close().
        """
        future: Future[T] = Future()
        with self._changed:
            if self._closing:
                raise StoreError("the store is closed")
            if len(self._jobs) >= self._jobs_max:
                raise ResourceExhausted(
                    f"{self._jobs_max} writes wait for the disk{f': {self.trouble}' if self.trouble else ''}",
                    retry_after_s=_BACKOFF_MAX_S,
                )
            self._jobs.append(_Job(job, gathers, future))
            self._changed.notify()
        return future

    def hasten(self, timeout_s: float = _PATIENCE_S) -> None:
        """The server ends: what the disk still does not take after a while fails with StoreError, and so does what comes later."""
        if self._patience is None:
            self._patience = threading.Timer(timeout_s, self._abandoned.set)
            self._patience.daemon = True
            self._patience.start()

    def close(self, timeout_s: float = _PATIENCE_S) -> None:
        """Writes what is queued and ends the thread; what the disk does not take until then fails with StoreError."""
        self.hasten(timeout_s)
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        if self._patience is not None:
            self._patience.cancel()

    def _run(self) -> None:
        while jobs := self._next():
            if not self._write(jobs):
                self._abandon(jobs)
                return

    def _next(self) -> list[_Job]:
        """The jobs of one transaction, left in the queue until they are done; none when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closing)
            jobs = list(self._jobs)[:_GATHERED_MAX]
        alone = next((at for at, job in enumerate(jobs) if not job.gathers), len(jobs))
        return jobs[: max(alone, 1)]

    def _write(self, jobs: list[_Job]) -> bool:
        """Runs jobs until they are committed, and says so; False where it was told to give up."""
        backoff_s = _BACKOFF_FIRST_S
        while True:
            try:
                self._attempt(jobs)
                break
            except Exception as error:
                if not _is_passing(error):
                    for job in jobs:
                        job.failure = job.failure or error
                    break
                if self.trouble is None:
                    log.error("the store cannot write and tries again", error=str(error), waiting=len(self._jobs))
                self.trouble = str(error)
            if self._abandoned.wait(backoff_s):
                return False
            backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)
        if self.trouble is not None:
            log.info("the store writes again")
            self.trouble = None
        with self._changed:
            for _ in jobs:
                self._jobs.popleft()
        for job in jobs:
            _settle(job)
        return True

    def _attempt(self, jobs: list[_Job]) -> None:
        """One transaction, or where a job runs alone whatever it makes of it. Raises only what concerns them all."""
        self._store.require_there()
        if not jobs[0].gathers:
            _run_job(jobs[0], self._store)
            return
        with self._store.atomic():
            for job in jobs:
                _run_job(job, self._store)

    def _abandon(self, jobs: list[_Job]) -> None:
        with self._changed:
            self._closing = True
            left = list(self._jobs)
            self._jobs.clear()
        log.error("writes were given up at shutdown", jobs=len(left), error=self.trouble)
        for job in left:
            job.failure = StoreError(f"not written before the server ended: {self.trouble}")
            _settle(job)


def _run_job(job: _Job, store: Store) -> None:
    job.failure = None
    try:
        with store.atomic():
            job.result = job.run(store)
    except sqlite3.IntegrityError as error:
        job.failure = error
    except (sqlite3.Error, MemoryError):
        raise  # SQLite may have rolled back the neighbours too
    except Exception as error:
        job.failure = error


def _settle(job: _Job) -> None:
    if job.failure is None:
        job.future.set_result(job.result)
        return
    if not isinstance(job.failure, CoreError | StoreError):  # an answer to the one who asked; said of all that is given up
        remedy = {"remedy": DAMAGED} if is_damaged(job.failure) else {}
        log.error("a write failed", error=repr(job.failure), **remedy)
    job.future.set_exception(job.failure)


def _is_passing(error: Exception) -> bool:
    if isinstance(error, FileMisplaced):
        return True
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING
