"""A data folder, taken by one process: its database, journal, checkpoints and archive, and whether they are of one life."""

from collections.abc import Callable, Collection
from pathlib import Path

import structlog

from driftline_server import checkpoint, lineage
from driftline_server.checkpoint import Checkpoint
from driftline_server.config import ConfigError
from driftline_server.filesystem import Filesystem
from driftline_server.journal import Journal, JournalSettings, State
from driftline_server.lineage import ARCHIVE, CHECKPOINTS, JOURNAL, PartsDiffer
from driftline_server.past import StoredPast
from driftline_server.store import Store, StoreError
from driftline_server.store.database import FILE as DATABASE

log = structlog.get_logger(__name__)


class DataFolder:
    """Its parts, opened; the journal is not recovered yet."""

    def __init__(self, path: Path, filesystem: Filesystem, *, segment_bytes: int, on_state: Callable[[State, str], None]) -> None:
        """Takes the folder for this process. Raises ConfigError, one line, where it cannot be had."""
        self.path = path
        self.filesystem = filesystem
        self.store = _opened(path, filesystem)
        self.past = StoredPast(self.store.reader)
        self.journal = Journal(path / JOURNAL, filesystem, JournalSettings(segment_bytes=segment_bytes), on_state=on_state)
        self._lineage = ""

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    @property
    def archive(self) -> Path:
        return self.path / ARCHIVE

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that holds. Raises CheckpointUnknown, OSError."""
        return checkpoint.load(self.checkpoints, self.filesystem)

    def recognise(self, found: Checkpoint | None, minutes: int) -> int:
        """The position to which the journal had come; the folder is known to be a whole, and is this server's from now on.

        `minutes` is the length of its hours. Raises PartsDiffer, OSError.
        """
        standing, mark = self.store.standing, lineage.mark_of(found)
        journal = self.path / JOURNAL
        self._lineage = lineage.require_one(journal, self.filesystem, found, standing) or lineage.made(journal, self.filesystem)
        if standing.snapshot_minutes not in (0, minutes):
            raise PartsDiffer(
                f"it keeps hours of {standing.snapshot_minutes} minutes, and snapshot_minutes is {minutes}: "
                f"set snapshot_minutes = {standing.snapshot_minutes}, or name another --data DIR"
            )
        if (standing.lineage, standing.snapshot_minutes) != (self._lineage, minutes):
            self.store.claim(self._lineage, minutes)
        if lineage.lacks_newest(journal, self.filesystem, mark):
            log.error(
                "the newest file of the journal is missing: what came since the last checkpoint is counted no more", folder=journal
            )
        return max(standing.position, found.reached if found else 0)

    def mark(self, *, stored: int, deleted: Collection[str]) -> lineage.Mark:
        """What a checkpoint that is written now says of the folder."""
        written_to = max((segment.first for segment in self.journal.segments() if not segment.is_closed), default=0)
        return lineage.Mark(self._lineage, stored, tuple(sorted(deleted)), written_to)


def _opened(path: Path, filesystem: Filesystem) -> Store:
    try:
        lineage.require_database(path / JOURNAL, path / CHECKPOINTS, path / DATABASE, filesystem)
        return Store.open(path)
    except StoreError as error:
        raise ConfigError(str(error)) from None
    except (PartsDiffer, OSError) as error:
        raise ConfigError(f"data directory {path}: {error}") from None
