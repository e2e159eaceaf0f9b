"""An iterator that a thread reads ahead, so that reading and what is done with the items take their time together."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

ITEMS_MAX = 64  # read and not yet taken; past it the thread waits


@dataclass(frozen=True, slots=True)
class _End:
    failure: BaseException | None


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, in order; raises what reading them raises. Whoever ends early ends the thread too."""
    ready: queue.Queue[T | _End] = queue.Queue(ITEMS_MAX)
    ended = threading.Event()
    thread = threading.Thread(target=_read, args=(items, ready, ended), name="read-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.failure is not None:
            raise item.failure
    finally:
        ended.set()
        with contextlib.suppress(queue.Empty):
            while True:
                ready.get_nowait()  # so that the thread, if it waits for room, finds some
        thread.join()


def _read(items: Iterator[T], ready: "queue.Queue[T | _End]", ended: threading.Event) -> None:
    failure: BaseException | None = None
    try:
        for item in items:
            ready.put(item)
            if ended.is_set():
                break
    except BaseException as error:
        failure = error
    ready.put(_End(failure))
