"""Whether a journal takes records."""

from enum import Enum


class State(Enum):
    """What on_state is told."""

    OPEN = "open"
    STALLED = "stalled"  # the disk is full: for a while
    FAILED = "failed"  # the disk failed: for good
    CLOSED = "closed"
