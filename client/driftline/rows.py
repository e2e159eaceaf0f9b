"""Logged rows as one record batch in the endpoint's schema: what a value becomes, and which rows cannot be sent."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from driftline.payload import CATEGORIES
from driftline.problems import Problems
from driftline.shape import Shape
from driftline.values import Unconvertible, convert

PIECE_ROWS = 512  # converted at a time, so that the GIL is never held long
ROLES = ("prediction", "id", "timestamp", "latency", "error", "label")

# A row is (names, values, *one value for each of ROLES). `values` is a tuple in the order of `names`, or, with one of these
# two in the place of names, a mapping, or a tuple in the order of the endpoint's features.
BY_NAME = None
IN_ORDER = ()
Row = tuple[Any, ...]


def row_bytes(row: Row) -> int:
    """The memory a row takes: exact for numbers and strings, shallow for what should not be in a row."""
    names, values = row[0], row[1]
    held = values.values() if names is BY_NAME else values
    return sys.getsizeof(row) + sys.getsizeof(values) + sum(map(sys.getsizeof, held)) + sum(map(sys.getsizeof, row[2:]))


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch of the rows that could be converted, if any, and what became of the others."""

    batch: pa.RecordBatch | None
    rejected_rows: int = 0
    reason: str = ""


@dataclass(slots=True)
class RowEncoder:
    """Remembers which optional columns are in use: once used they are sent always, so that the schema seldom changes."""

    pause: Callable[[], None]  # called between pieces, to let other threads run
    problems: Problems
    _used: set[str] = field(default_factory=set)
    _ids_are_text: bool = False

    def encode(self, rows: list[Row], shape: Shape) -> Encoded:
        """The batch of some rows. Rows with a value that fits its column in no way are left out and counted."""
        starts = range(0, len(rows), PIECE_ROWS)
        pieces: list[list[Sequence[Any]]] = [list(zip(*rows[start : start + PIECE_ROWS], strict=True)) for start in starts]
        roles = self._roles(pieces, shape)
        kinds = [shape.kinds[name] for name in shape.features] + [self._kind(role, shape) for role in roles]
        names = [*shape.features, *(shape.column(role) for role in roles)]
        seen: set[str] = set()
        columns: list[list[pa.Array]] = [[] for _ in names]
        reasons: list[str] = []
        for piece in pieces:
            converted, reason = _piece(piece, roles, shape, (kinds, seen))
            reasons += reason
            for column, array in zip(columns, converted, strict=True):
                column.append(array)
            self.pause()
        return _assembled(names, kinds, columns, reasons, absent=set(shape.features) - seen)

    def _roles(self, pieces: list[list[Sequence[Any]]], shape: Shape) -> list[str]:
        for position, role in enumerate(ROLES, start=2):
            given = [piece[position] for piece in pieces if any(value is not None for value in piece[position])]
            if not given:
                continue
            self._used.add(role)
            if shape.column(role) is None:
                self.problems.add(f"no {role}", no_column(role))
            if role == "id" and not all(_are_whole(values) for values in given):
                self._ids_are_text = True
        return [role for role in ROLES if role in self._used and shape.column(role) is not None]

    def _kind(self, role: str, shape: Shape) -> str:
        return "id_text" if role == "id" and self._ids_are_text else shape.kind(role)


def no_column(role: str) -> str:
    """What to say where a value was given beside the features that the endpoint has no column for."""
    return f"{role} is ignored: the endpoint has no {role} column; name one when it is created"


def _are_whole(values: Sequence[Any]) -> bool:
    kinds = set(map(type, values)) - {type(None)}
    return all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds)


def _piece(
    piece: list[Sequence[Any]], roles: list[str], shape: Shape, told: tuple[list[str], set[str]]
) -> tuple[list[pa.Array], list[str]]:
    """The columns of a piece, without the rows that cannot be converted, and a reason for each of those."""
    kinds, seen = told
    values, bad = _aligned(piece[0], piece[1], shape.features, seen)
    columns: list[Sequence[Any]] = list(zip(*values, strict=True))
    columns += [piece[2 + ROLES.index(role)] for role in roles]
    arrays = []
    for position, (column, kind) in enumerate(zip(columns, kinds, strict=True)):
        array, unfit = convert(column, kind)
        arrays.append(array)
        for row, reason in unfit.items():
            name = shape.features[position] if position < len(shape.features) else roles[position - len(shape.features)]
            bad.setdefault(row, f"{name}: {reason}")
    if bad:
        kept = pa.array([row not in bad for row in range(len(values))])
        arrays = [array.filter(kept) for array in arrays]
    return arrays, list(bad.values())


def _aligned(
    layouts: Sequence[Any], rows: Sequence[Any], features: tuple[str, ...], seen: set[str]
) -> tuple[Sequence[tuple[Any, ...]], dict[int, str]]:
    """The values of each row in the order of the features, None where one is missing; `seen` gathers the features that came."""
    if all(layout is features for layout in layouts):
        seen.update(features)
        return rows, {}
    aligned, bad = [], {}
    for position, (layout, row) in enumerate(zip(layouts, rows, strict=True)):
        try:
            aligned.append(_in_order(layout, row, features, seen))
        except Unconvertible as error:
            aligned.append((None,) * len(features))
            bad[position] = str(error)
    return aligned, bad


def _in_order(layout: Any, values: Any, features: tuple[str, ...], seen: set[str]) -> tuple[Any, ...]:
    if layout is IN_ORDER:
        if len(values) != len(features):
            raise Unconvertible(f"{len(values)} values where the endpoint has {len(features)} features: {_listed(features)}")
        seen.update(features)
        return tuple(values)
    named = values if layout is BY_NAME else dict(zip(layout, values, strict=True))
    known = named.keys() & set(features)
    if not known and features:
        raise Unconvertible(f"none of {_listed(tuple(map(str, named)))} is a feature of the endpoint; it has {_listed(features)}")
    seen |= known
    return tuple(map(named.get, features))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _assembled(
    names: list[Any], kinds: list[str], columns: list[list[pa.Array]], reasons: list[str], *, absent: set[str]
) -> Encoded:
    reason = reasons[0] if reasons else ""
    rows = sum(map(len, columns[0])) if columns else 0
    if not rows:
        return Encoded(None, len(reasons), reason)
    kept, arrays = [], []
    for name, kind, pieces in zip(names, kinds, columns, strict=True):
        if name in absent:
            continue
        array = pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)
        arrays.append(array.dictionary_encode() if kind == "categorical" else array)
        kept.append(pa.field(name, CATEGORIES if kind == "categorical" else array.type))
    return Encoded(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(kept)), len(reasons), reason)
