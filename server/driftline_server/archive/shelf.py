"""Where rows lie: `archive/<endpoint uid>/<start of the hour>/<first>-<last>.parquet`, by the journal's positions they came from.

A file stands whole or not at all, and stands for files whose span lies within its own: rows of several are gathered in one, and a
crash may leave them beside it. What came from a segment of the journal is in the journal too, for as long as that has the
segment: whoever reads both takes the journal's, so that a crash between a file and the drop of its segment shows no row twice.
"""

import contextlib
import errno
import re
import threading
import weakref
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from driftline_server.filesystem import Filesystem, write_all, write_whole

SUFFIX = ".parquet"
_NEW_SUFFIX = ".new"
_ASIDE_SUFFIX = ".aside"
_DROPPED = "dropped"  # in the folder of an hour: rows of it were dropped before they were archived
_REACHED = "reached"  # the file that names the last position of which there may be rows
_LEFT = {errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST}  # it is gone, or somebody has put something there
_HOUR = "%Y%m%dT%H%M%SZ"
_UID = re.compile(r"[0-9a-f]{32}\Z")
_FILE = re.compile(r"(\d+)-(\d+)\.parquet\Z")


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of rows of one endpoint and hour, and the span of journal positions that they came from."""

    path: Path
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Removed:
    """What was deleted."""

    hours: int = 0
    files: int = 0
    bytes: int = 0

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(self.hours + other.hours, self.files + other.files, self.bytes + other.bytes)


def hour_name(start_us: int) -> str:
    """The folder of an hour.

    >>> hour_name(1_764_036_000_000_000), hour_of("20251125T020000Z")
    ('20251125T020000Z', 1764036000000000)
    """
    return datetime.fromtimestamp(start_us // 1_000_000, UTC).strftime(_HOUR)


def hour_of(name: str) -> int | None:
    """The start of an hour, by its folder; None where it is no hour's."""
    try:
        return int(datetime.strptime(name, _HOUR).replace(tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError:
        return None


class Hold:
    """Whoever has it reads files."""

    __slots__ = ("__weakref__",)


class Shelf:
    """The archive's folders and files. One thread writes; any may look."""

    def __init__(self, folder: Path, filesystem: Filesystem) -> None:
        self._folder = folder
        self.filesystem = filesystem
        # Forgets what is let go of without a lock: that may happen within whatever this thread does, gather() among it.
        self._holds: weakref.WeakSet[Hold] = weakref.WeakSet()
        self._dropped: set[tuple[str, int]] = set()
        self._lock = threading.Lock()  # nobody takes hold while a file takes the place of others

    def hold(self) -> Hold:
        """Files are not gathered for as long as what this returns is held."""
        hold = Hold()
        with self._lock:
            self._holds.add(hold)
        return hold

    @property
    def is_held(self) -> bool:
        """Whether somebody reads files."""
        return len(self._holds) > 0

    def uids(self) -> list[str]:
        """The endpoints that have rows here."""
        return [name for name in self.filesystem.names(self._folder) if _UID.match(name)]

    def reached(self) -> int:
        """The last of the journal's positions of which there may be rows; 0 where there are none. Raises OSError."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int(bytes(self.filesystem.map(self._folder / _REACHED)))
        files = (file for uid in self.uids() for hour_us in self.hours(uid) for file in self.files(uid, hour_us))
        return max((file.last for file in files), default=0)  # of an older version: every folder is read

    def reach(self, position: int) -> None:
        """Rows up to a position are about to be written. Raises OSError."""
        write_whole(self.filesystem, self._folder / _REACHED, f"{position}\n".encode())

    def set_aside(self, after: int, served: Collection[str]) -> int:
        """Gives other names to files of positions behind one, and to folders of endpoints that are not served; returns how many.

        No export reads them any more. Those of an endpoint that is served expire with its rows. Raises OSError.
        """
        count = 0
        for uid in self.uids():
            if uid not in served:
                count += self._rename(self._folder / uid)
                continue
            for folder in (self._hour(uid, hour_us) for hour_us in self.hours(uid)):
                newer = [name for name in self.filesystem.names(folder) if (m := _FILE.match(name)) and int(m[2]) > after]
                count += sum(self._rename(folder / name) for name in newer)
        self.reach(after)
        return count

    def hours(self, uid: str) -> list[int]:
        """The starts of the hours an endpoint has rows of, in order."""
        found = (hour_of(name) for name in self.filesystem.names(self._folder / uid))
        return sorted(hour for hour in found if hour is not None)

    def files(self, uid: str, hour_us: int) -> list[RowFile]:
        """The files of an hour, by position."""
        folder = self._hour(uid, hour_us)
        return _standing(folder, self.filesystem.names(folder))

    def note_dropped(self, uid: str, hour_us: int) -> None:
        """Rows of an hour will never be here, since the journal had no room; a full disk forgets that."""
        if (uid, hour_us) not in self._dropped:
            self._dropped.add((uid, hour_us))
            with contextlib.suppress(OSError):
                write_whole(self.filesystem, self._hour(uid, hour_us) / _DROPPED, b"")

    def has_dropped(self, uid: str, hour_us: int) -> bool:
        """Whether note_dropped() was told so."""
        return (uid, hour_us) in self._dropped or _DROPPED in self.filesystem.names(self._hour(uid, hour_us))

    def save(self, uid: str, hour_us: int, body: pa.Buffer, *, first: int, last: int) -> Path:
        """A file of rows that is there, whole, when this returns, but that its name is not durable before sync()."""
        folder = self._hour(uid, hour_us)
        self.filesystem.make_folder(folder)
        path = folder / f"{first}-{last}{SUFFIX}"
        with self._new(path, body) as new:
            self.filesystem.rename(new, path)
        return path

    def gather(self, uid: str, hour_us: int, files: Sequence[RowFile], body: pa.Buffer) -> bool:
        """Puts one file in the place of several that follow one another; says whether it did: not while somebody reads."""
        folder = self._hour(uid, hour_us)
        path = folder / f"{files[0].first}-{files[-1].last}{SUFFIX}"
        with self._new(path, body) as new, self._lock:
            if self.is_held:
                self.filesystem.remove(new)
                return False
            self.filesystem.rename(new, path)
        self.filesystem.sync_folder(folder)
        self.tidy(uid, hour_us)
        return True

    def tidy(self, uid: str, hour_us: int) -> None:
        """Removes what was gathered, and what was never finished."""
        folder = self._hour(uid, hour_us)
        names = self.filesystem.names(folder)
        standing = {file.path.name for file in _standing(folder, names)}
        rest = [name for name in names if name not in standing and (_FILE.match(name) or name.endswith(_NEW_SUFFIX))]
        for name in rest:
            self.filesystem.remove(folder / name)
        if rest:
            self.filesystem.sync_folder(folder)

    def settle(self, uid: str, hour_us: int, saved: set[Path], *, first: int, last: int) -> None:
        """Of the positions from first to last, keeps the files that were saved now and no other, durably."""
        folder = self._hour(uid, hour_us)
        for name in self.filesystem.names(folder):
            found = _FILE.match(name)
            is_old = found is not None and first <= int(found[1]) <= last and folder / name not in saved
            if is_old or name.endswith(_NEW_SUFFIX):
                self.filesystem.remove(folder / name)
        self.filesystem.sync_folder(folder)

    def map(self, file: RowFile) -> pa.Buffer:
        """The bytes of a file. Raises FileNotFoundError where it was deleted meanwhile."""
        return pa.py_buffer(self.filesystem.map(file.path))

    def expire(self, before_us: int) -> Removed:
        """Deletes the hours that begin before a moment."""
        return sum((self._remove_hour(uid, hour) for uid, hour in self._before(before_us)), Removed())

    def forget(self, uid: str) -> Removed:
        """Deletes all rows of an endpoint."""
        removed = sum((self._remove_hour(uid, hour) for hour in self.hours(uid)), Removed())
        self._remove_folder(self._folder / uid)
        return removed

    @contextlib.contextmanager
    def _new(self, path: Path, body: pa.Buffer) -> Iterator[Path]:
        """A file that is on the disk and has not its name yet; what fails leaves none."""
        new = path.with_suffix(_NEW_SUFFIX)
        try:
            with contextlib.closing(self.filesystem.create(new)) as file:
                write_all(file, [memoryview(body)], 0)
                file.sync()
            yield new
        except BaseException:
            with contextlib.suppress(OSError):
                self.filesystem.remove(new)
            raise

    def _rename(self, path: Path) -> int:
        """Sets one file or folder aside, over none that was before."""
        names, number = set(self.filesystem.names(path.parent)), 1
        while (aside := f"{path.name}{_ASIDE_SUFFIX}{number}") in names:
            number += 1
        self.filesystem.rename(path, path.with_name(aside))
        self.filesystem.sync_folder(path.parent)
        return 1

    def _before(self, before_us: int) -> Iterator[tuple[str, int]]:
        for uid in self.uids():
            yield from ((uid, hour) for hour in self.hours(uid) if hour < before_us)

    def _remove_hour(self, uid: str, hour_us: int) -> Removed:
        folder = self._hour(uid, hour_us)
        files = size = 0
        for name in self.filesystem.names(folder):
            size += self.filesystem.size(folder / name)
            files += 1
            self.filesystem.remove(folder / name)
        self._remove_folder(folder)
        return Removed(1, files, size)

    def _remove_folder(self, folder: Path) -> None:
        try:
            self.filesystem.remove_folder(folder)
        except OSError as error:
            if error.errno not in _LEFT:
                raise
        else:
            self.filesystem.sync_folder(folder.parent)

    def _hour(self, uid: str, hour_us: int) -> Path:
        return self._folder / uid / hour_name(hour_us)


def _standing(folder: Path, names: Sequence[str]) -> list[RowFile]:
    """The files by position, those left out whose span lies within another's."""
    found = [RowFile(folder / name, int(m[1]), int(m[2])) for name in names if (m := _FILE.match(name))]
    standing: list[RowFile] = []
    for file in sorted(found, key=lambda file: (file.first, -file.last)):
        if not standing or file.last > standing[-1].last:
            standing.append(file)
    return standing
