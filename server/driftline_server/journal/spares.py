"""Spares: files of dropped segments, to be written over: a disk does that twice as fast as it finds, and gives back, room."""

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path

from driftline_server.filesystem import File, Filesystem
from driftline_server.journal.segment import SPARE_SUFFIX, Segment


class Spares:
    """At most `most` files, none larger than a new segment. One thread puts them away, another takes them."""

    def __init__(self, filesystem: Filesystem, found: Iterable[Path], *, most: int, bytes_max: int) -> None:
        self._filesystem = filesystem
        self._most = most
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._renamed: list[Path] = []  # a loss of power could give them their old names back
        self._ready: list[Path] = []
        for path in found:
            if len(self._ready) < most and filesystem.size(path) <= bytes_max:
                self._ready.append(path)
            else:
                filesystem.remove(path)

    def put(self, segment: Segment) -> None:
        """Takes a segment out of the journal: its file is kept where there is room and nobody reads it. Raises OSError."""
        with self._lock:
            is_wanted = segment.bytes <= self._bytes_max and len(self._renamed) + len(self._ready) < self._most
        spare = segment.path.with_suffix(SPARE_SUFFIX)
        with contextlib.suppress(FileNotFoundError):
            if not is_wanted:
                self._filesystem.remove(segment.path)
            elif self._filesystem.recycle(segment.path, spare):
                with self._lock:
                    self._renamed.append(spare)

    def admit(self) -> None:
        """The folder was synced: what was put away may be written over."""
        with self._lock:
            self._ready += self._renamed
            self._renamed.clear()

    def take(self, name: Path) -> File | None:
        """A spare under a new name, open; None where there is none. Raises OSError."""
        while True:
            with self._lock:
                if not self._ready:
                    return None
                spare = self._ready.pop()
            with contextlib.suppress(FileNotFoundError):  # somebody tidied up
                self._filesystem.rename(spare, name)
                return self._filesystem.open(name)
