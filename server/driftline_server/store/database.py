"""`driftline.sqlite` as a file: made private, brought to this version's format, opened to write once and to read often."""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from sqlite_utils import Database

from driftline_server.store.folder import StoreError
from driftline_server.store.tables import FORMAT, migrations, note_format
from driftline_server.store.views import create_views

FILE = "driftline.sqlite"
_SQLITE_MIN = (3, 37, 0)  # STRICT tables
_WAL_BYTES_MAX = 64 * 2**20
DAMAGED = f"{FILE} is damaged on its disk: stop the server; `driftline repair` says what to do"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ROOM_BYTES = 2**20  # with less a start cannot even open what it has

_PRAGMAS = (
    "journal_mode = WAL",  # readers and the writer do not wait for one another
    "synchronous = FULL",  # what is committed survives a power loss
    "foreign_keys = ON",
    f"journal_size_limit = {_WAL_BYTES_MAX}",
)


def open_database(path: Path) -> Database:
    """The writing connection, its tables and views those of this version. Raises StoreError."""
    if sqlite3.sqlite_version_info < _SQLITE_MIN:
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old for {path}; driftline needs 3.37 or newer")
    try:
        _create(path)
        connection = sqlite3.connect(path, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path} cannot be opened: {error}") from None
    try:
        db = Database(connection, execute_plugins=False)
        _require_known(db, path)
        for pragma in _PRAGMAS:
            db.conn.execute(f"PRAGMA {pragma}")
        steps = migrations()
        with db.atomic():
            steps.ensure_migrations_table(db)  # a table and its index: sqlite-utils would make them one after the other
        steps.apply(db)
        with db.atomic():
            create_views(db)
            note_format(db, FORMAT)
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path} cannot be used: {error}; {_remedy(error, path)}") from None
    except StoreError:
        connection.close()
        raise
    return db


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write; one thread at a time may use it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)


def damage(path: Path) -> str:
    """What SQLite finds wrong with a database that nobody writes to; empty where it is sound, or is not there. Reads all of it."""
    if not path.exists():
        return ""
    try:
        with closing(open_reader(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return "" if found == "ok" else " ".join(str(found).split())


def is_damaged(error: BaseException) -> bool:
    """Whether an error says that the file itself is broken."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def _create(path: Path) -> None:
    """Makes the file where it is missing, for its owner alone: SQLite gives its companions the same mode."""
    if path.exists():
        with suppress(PermissionError):  # it is another's
            path.chmod(0o600)  # a copy may have been made for all to read
        return
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remedy(error: sqlite3.Error, path: Path) -> str:
    """What helps: a file that is sound is never to be replaced for the sake of its disk."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if is_damaged(error) or code == sqlite3.SQLITE_ERROR:
        return "restore the whole data directory from a copy, or name another --data DIR"
    if code == sqlite3.SQLITE_FULL or shutil.disk_usage(path.parent).free < _ROOM_BYTES:
        return "its disk is full: make room on it, and start again"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another program writes to it: end that one, and start again"
    return "its disk or the rights on it are the matter, not what is in it: look at the system's log, and start again"


def _require_known(db: Database, path: Path) -> None:
    if not db["server"].exists():
        return
    about = dict(db.conn.execute("SELECT key, value FROM server").fetchall())
    if int(about.get("format", 0)) > FORMAT:
        raise StoreError(
            f"{path} was written by driftline {about.get('version')} (format {about['format']}); "
            f"this is {version('driftline')}, which knows format {FORMAT}: install the newer one, or name another --data DIR"
        )
