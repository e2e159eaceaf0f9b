"""What is old goes: rows of the archive, and snapshots; once an hour, and said."""

from concurrent.futures import Future

import structlog

from driftline_core.errors import CoreError
from driftline_core.panes import DAY_US, HOUR_US, floor
from driftline_server.archive.policy import Policy
from driftline_server.archive.shelf import Shelf
from driftline_server.store import StoreError, StoreWriter

log = structlog.get_logger(__name__)


class Retention:
    """Deletes what has expired, each time it is told the time."""

    def __init__(self, shelf: Shelf, policy: Policy, writer: StoreWriter, *, hour_us: int, snapshot_days: int) -> None:
        self._shelf = shelf
        self._policy = policy
        self._writer = writer
        self._hour_us = hour_us
        self._snapshot_days = snapshot_days
        self._done_us: int | None = None

    def advance(self, now_us: int) -> None:
        """Deletes, where it has not been done in this hour. Raises OSError: then it is tried again."""
        if floor(now_us, HOUR_US) == self._done_us:
            return
        removed = self._shelf.expire(self._policy.oldest_us(now_us, self._hour_us))
        if removed.hours:
            log.info(
                "archived rows were deleted: they are older than archive_days",
                hours=removed.hours,
                files=removed.files,
                bytes=removed.bytes,
                archive_days=self._policy.days,
            )
        self._expire_snapshots(now_us - self._snapshot_days * DAY_US)
        self._done_us = floor(now_us, HOUR_US)

    def _expire_snapshots(self, before_us: int) -> None:
        try:
            self._writer.submit(lambda store: store.expire(before_us)).add_done_callback(self._tell_snapshots)
        except (CoreError, StoreError) as error:
            log.warning("old snapshots wait to be deleted", reason=str(error))

    def _tell_snapshots(self, done: "Future[int]") -> None:
        if done.exception() is None and (hours := done.result()):
            days = self._snapshot_days
            log.info("snapshots were deleted: they are older than snapshot_days", hours=hours, snapshot_days=days)
