"""What a database says of the data folder it is part of: whose it is, how long its hours are, how far the journal had come."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_LINEAGE, _MINUTES, _POSITION = "lineage", "snapshot_minutes", "position"
_TABLE = "CREATE TABLE server (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"
_REACH = """
INSERT INTO server (key, value) VALUES ('position', ?1)
ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE CAST(excluded.value AS INTEGER) > CAST(value AS INTEGER)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """`lineage` is empty and the numbers are 0 in a database that belongs to no folder yet."""

    lineage: str = ""
    snapshot_minutes: int = 0
    position: int = 0  # the journal had come so far when this was last written, if not farther


def create_standing(connection: sqlite3.Connection) -> None:
    """Makes the table alone: for tables that are in memory and part of no folder. The store's migrations make it of a file."""
    connection.execute(_TABLE)


def read_standing(connection: sqlite3.Connection) -> Standing:
    """What stands in a database; raises sqlite3.Error where it has no tables."""
    about = dict(connection.execute("SELECT key, value FROM server").fetchall())
    return Standing(about.get(_LINEAGE, ""), int(about.get(_MINUTES, 0)), int(about.get(_POSITION, 0)))


def standing_of(path: Path) -> Standing:
    """What stands in a database that nobody has open; nothing where there is none, or none that can be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return read_standing(connection)
    except sqlite3.Error:
        return Standing()


def claim(connection: sqlite3.Connection, lineage: str, snapshot_minutes: int) -> None:
    """The database belongs to a folder from now on."""
    about = {_LINEAGE: lineage, _MINUTES: str(snapshot_minutes)}
    connection.executemany("INSERT OR REPLACE INTO server (key, value) VALUES (?, ?)", about.items())


def reach(connection: sqlite3.Connection, position: int) -> None:
    """What is written now covers the journal up to a position; it only rises."""
    connection.execute(_REACH, (str(max(0, position)),))
