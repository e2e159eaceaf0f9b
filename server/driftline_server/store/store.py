"""The one writing connection to `driftline.sqlite`: endpoints, references, producers and closed hours.

One thread uses it (StoreWriter is one). Whatever it saves may be saved again, and hours in any order: a crash between a save and
what its caller does next is mended by saving once more.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from driftline_core.errors import NotFound
from driftline_server.store.database import FILE, open_database
from driftline_server.store.endpoint import StoredEndpoint, StoredProducer, StoredReference, spec_json
from driftline_server.store.folder import FileMisplaced, FolderLock, lock_folder
from driftline_server.store.hour import Hour
from driftline_server.store.hours import Keys, save_hour
from driftline_server.store.reader import Reader
from driftline_server.store.standing import Standing, claim, reach, read_standing

_SAVE_ENDPOINT = """
INSERT INTO endpoints (uid, name, project, function, model, version, created_us, deleted_us, stale_after_us, spec)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (uid) DO UPDATE SET spec = excluded.spec, stale_after_us = excluded.stale_after_us
"""
_SAME_NAME = "SELECT uid, created_us FROM endpoints WHERE name = ? AND uid <> ? AND deleted_us IS NULL"
_SAVE_COLUMN = "INSERT INTO columns (endpoint_id, position, name, role, kind) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_SAVE_REFERENCE = "INSERT OR REPLACE INTO reference_versions (endpoint_id, version, set_us, rows, body) VALUES (?, ?, ?, ?, ?)"
_SAVE_PRODUCER = """
INSERT INTO producers (endpoint_id, producer_id, epoch, admitted, dropped, unconvertible, lost, last_seen_us)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (endpoint_id, producer_id) DO UPDATE SET
    epoch = excluded.epoch, admitted = excluded.admitted, dropped = excluded.dropped, unconvertible = excluded.unconvertible,
    lost = excluded.lost, last_seen_us = excluded.last_seen_us
