"""The seam to the store: changes run in its one writing thread, each in a transaction."""

import sqlite3
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Ledger(Protocol):
    """Runs a change, commits it and returns what it returned; raises what it raised, with nothing changed."""

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T: ...
