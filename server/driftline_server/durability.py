"""What makes counts outlive a server: journal, checkpoints and store in one data folder, opened, recovered, closed in order."""

import sqlite3
import time
from collections.abc import Callable

import structlog

from driftline_core.engine import Engine, EngineSettings
from driftline_core.panes import MINUTE_US
from driftline_server import lineage
from driftline_server.archive import Archive, Bounds, Dropping, Exports, Policy, Retention, Shelf
from driftline_server.checkpoint import CheckpointUnknown, Section
from driftline_server.checkpoints import Checkpoints
from driftline_server.clock import Clock
from driftline_server.config import ConfigError, Settings
from driftline_server.data_folder import DataFolder
from driftline_server.journal import JournalDamaged, JournalUnknown
from driftline_server.lineage import PartsDiffer
from driftline_server.owner import Owner
from driftline_server.recovery import Recovery
from driftline_server.registry import Registry
from driftline_server.snapshots import Snapshots
from driftline_server.store import Reader, StoreWriter

log = structlog.get_logger(__name__)

_UNREADABLE = (PartsDiffer, JournalDamaged, JournalUnknown, CheckpointUnknown, OSError, ValueError, sqlite3.Error)
_RELAXED_SHARE = 0.5  # of journal_bytes_max: up to it the archive has time to rest


class Durability:
    """From recover() over start() to stop(). The owner writes to the folder's journal."""

    def __init__(
        self, folder: DataFolder, settings: Settings, engine: Engine, registry: Registry, owner: Owner, *, clock: Clock
    ) -> None:
        self.folder = folder
        self._engine = engine
        self._registry = registry
        self._owner = owner
        self._clock = clock
        self._deleted: set[str] = set()  # endpoints whose deletion may not be in the database
        self._orphans: set[str] = set()  # endpoints of which the database alone knows
        self._writer = StoreWriter(folder.store)
        self._snapshots = Snapshots(registry, owner, self._writer)
        owner.listeners.append(self._snapshots.on_effect)
        self._archive, self.exports = self._archiving(settings, engine.settings)
        self._checkpoints = Checkpoints(
            folder.checkpoints,
            folder.filesystem,
            registry,
            owner,
            folder.journal,
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
        return self.folder.store.reader

    def recover(self, progress: Callable[[int, int], None]) -> None:
        """Brings the engine and the registry to where the last life ended. Raises ConfigError where that cannot be read."""
        folder, journal = self.folder, self.folder.journal
        recovery = Recovery(self._engine, self._registry, folder.past)
        began = time.monotonic()
        try:
            found = folder.newest()
            reached = folder.recognise(found, self._engine.settings.hour_us // MINUTE_US)
            self._snapshots.stored = folder.store.standing.position
            recovery.replay(journal, recovery.load(found), reached, progress)
        except _UNREADABLE as error:
            folder.store.close()
            raise ConfigError(f"data directory {folder.path}: {error}") from None
        mark = lineage.mark_of(found)
        self._deleted = recovery.deleted | set(mark.deleted if mark else ())
        if recovery.replayed or journal.torn_bytes:
            log.info(
                "recovered",
                seconds=round(time.monotonic() - began, 2),
                records=recovery.replayed,
                failed=recovery.failed,
                torn_bytes=journal.torn_bytes,
                missing=journal.missing,
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
        self.folder.journal.close()
        self._checkpoints.close()
        self._archive.close()
        self._owner.close()
        self._writer.close()
        self.folder.store.close()

    def _mark(self, position: int) -> Section:
        """What a checkpoint says of the folder. Endpoints that the database holds, and nobody serves, are deleted there later."""
        stored = self._snapshots.stored
        gone = self.reader.uids() - self._registry.by_uid().keys() - self._orphans
        return self.folder.mark(stored=stored, deleted=gone).section(position)

    def _on_checkpoint(self, covered: int) -> None:
        """Two checkpoints cover the journal up to a position: what is before it will not be replayed again."""
        self._snapshots.save_producers()
        self._archive.cover(covered)

    def _archiving(self, settings: Settings, engine: EngineSettings) -> tuple[Archive, Exports]:
        """What keeps rows, and what reads them again."""
        clock, journal = self._clock, self.folder.journal
        shelf = Shelf(self.folder.archive, self.folder.filesystem)
        policy = Policy(settings.archive, settings.archive_share, settings.archive_days)
        bounds = Bounds(engine.future_max_us, engine.retention_us)
        archive = Archive(
            shelf,
            policy,
            self._registry,
            journal,
            dropping=Dropping(
                journal, shelf, clock, journal_bytes_max=settings.journal_bytes_max, bounds=bounds, hour_us=engine.hour_us
            ),
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
            reader=self.reader,
            journal=journal,
            clock=clock,
            hour_us=engine.hour_us,
            finest_us=engine.ruler.finest_us,
            snapshot_days=settings.snapshot_days,
        )
        return archive, exports
