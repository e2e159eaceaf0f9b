"""The links of this process, one to each server, shared by its monitors; and what becomes of them at a fork and at its end."""

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from driftline.link import Link
from driftline.producer import Producer

EXIT_SECONDS = 2.0


class Member(Protocol):
    """A monitor, as a process sees it."""

    def begin_anew(self) -> None:
        """In a child process: leaves everything of the parent's alone, and starts empty."""

    def flush(self, timeout: float | None) -> bool: ...

    def close(self, timeout: float | None) -> None: ...


# The lock may be taken again by a thread that is interrupted with it.
_members: "weakref.WeakSet[Member]" = weakref.WeakSet()
_links: dict[str, Link] = {}
_lock = threading.RLock()
_abandoned: list[Any] = []
_leaves_in_order = False


def enter(member: Member) -> None:
    """Makes a monitor known."""
    _members.add(member)


def join(target: str, make: Callable[[Link], Producer]) -> tuple[Link, Producer]:
    """The link to a server, with a producer that is made for it. Never raises for want of a connection."""
    _leave_in_order()
    with _lock:
        link = _links.setdefault(target, Link(target))
        producer = make(link)
        link.add(producer)
        return link, producer


def leave(link: Link, producer: Producer) -> None:
    """Lets a producer go, and with the last one the link."""
    with _lock:
        is_last = link.remove(producer)
        if is_last and _links.get(link.target) is link:
            del _links[link.target]
    if is_last:
        link.stop()


def _before_fork() -> None:
    """No thread may be inside gRPC at a fork, or a child cannot use it: the streams end, and begin again afterwards."""
    _lock.acquire()
    for link in _links.values():
        link.suspend()


def _after_fork_in_parent() -> None:
    for link in _links.values():
        link.resume()
    _lock.release()


def _after_fork_in_child() -> None:
    """The parent's links, channels and locks are left alone for good."""
    global _links, _lock, _leaves_in_order
    _abandoned.append(_links)
    _links, _lock, _leaves_in_order = {}, threading.RLock(), False
    for member in _members:
        member.begin_anew()


def _leave_in_order() -> None:
    """A child of `multiprocessing` ends without `atexit`: there its own way of leaving in order is taken too."""
    global _leaves_in_order  # noqa: PLW0603
    processes, util = sys.modules.get("multiprocessing"), sys.modules.get("multiprocessing.util")
    if processes is None or util is None or _leaves_in_order or processes.parent_process() is None:
        return
    _leaves_in_order = True
    util.Finalize(None, _at_exit, exitpriority=100)


def _at_exit() -> None:
    """Gives what is still held a moment to leave."""
    until = time.monotonic() + EXIT_SECONDS
    members = list(_members)
    for member in members:
        member.flush(0.0)  # all hurry at once
    for member in members:
        member.close(max(0.0, until - time.monotonic()))


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
