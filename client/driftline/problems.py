"""What is wrong, told once: the last error for `stats`, and one log line for each distinct problem."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

log = logging.getLogger("driftline")

REPEAT_SECONDS = 600.0  # the same problem is logged again after this long
KINDS_MAX = 256  # distinct problems remembered


class Problems:
    """Gathers problems where they happen, which may be inside a call that must not wait; the background threads log them."""

    def __init__(self, endpoint: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.last: str | None = None
        self._of_rows: str | None = None  # the last that cost rows
        self._trouble: str | None = None  # what keeps rows from being delivered, while it does
        self._endpoint = endpoint
        self._clock = clock
        self._told: dict[str, float] = {}
        self._lines: deque[str] = deque(maxlen=KINDS_MAX)

    def add(self, kind: str, text: str) -> None:
        """An error that cost rows: it becomes `last`, and a log line if none of its kind was written lately."""
        self.last = self._of_rows = text
        self._queue(kind, text)

    def delay(self, kind: str, text: str) -> None:
        """An error that rows wait for the end of: as `add`, until `recover`."""
        self.last = self._trouble = text
        self._queue(kind, text)

    def recover(self) -> None:
        """Rows are delivered again: `last` is what cost rows before, if anything."""
        if self._trouble is not None:
            self.last = self._of_rows if self.last == self._trouble else self.last
            self._trouble = None

    def warn(self, kind: str, text: str) -> None:
        """Something to know that is no error."""
        self._queue(kind, text)

    def note(self, text: str) -> None:
        """Something that stays as it is: said once."""
        self._queue(text, text)
        self._told[text] = math.inf

    def write(self) -> None:
        """Writes the lines that wait."""
        while self._lines:
            try:
                line = self._lines.popleft()
            except IndexError:  # another thread took the last one
                return
            with suppress(Exception):  # a handler's own
                log.warning("%s: %s", self._endpoint, line)

    def _queue(self, kind: str, text: str) -> None:
        now = self._clock()
        told = self._told.get(kind)
        if told is not None and now - told < REPEAT_SECONDS:
            return
        if len(self._told) >= KINDS_MAX:
            self._told.clear()
        self._told[kind] = now
        self._lines.append(text)


def no_endpoint(name: str) -> str:
    """What to say, and what to do, if the server does not know the endpoint."""
    return (
        f"there is no endpoint {name!r} yet: rows are kept until it is there; create it with "
        f"`driftline endpoints create {name} --reference FILE` or client.create_endpoint(...)"
    )
