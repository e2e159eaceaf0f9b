"""Columns of rows and tables that the endpoint does not know: left out, which is said once for each set of them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from driftline.names import column_name
from driftline.problems import Problems
from driftline.shape import Shape

LISTED_MAX = 10
SETS_MAX = 64  # of columns; past it nothing more is said: names of that kind are data
ROLES = ("prediction", "label", "id", "timestamp", "latency", "error")


@dataclass(slots=True)
class Unknown:
    """Remembers the sets of names it has seen, so that a look at a known one is cheap."""

    problems: Problems
    _seen: set[tuple[Any, ...]] = field(default_factory=set)

    def look(self, names: tuple[Any, ...], known: Collection[str], shape: Shape) -> None:
        """Says which of these names are left out, if any: those that belong beside a row's features with the keyword for them."""
        if names in self._seen or len(self._seen) >= SETS_MAX:
            return
        self._seen.add(names)
        unknown = [name for name in map(column_name, names) if name not in known]
        beside = {shape.column(role): role for role in ROLES}
        for name in unknown:
            if role := beside.get(name):
                self.problems.note(f"{name!r} is left out of the features; give it beside them, as {role}=")
        if strange := [name for name in unknown if name not in beside]:
            self.problems.note(f"columns that the endpoint does not know are left out: {listed(strange)}")


def listed(names: Collection[Any]) -> str:
    """Names as people read them, the first ten.

    >>> listed(["a", "b"]), listed(range(12))
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more')
    """
    more = f" and {len(names) - LISTED_MAX} more" if len(names) > LISTED_MAX else ""
    return ", ".join(map(str, islice(names, LISTED_MAX))) + more
