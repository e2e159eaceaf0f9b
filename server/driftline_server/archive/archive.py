"""The archive: a thread that turns closed segments of the journal into files of rows, gathers these, and deletes what is old.

It takes one segment at a time, the oldest first, and rests as long as it works, so that ingest and questions go before it. Where
the journal grows long it works without rest; and past the journal's maximum rows go unarchived (see Dropping).
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Collection

import structlog

from driftline_server.archive.arrived import Bounds, Wanted
from driftline_server.archive.dropping import Dropping
from driftline_server.archive.gathering import Gathering
from driftline_server.archive.policy import Policy
from driftline_server.archive.retention import Retention
from driftline_server.archive.shelf import Shelf
from driftline_server.archive.writing import SegmentWriter
from driftline_server.clock import Clock
from driftline_server.journal import Journal, JournalDamaged, Segment, SegmentReader
from driftline_server.registration import Registration
from driftline_server.registry import Registry

log = structlog.get_logger(__name__)

_LOOK_S = 1.0  # how often it is looked for closed segments
_RETRY_S = 5.0  # after the disk refused
_NICE = 5  # a little: the interpreter is shared, so that who waits for this thread should not wait long


class Stopped(Exception):
    """The server ends; what was begun is done again at the next start."""


class Archive:
    """Works from start() to close(). Listens to the registry: the rows of an endpoint go with it."""

    def __init__(
        self,
        shelf: Shelf,
        policy: Policy,
        registry: Registry,
        journal: Journal,
        *,
        dropping: Dropping,
        retention: Retention,
        clock: Clock,
        bounds: Bounds,
        hour_us: int,
        relaxed_bytes: int,
    ) -> None:
        """`relaxed_bytes`: what the journal may take before this works without rest."""
        self.shelf = shelf
        self.policy = policy
        self.dropping = dropping
        self._registry = registry
        self._journal = journal
        self._retention = retention
        self._clock = clock
        self._hour_us = hour_us
        self._relaxed_bytes = relaxed_bytes
        self._gathering = Gathering(shelf, hour_us)
        self._writer = SegmentWriter(shelf, bounds, hour_us, self._rest)
        self._changed = threading.Condition()
        self._is_stopping = False
        self._is_woken = False
        self._deleted: set[str] = set()
        self._spared: frozenset[str] = frozenset()
        self._archived = 0  # the position up to which rows are archived, or not to be
        self._worked_from_s = 0.0
        self._is_troubled = False
        self._thread = threading.Thread(target=self._run, name="archive")

    def start(self, *, spared: Collection[str] = ()) -> None:
        """`spared`: endpoints that nobody serves and that were not deleted; their rows stay."""
        self._spared = frozenset(spared)
        self._set_aside()
        self._thread.start()

    def close(self) -> None:
        """Ends the thread where it stands, and drops what is done with; the journal is closed."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        if not self._wanted():
            self._archived = max((segment.last for segment in self._journal.segments()), default=0)
        self.dropping.drop(self._archived, self._wanted)
        self.dropping.tell_rest()

    def cover(self, position: int) -> None:
        """Checkpoints hold what the journal holds up to a position."""
        self.dropping.covered = max(self.dropping.covered, position)
        self._wake()

    def on_registered(self, registration: Registration, set_us: int) -> None:
        """An endpoint has come, or a new reference: of no concern here."""

    def on_deleted(self, registration: Registration, at_us: int) -> None:
        """An endpoint was deleted."""
        with self._changed:
            self._deleted.add(registration.uid)
        self._wake()

    def _wake(self) -> None:
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    # The thread

    def _run(self) -> None:
        _step_back()
        self._find_orphans()
        wait_s = 0.0
        while not self._waits(wait_s):
            try:
                wait_s = 0.0 if self._advance() else _LOOK_S
                self._is_troubled = False
            except Stopped:
                return
            except OSError as error:
                if not self._is_troubled:
                    log.error("rows cannot be archived now, and wait in the journal", reason=str(error))
                self._is_troubled, wait_s = True, _RETRY_S
                self._archived = self.dropping.drop(self._archived, self._wanted)
            except Exception:
                log.exception("the archive failed at a step")  # a fault of ours: said, and the thread lives on
                wait_s = _RETRY_S

    def _waits(self, wait_s: float) -> bool:
        """Waits until there may be something to do; says whether to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopping or self._is_woken, timeout=wait_s)
            self._is_woken = False
            return self._is_stopping

    def _advance(self) -> bool:
        """Does what is due; says whether there may be more."""
        self._forget_deleted()
        self._retention.advance(self._clock.now_us())
        segment = next((each for each in self._journal.segments() if each.is_closed and each.last > self._archived), None)
        if segment is not None:
            self._archive(segment)
            self._archived = segment.last
        self._archived = self.dropping.drop(self._archived, self._wanted)
        return segment is not None or self._gather()

    def _gather(self) -> bool:
        """Small files become larger ones while there is nothing else to do."""
        self._worked_from_s = time.monotonic()
        before = min((segment.first for segment in self._journal.segments()), default=sys.maxsize)
        has_gathered = self._gathering.advance(self._clock.now_us(), before, self._served)
        if has_gathered:
            self._rest()
        return has_gathered

    def _served(self) -> dict[str, Registration]:
        return {uid: registration for uid, entry in self._registry.by_uid().items() if (registration := entry.registration)}

    def _archive(self, segment: Segment) -> None:
        wanted = self._wanted()
        if not wanted:
            return
        self._worked_from_s = time.monotonic()
        oldest_us = self.policy.oldest_us(self._clock.now_us(), self._hour_us)
        self.shelf.reach(segment.last)
        try:
            written = self._writer.write(SegmentReader(segment, self.shelf.filesystem), wanted, oldest_us)
        except JournalDamaged as error:
            log.error("rows of a damaged segment are not archived", reason=str(error))
            return
        self._gathering.note(written.hours)

    def _wanted(self) -> dict[str, Wanted]:
        """The endpoints whose rows are archived, by uid."""
        shares = ((registration, self.policy.share_of(registration)) for registration in self._served().values())
        return {registration.uid: Wanted(registration, share) for registration, share in shares if share > 0}

    def _rest(self) -> None:
        """Between two pieces of work: as long as the last one took, unless the journal is getting long. Raises Stopped."""
        is_long = self.dropping.journal_bytes > self._relaxed_bytes
        rest_s = 0.0 if is_long else time.monotonic() - self._worked_from_s
        with self._changed:
            if self._changed.wait_for(lambda: self._is_stopping, timeout=rest_s):
                raise Stopped
        self._worked_from_s = time.monotonic()

    def _forget_deleted(self) -> None:
        """Deletes the rows of deleted endpoints. Raises OSError: then it is tried again."""
        while self._deleted:
            uid = min(self._deleted)
            removed = self.shelf.forget(uid)
            with self._changed:
                self._deleted.discard(uid)
            if removed.hours:
                log.info("archived rows of a deleted endpoint were deleted", hours=removed.hours, bytes=removed.bytes)

    def _set_aside(self) -> None:
        """Files newer than the journal, of a folder whose other parts were put back: new rows will take their positions."""
        recovered = self._journal.recovered
        try:
            if self.shelf.reached() <= recovered:
                return
            count = self.shelf.set_aside(recovered, self._served().keys() | self._spared)
        except OSError as error:
            log.error("the archive holds rows newer than the journal, which could not be set aside", reason=str(error))
            return
        if count:
            log.error(
                "the archive was newer than the journal: files with rows that are not counted were renamed to *.aside1, and are "
                "not exported; put back archive and journal of one copy to have both",
                files=count,
            )

    def _find_orphans(self) -> None:
        """Endpoints that were deleted when the last life ended, before their rows were."""
        known = self._registry.by_uid()
        try:
            orphans = {uid for uid in self.shelf.uids() if uid not in known and uid not in self._spared}
        except OSError as error:
            log.warning("the archive cannot be looked at", reason=str(error))
            return
        with self._changed:
            self._deleted |= orphans


def _step_back() -> None:
    """Has the machine serve other threads first, where it tells threads apart."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