WHERE (excluded.epoch, excluded.admitted, excluded.last_seen_us) >= (producers.epoch, producers.admitted, producers.last_seen_us)
"""
_FORGET_PRODUCERS = """
DELETE FROM producers WHERE (endpoint_id, producer_id) IN (
    SELECT endpoint_id, producer_id FROM producers
    WHERE endpoint_id = (SELECT id FROM endpoints WHERE uid = ?) AND last_seen_us < ? LIMIT ?
)
"""
_CLOSED_UNTIL = "UPDATE endpoints SET closed_until_us = max(coalesce(closed_until_us, ?1), ?1) WHERE uid = ?2"
_BEGIN_COUNT = "INSERT INTO endpoint_counts (endpoint_id, rows, through, expired, lost) VALUES (?, 0, 0, 0, 0)"
_SAVE_COUNT = """
UPDATE endpoint_counts SET rows = ?1, through = ?2
WHERE endpoint_id = (SELECT id FROM endpoints WHERE uid = ?3) AND through <= ?2 AND rows <> ?1
"""
_SAVE_LOST = """
UPDATE endpoint_counts SET lost = ?1 WHERE endpoint_id = (SELECT id FROM endpoints WHERE uid = ?2) AND lost < ?1
"""
_EXPIRE_COUNT = "UPDATE endpoint_counts SET expired = expired + ? WHERE endpoint_id = ?"
_EXPIRE = """
DELETE FROM hours WHERE id IN (
    SELECT hours.id FROM endpoints CROSS JOIN hours ON hours.endpoint_id = endpoints.id AND hours.start_us < ?1
    WHERE hours.end_us <= ?1 LIMIT ?2
) RETURNING endpoint_id, iif(profile IS NULL, 0, rows + rows_other_reference)
"""


class Store:
    """Writes; `reader` reads, from any thread."""

    def __init__(self, db: Database, lock: FolderLock, path: Path) -> None:
        self.reader = Reader(path)
        self._path = path
        self._file = path.stat()
        self._db = db
        self._lock = lock
        self._keys: dict[str, Keys | None] = {}

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Takes the data folder for this process, and makes or migrates the database in it. Raises StoreError, one line."""
        lock = lock_folder(folder)
        try:
            return cls(open_database(folder / FILE), lock, folder / FILE)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Closes the readers and the database, and gives the folder back."""
        self.reader.close()
        self._db.close()
        self._lock.release()

    def require_there(self) -> None:
        """Raises FileMisplaced where the database's name leads to another file, or to none: what is written would not be found."""
        try:
            is_there = os.path.samestat(self._path.stat(), self._file)
        except FileNotFoundError:
            is_there = False
        if not is_there:
            raise FileMisplaced(
                f"{self._path} was removed or replaced while the server ran: put that very file back, or stop the "
                "server and put back all parts of one copy"
            )

    @property
    def connection(self) -> sqlite3.Connection:
        """For what other rooms keep here, within `atomic`."""
        return self._db.conn

    @property
    def standing(self) -> Standing:
        """The folder it is part of, and how far the journal had come."""
        return read_standing(self._db.conn)

    def claim(self, lineage: str, snapshot_minutes: int) -> None:
        """It belongs to a folder from now on, and holds hours of so many minutes."""
        with self.atomic():
            claim(self._db.conn, lineage, snapshot_minutes)

    def reach(self, position: int) -> None:
        """What is saved covers the journal up to a position, which is durable there."""
        with self.atomic():
            reach(self._db.conn, position)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All that is saved inside is one transaction; within another one, a part of it that can fail alone."""
        try:
            with self._db.atomic():
                yield
        except BaseException:
            self._keys.clear()  # they may be those of rows that were rolled back
            raise

    def save_endpoint(self, endpoint: StoredEndpoint) -> None:
        """Stores an endpoint, or what its spec has become. One that was deleted stays so.

        Of two with one name the later one lives: the other was deleted before, whether that was saved already or not.
        """
        path, _, version = endpoint.name.rpartition(":")
        parts = (*path.split("/"), version)
        with self.atomic():
            later_us = None
            for uid, created_us in self._db.conn.execute(_SAME_NAME, (endpoint.name, endpoint.uid)).fetchall():
                if created_us <= endpoint.created_us:
                    self.delete_endpoint(uid, endpoint.created_us)
                else:
                    later_us = created_us
            spec = (endpoint.created_us, later_us, endpoint.spec.stale_after_us, spec_json(endpoint.spec))
            is_new = not self.holds(endpoint.uid)
            self._db.conn.execute(_SAVE_ENDPOINT, (endpoint.uid, endpoint.name, *parts, *spec))
            (id_,) = self._db.conn.execute("SELECT id FROM endpoints WHERE uid = ?", (endpoint.uid,)).fetchone()
            columns = [(id_, at, each.name, each.role, each.kind) for at, each in enumerate(endpoint.columns)]
            self._db.conn.executemany(_SAVE_COLUMN, columns)
            if is_new:
                self._db.conn.execute(_BEGIN_COUNT, (id_,))
        self._keys.pop(endpoint.uid, None)

    def delete_endpoint(self, uid: str, at_us: int) -> None:
        """Deletes what was counted for an endpoint; the endpoint itself stays as a line that says when it was deleted."""
        with self.atomic():
            self._db.conn.execute("UPDATE endpoints SET deleted_us = coalesce(deleted_us, ?) WHERE uid = ?", (at_us, uid))
            for table in ("hours", "reference_versions", "producers", "endpoint_counts"):
                self._db.conn.execute(f"DELETE FROM {table} WHERE endpoint_id = (SELECT id FROM endpoints WHERE uid = ?)", (uid,))
        self._keys.pop(uid, None)

    def save_reference(self, uid: str, reference: StoredReference) -> None:
        """Stores a version of an endpoint's reference; raises NotFound."""
        with self.atomic():
            if keys := self._keys_of(uid):
                row = (keys.endpoint_id, reference.version, reference.set_us, reference.rows, reference.body)
                self._db.conn.execute(_SAVE_REFERENCE, row)

    def save_producers(self, uid: str, producers: Sequence[StoredProducer]) -> None:
        """Stores what is known of an endpoint's producers; what is older than what is stored is passed over. Raises NotFound."""
        with self.atomic():
            if keys := self._keys_of(uid):
                rows = [_producer_row(keys, producer) for producer in producers]
                self._db.conn.executemany(_SAVE_PRODUCER, rows)

    def save_count(self, uid: str, rows: int, through: int) -> None:
        """Stores how many rows of an endpoint were counted up to a position, unless a later one is stored."""
        with self.atomic():
            self._db.conn.execute(_SAVE_COUNT, (rows, through, uid))

    def save_lost(self, uid: str, rows: int) -> None:
        """Stores how many rows of an endpoint are lost, which no producer that is remembered tells of; it only rises."""
        with self.atomic():
            self._db.conn.execute(_SAVE_LOST, (rows, uid))

    def forget_producers(self, uid: str, before_us: int, *, producers_max: int = 10_000) -> int:
        """Forgets the producers of an endpoint that were last seen before, no more than so many at once; says how many."""
        with self.atomic():
            return self._db.conn.execute(_FORGET_PRODUCERS, (uid, before_us, producers_max)).rowcount

    def save_hours(self, hours: Sequence[Hour], *, closed_until_us: Mapping[str, int] | None = None) -> None:
        """Stores closed hours and up to when hours are closed, by uid, in one transaction.

        An hour is replaced whole, and never by a lower revision or one that covers less of the journal. Hours of endpoints that
        were deleted are passed over; raises NotFound for one that never was.
        """
        with self.atomic():
            for hour in hours:
                if keys := self._keys_of(hour.uid):
                    save_hour(self._db.conn, keys, hour)
                    if hour.counted is not None:
                        self.save_count(hour.uid, hour.counted, hour.through)
            reach(self._db.conn, max((hour.through for hour in hours), default=0))
            self._db.conn.executemany(_CLOSED_UNTIL, [(at_us, uid) for uid, at_us in (closed_until_us or {}).items()])

    def expire(self, before_us: int, *, hours_max: int = 10_000) -> int:
        """Deletes hours that ended by then, in one transaction; says how many revisions of hours it was, 0 when none is left.

        No more than `hours_max` at once, the oldest of each endpoint first, so that other writes have their turn.
        """
        with self.atomic():
            expired = self._db.conn.execute(_EXPIRE, (before_us, hours_max)).fetchall()
            self._db.conn.executemany(_EXPIRE_COUNT, [(rows, endpoint_id) for endpoint_id, rows in expired if rows])
            return len(expired)

    def holds(self, uid: str) -> bool:
        """Whether an endpoint was saved."""
        return bool(self._db.conn.execute("SELECT 1 FROM endpoints WHERE uid = ?", (uid,)).fetchone())

    def _keys_of(self, uid: str) -> Keys | None:
        """The keys of an endpoint, None where it was deleted; raises NotFound."""
        if uid not in self._keys:
            found = self._db.conn.execute("SELECT id, deleted_us FROM endpoints WHERE uid = ?", (uid,)).fetchone()
            if found is None:
                raise NotFound(f"no endpoint has uid {uid!r}; save it before what belongs to it", field="uid")
            columns = self._db.conn.execute("SELECT name, id FROM columns WHERE endpoint_id = ?", (found[0],))
            self._keys[uid] = Keys(found[0], dict(columns.fetchall())) if found[1] is None else None
        return self._keys[uid]


def _producer_row(keys: Keys, producer: StoredProducer) -> tuple[int | bytes, ...]:
    losses = producer.losses
    told = (losses.dropped, losses.unconvertible, losses.lost)
    return (keys.endpoint_id, producer.producer_id, producer.epoch, producer.admitted, *told, producer.last_seen_us)
