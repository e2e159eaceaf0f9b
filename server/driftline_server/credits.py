"""Bounded room for batches on their way to the owner: taken before a batch is queued, given back when it is counted.

First come, first served, so that one noisy stream cannot starve a quiet one: each stream waits for one batch at a time.
"""

import threading
from collections import deque


class Credits:
    """Counts batches and bytes in flight; a batch larger than the whole room still goes, alone."""

    def __init__(self, *, batches_max: int, bytes_max: int) -> None:
        self._batches_max = batches_max
        self._bytes_max = bytes_max
        self._batches = 0
        self._bytes = 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, threading.Lock]] = deque()
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """How many batches wait for room."""
        with self._lock:
            return len(self._waiting)

    def take(self, size_bytes: int) -> None:
        """Waits until there is room for a batch of this size."""
        with self._lock:
            if not self._waiting and self._fits(size_bytes):
                self._enter(size_bytes)
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append((size_bytes, turn))
        turn.acquire()  # given by give(), which has already counted this batch

    def add(self, size_bytes: int) -> None:
        """A batch that has room turns out to need more, and takes it: who comes next waits."""
        with self._lock:
            self._bytes += size_bytes

    def give(self, batches: int, size_bytes: int) -> None:
        """Returns the room of batches that were counted."""
        with self._lock:
            self._batches -= batches
            self._bytes -= size_bytes
            while self._waiting and self._fits(self._waiting[0][0]):
                self._let_in()

    def close(self) -> None:
        """Lets everyone go, now and until it is opened again: nothing is counted, so nobody gives room back."""
        with self._lock:
            self._is_closed = True
            while self._waiting:
                self._let_in()

    def open(self) -> None:
        """Has those who come wait for room again."""
        with self._lock:
            self._is_closed = False

    def _fits(self, size_bytes: int) -> bool:
        has_room = self._batches < self._batches_max and self._bytes + size_bytes <= self._bytes_max
        return self._is_closed or self._batches == 0 or has_room

    def _let_in(self) -> None:
        size_bytes, turn = self._waiting.popleft()
        self._enter(size_bytes)
        turn.release()

    def _enter(self, size_bytes: int) -> None:
        self._batches += 1
        self._bytes += size_bytes
