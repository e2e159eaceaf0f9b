"""What is wrong, told once: the last error for `stats`, and one log line for each distinct problem."""

import logging
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
        self._endpoint = endpoint
        self._clock = clock
        self._told: dict[str, float] = {}
        self._lines: deque[str] = deque(maxlen=KINDS_MAX)

    def add(self, kind: str, text: str) -> None:
        """An error: it becomes `last`, and a log line if none of its kind was written lately."""
        self.last = text
        self._queue(kind, text)

    def warn(self, kind: str, text: str) -> None:
        """Something to know that is no error."""
        self._queue(kind, text)

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
