"""Writing checkpoints: every so often, or after so much journal; endpoint by endpoint, so that the owner is never held up long."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from driftline_core.engine import Engine
from driftline_core.errors import NotFound
from driftline_server import checkpoint
from driftline_server.checkpoint import Section
from driftline_server.filesystem import Filesystem
from driftline_server.journal import Journal, MemoryJournal
from driftline_server.owner import Closed, Owner
from driftline_server.recovery import sections
from driftline_server.registry import Registry

log = structlog.get_logger(__name__)

_LOOK_S = 1.0  # how often the journal's growth is looked at


class Checkpoints:
    """A thread from start() to close(), which writes a last one."""

    def __init__(
        self,
        folder: Path,
        filesystem: Filesystem,
        registry: Registry,
        owner: Owner,
        journal: Journal | MemoryJournal,
        *,
        period_s: float,
        journal_bytes: int,
        last_section: Callable[[int], Section],
        on_written: Callable[[int], None],
    ) -> None:
        """`last_section` is asked, when the endpoints' are made, for one more at their position."""
        self._folder = folder
        self._filesystem = filesystem
        self._registry = registry
        self._owner = owner
        self._journal = journal
        self._period_s = period_s
        self._journal_bytes = journal_bytes
        self._last_section = last_section
        self._on_written = on_written
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints")
        self._written = -1

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; writes a last checkpoint, so that the next start has little to replay."""
        self._stop.set()
        self._thread.join()
        self._write()

    def _run(self) -> None:
        waited_s = 0.0
        while not self._stop.wait(min(_LOOK_S, self._period_s)):
            waited_s += min(_LOOK_S, self._period_s)
            if waited_s >= self._period_s or self._uncovered_bytes() >= self._journal_bytes:
                self._write()
                waited_s = 0.0

    def _write(self) -> None:
        """Writes a checkpoint, where anything has come since the last one; a failure is told, and the older ones stand."""
        try:
            position = self._owner.call_now(lambda engine: engine.position)
            if position <= self._written:
                return
            checkpoint.write(self._folder, self._filesystem, position, self._sections(position))
            self._written = position
            self._on_written(checkpoint.oldest_position(self._folder, self._filesystem))
        except (OSError, sqlite3.Error, Closed) as error:
            log.warning("no checkpoint could be written; tried again later", reason=str(error))
        except Exception:
            log.exception("a checkpoint failed")  # a fault of ours: said, and the next one is tried

    def _sections(self, position: int) -> Iterator[Section]:
        yield from sections(self._registry, self._save)
        yield self._last_section(position)

    def _save(self, uid: str) -> tuple[int, bytes] | None:
        def save(engine: Engine) -> tuple[int, bytes] | None:
            try:
                return engine.save(uid)
            except NotFound:
                return None

        return self._owner.call_now(save)

    def _uncovered_bytes(self) -> int:
        """What a start would have to replay, about."""
        return sum(segment.bytes for segment in self._journal.segments() if segment.last > self._written)
