"""What makes counts outlive a server: journal, checkpoints and store in one data folder, opened, recovered, closed in order."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from driftline_core.engine import Engine, EngineSettings
from driftline_core.panes import MINUTE_US
from driftline_server import checkpoint, lineage
from driftline_server.archive import Archive, Bounds, Dropping, Exports, Policy, Retention, Shelf
from driftline_server.checkpoint import Checkpoint, CheckpointUnknown, Section
from driftline_server.checkpoints import Checkpoints
from driftline_server.clock import Clock
from driftline_server.config import ConfigError, Settings
from driftline_server.filesystem import Filesystem
from driftline_server.journal import Journal, JournalDamaged, JournalSettings, JournalUnknown, State
from driftline_server.lineage import PartsDiffer
from driftline_server.owner import Owner
from driftline_server.past import StoredPast
from driftline_server.recovery import Recovery
from driftline_server.registry import Registry
from driftline_server.snapshots import Snapshots
from driftline_server.store import Reader, Store, StoreError, StoreWriter
from driftline_server.store.database import FILE as DATABASE

log = structlog.get_logger(__name__)

JOURNAL, CHECKPOINTS, ARCHIVE = "journal", "checkpoints", "archive"
_UNREADABLE = (PartsDiffer, JournalDamaged, JournalUnknown, CheckpointUnknown, OSError, ValueError, sqlite3.Error)
_RELAXED_SHARE = 0.5  # of journal_bytes_max: up to it the archive has time to rest


class Durability:
    """From recover() over start() to stop()."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        engine: Engine,
        registry: Registry,
        owner: Owner,
        *,
        clock: Clock,
        filesystem: Filesystem,
        on_state: Callable[[State, str], None],
    ) -> None:
        """Takes the data folder for this process. Raises ConfigError, one line, where it cannot be had."""
        self._store = _opened(folder, filesystem)
        self._folder = folder
        self._engine = engine
        self._registry = registry
        self._owner = owner
        self._clock = clock
        self._filesystem = filesystem
        self._lineage = ""
        self._deleted: set[str] = set()  # endpoints whose deletion may not be in the database
        self._orphans: set[str] = set()  # endpoints of which the database alone knows
        self._writer = StoreWriter(self._store)
        self._snapshots = Snapshots(registry, owner, self._writer)
        owner.past = StoredPast(self._store.reader)
        owner.on_effect = self._snapshots.on_effect
        owner.ahead.journal = self._journal = Journal(
            folder / JOURNAL,
            self._filesystem,
            JournalSettings(segment_bytes=settings.journal_segment_bytes),
            deliver=owner.ahead.deliver,
            on_state=on_state,
        )
        self._archive, self.exports = self._archiving(settings, engine.settings, clock)
        self._checkpoints = Checkpoints(
            folder / CHECKPOINTS,
            self._filesystem,
            registry,
            owner,
            period_s=settings.checkpoint_seconds,
            journal_bytes=settings.checkpoint_bytes,
            last_section=self._mark,
            on_written=self._on_checkpoint,
        )

    @property
    def writer(self) -> StoreWriter:
        """The store's one writing thread, for what other rooms keep there."""
        return self._writer

    @property
    def reader(self) -> Reader:
        """Closed hours, to be asked from any thread."""
        return self._store.reader

    def recover(self, progress: Callable[[int, int], None]) -> None:
        """Brings the engine and the registry to where the last life ended. Raises ConfigError where that cannot be read."""
        recovery = Recovery(self._engine, self._registry, self._owner.past)
        began = time.monotonic()
        try:
            found = checkpoint.load(self._folder / CHECKPOINTS, self._filesystem)
            reached = self._recognise(found)
            recovery.replay(self._journal, recovery.load(found), reached, progress)
        except _UNREADABLE as error:
            self._store.close()
            raise ConfigError(f"data directory {self._folder}: {error}") from None
        self._deleted |= recovery.deleted
        if recovery.replayed or self._journal.torn_bytes:
            log.info(
                "recovered",
                seconds=round(time.monotonic() - began, 2),
                records=recovery.replayed,
                failed=recovery.failed,
                torn_bytes=self._journal.torn_bytes,
                missing=self._journal.missing,
            )

    def start(self) -> None:
        """Begins to write; the owner and the journal run."""
        self._writer.start()
        served, stored = self._registry.by_uid(), self.reader.uids()
        others = stored - served.keys()
        self._orphans = others - self._deleted
        self._snapshots.forget(others & self._deleted, self._clock.now_us())
        if self._orphans:
            log.error(
                "the database holds endpoints that the journal has lost; their hours are kept until one of that name is created; "
                "to have them served, go on from the database alone (`driftline repair --from-database`)",
                endpoints=len(self._orphans),
            )
        for uid, entry in served.items():
            registration = entry.current()
            if registration.reference.version not in {each.version for each in self.reader.references(uid)}:
                self._snapshots.on_registered(registration, registration.created_us)
        self._registry.listeners += [self._snapshots, self._archive]
        self._snapshots.resume(self._owner.call_now(lambda engine: engine.unsaved()))
        self._checkpoints.start()
        self._archive.start(spared=self._orphans)

    def stop(self) -> None:
        """Nothing more comes in: makes durable and counts what was accepted, writes a last checkpoint, and closes."""
        self._owner.rest()  # what would be closed now could not be written down
        self._journal.close()
        self._checkpoints.close()
        self._archive.close()
        self._owner.close()
        self._writer.close()
        self._store.close()

    def _recognise(self, found: Checkpoint | None) -> int:
        """The position to which the journal had come; the folder is known to be a whole, and is this server's from now on."""
        standing, mark = self._store.standing, lineage.mark_of(found)
        journal = self._folder / JOURNAL
        self._lineage = lineage.require_one(journal, self._filesystem, found, standing) or lineage.made(journal, self._filesystem)
        minutes = self._engine.settings.hour_us // MINUTE_US
        if standing.snapshot_minutes not in (0, minutes):
            raise PartsDiffer(
                f"it keeps hours of {standing.snapshot_minutes} minutes, and snapshot_minutes is {minutes}: "
                f"set snapshot_minutes = {standing.snapshot_minutes}, or name another --data DIR"
            )
        if (standing.lineage, standing.snapshot_minutes) != (self._lineage, minutes):
            self._store.claim(self._lineage, minutes)
        if lineage.lacks_newest(journal, self._filesystem, mark):
            log.error(
                "the newest file of the journal is missing: what came since the last checkpoint is counted no more", folder=journal
            )
        self._snapshots.stored = standing.position
        self._deleted = set(mark.deleted) if mark else set()
        return max(standing.position, found.reached if found else 0)

    def _mark(self, position: int) -> Section:
        """What a checkpoint says of the folder. Endpoints that the database holds, and nobody serves, are deleted there later."""
        stored = self._snapshots.stored
        gone = self.reader.uids() - self._registry.by_uid().keys() - self._orphans
        written_to = max((segment.first for segment in self._journal.segments() if not segment.is_closed), default=0)
        return lineage.Mark(self._lineage, stored, tuple(sorted(gone)), written_to).section(position)

    def _on_checkpoint(self, covered: int) -> None:
        """Two checkpoints cover the journal up to a position: what is before it will not be replayed again."""
        self._snapshots.save_producers()
        self._archive.cover(covered)

    def _archiving(self, settings: Settings, engine: EngineSettings, clock: Clock) -> tuple[Archive, Exports]:
        """What keeps rows, and what reads them again."""
        shelf = Shelf(self._folder / ARCHIVE, self._filesystem)
        policy = Policy(settings.archive, settings.archive_share, settings.archive_days)
        bounds = Bounds(engine.future_max_us, engine.retention_us)
        archive = Archive(
            shelf,
            policy,
            self._registry,
            self._journal,
            dropping=Dropping(self._journal, clock, journal_bytes_max=settings.journal_bytes_max),
            retention=Retention(shelf, policy, self._writer, hour_us=engine.hour_us, snapshot_days=settings.snapshot_days),
            clock=clock,
            bounds=bounds,
            hour_us=engine.hour_us,
            relaxed_bytes=int(_RELAXED_SHARE * settings.journal_bytes_max),
        )
        exports = Exports(
            shelf,
            policy,
            bounds=bounds,
            owner=self._owner,
            reader=self._store.reader,
            journal=self._journal,
            clock=clock,
            hour_us=engine.hour_us,
            finest_us=engine.ruler.finest_us,
            snapshot_days=settings.snapshot_days,
            unarchived=archive.dropping.unarchived,
        )
        return archive, exports


def _opened(folder: Path, filesystem: Filesystem) -> Store:
    try:
        lineage.require_database(folder / JOURNAL, folder / CHECKPOINTS, folder / DATABASE, filesystem)
        return Store.open(folder)
    except StoreError as error:
        raise ConfigError(str(error)) from None
    except (PartsDiffer, OSError) as error:
        raise ConfigError(f"data directory {folder}: {error}") from None
