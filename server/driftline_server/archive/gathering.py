"""Many small files of one endpoint and hour become one: when the hour is over, and the journal holds none of their rows any more.

Each segment of the journal leaves a file an hour and endpoint, and a busy server closes hundreds of them an hour. Whoever reads
pays for each file and column; the disk has a limited number of files.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from driftline_core.errors import FailedPrecondition
from driftline_core.panes import MINUTE_US
from driftline_core.rows import RowNames
from driftline_server.archive.pieces import Group, groups
from driftline_server.archive.shelf import RowFile, Shelf
from driftline_server.archive.tables import joined, parquet_of
from driftline_server.registration import Registration

GATHERED_BYTES_MAX = 32 * 1024 * 1024  # of rows as they are in memory, where they are held three times
_QUIET_US = 10 * MINUTE_US  # behind the end of an hour: most rows have come
_LOOKS_MAX = 32  # at hours that are not due, at once

Hour = tuple[str, int]  # uid and start


@dataclass(slots=True)
class Gathering:
    """Looks at hours in turn, those first that were written to since the server started."""

    shelf: Shelf
    hour_us: int
    bytes_max: int = GATHERED_BYTES_MAX
    _waiting: deque[Hour] = field(default_factory=deque)
    _known: set[Hour] = field(default_factory=set)
    _found: Iterator[Hour] = field(init=False)

    def __post_init__(self) -> None:
        self._found = _all_of(self.shelf)

    def note(self, hours: Iterable[Hour]) -> None:
        """Files of hours were written."""
        for hour in hours:
            if hour not in self._known:
                self._known.add(hour)
                self._waiting.append(hour)

    def advance(self, now_us: int, before: int, served: Callable[[], Mapping[str, Registration]]) -> bool:
        """Gathers an hour of which the journal, from position `before` on, holds nothing; says whether to ask again at once.

        Raises OSError: then nothing is lost, and it is tried again.
        """
        if self.shelf.is_held:
            return False
        registrations = served()
        self.note(islice(self._found, _LOOKS_MAX // 2))
        for _ in range(min(_LOOKS_MAX, len(self._waiting))):
            uid, start_us = hour = self._waiting.popleft()
            self._known.discard(hour)
            if uid not in registrations:
                continue
            is_done = False
            try:
                files = self.shelf.files(uid, start_us)
                is_due = start_us + self.hour_us + _QUIET_US <= now_us and all(file.last < before for file in files)
                is_done = is_due and self._gather(registrations[uid], start_us, files)
            finally:
                if not is_done:
                    self.note([hour])
            if is_done and len(files) > 1:
                return True
        return False

    def _gather(self, registration: Registration, start_us: int, files: Sequence[RowFile]) -> bool:
        """Makes of an hour's files as few as may be; says whether it is done with, which it is not where somebody reads."""
        self.shelf.tidy(registration.uid, start_us)
        time = RowNames.of(registration.columns, registration.spec.reserved_columns()).timestamp
        try:
            for run in self._runs(files, registration):
                rows = [batch for group in run for batch in group.load()]
                gathered = list(dict.fromkeys(group.file for group in run))
                if not self.shelf.gather(registration.uid, start_us, gathered, parquet_of(joined(rows, time), time)):
                    return False
        except (FileNotFoundError, FailedPrecondition):
            pass  # just expired, or damaged: whoever exports is told
        return True

    def _runs(self, files: Sequence[RowFile], registration: Registration) -> Iterator[list[Group]]:
        """Files that follow one another and are small enough together, by their groups of rows."""
        run: list[Group] = []
        size_bytes, count = 0, 0
        for file in files if len(files) > 1 else ():
            _, found = groups(self.shelf, file, registration)
            file_bytes = sum(group.size_bytes for group in found)
            if size_bytes + file_bytes > self.bytes_max:
                if count > 1:
                    yield run
                run, size_bytes, count = [], 0, 0
            run, size_bytes, count = run + found, size_bytes + file_bytes, count + 1
        if count > 1:
            yield run


def _all_of(shelf: Shelf) -> Iterator[Hour]:
    """Every hour there is, as one asks: what an earlier life left."""
    for uid in shelf.uids():
        for start_us in shelf.hours(uid):
            yield uid, start_us
