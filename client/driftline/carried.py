"""What travels with a table under names that no data has: how columns are meant is known only once the endpoint is open.

So do columns given beside a table, what a column is as another kind where its values are objects, and why a column cannot be sent:
that costs the rows only where the endpoint uses it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

Columns = list[tuple[str, pa.Array]]

_MARK = "\x00"
# What a column of objects may be read as, by the kind that the endpoint has it for; as a category where nothing else is said.
_READ_AS = {"timestamp": "timestamp", "error": "error", "numeric": "number", "boolean": "truth", "latency": "number"}
_REFUSED = "refused"


class Refused(ValueError):
    """The endpoint uses a column that cannot be sent, and why it cannot."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The columns of a table as they travel, by name."""

    places: Mapping[str, int]
    refused: Mapping[str, str]

    def place(self, name: str, kind: str) -> int:
        """Where the column of this name is as a kind. Raises Refused."""
        found = self.places.get(reading(_READ_AS.get(kind, ""), name))
        if found is None and name in self.refused:
            raise Refused(self.refused[name])
        return self.places[name] if found is None else found


def carried(names: Iterable[str]) -> Carried:
    """What these columns of a table are."""
    places = {name: place for place, name in enumerate(names)}
    refused = dict(_told(name) for name in places if name.startswith(reading(_REFUSED, "")))
    return Carried(places, refused)


def beside(role: str) -> str:
    """The name under which a column given beside the table travels: "prediction", "id", or the position of a feature."""
    return _MARK + role


def unmarked(name: str) -> str:
    """The name of a column of data, written so that it is none of those here; the server takes none with such a character."""
    return name.replace(_MARK, "\\x00")


def reading(kind: str, name: str) -> str:
    """The name under which a column travels as another kind: "timestamp", "error", "number", "truth"."""
    return _MARK + kind + _MARK + name


def without(name: str, rows: int, reason: str) -> Columns:
    """A column that cannot be sent: nulls in its place, and the reason."""
    told = reason.encode(errors="backslashreplace").decode()  # an object's repr may be no text
    return [(name, pa.nulls(rows)), (f"{reading(_REFUSED, name)}{_MARK}{_MARK}{told}", pa.nulls(rows))]


def _told(marked: str) -> tuple[str, str]:
    name, _, reason = marked.removeprefix(reading(_REFUSED, "")).partition(_MARK + _MARK)
    return name, reason
