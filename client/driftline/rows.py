"""Logged rows as one record batch in the endpoint's schema: what a value becomes, and which rows cannot be sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftline import arrays
from driftline.layout import BY_NAME, IN_ORDER, PACKED_KINDS, ROLES, Layout, Row, layout_for
from driftline.names import by_name, column_name
from driftline.problems import Problems
from driftline.shape import Shape
from driftline.unknown import Unknown, listed
from driftline.values import Unconvertible, convert, numbers_of

PIECE_ROWS = 512  # other threads run between as many, so that the GIL is never held long
NUMBERS = {"numeric": arrays.floats, "latency": arrays.floats, "boolean": arrays.truths}
Bad = dict[int, str]  # by position, why a row cannot be sent
Values = Sequence[Any] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch of the rows that could be converted, if any, and what became of the others."""

    batch: pa.RecordBatch | None
    rejected_rows: int = 0
    reason: str = ""


@dataclass(slots=True)
class RowEncoder:
    """Remembers which features and roles are in use: once sent, they are always sent, so that the schema seldom changes.

    `layouts`, which grows, are those that rows are kept in.
    """

    pause: Callable[[], None]  # called now and then, to let other threads run
    problems: Problems
    layouts: list[Layout]
    _used: set[str] = field(default_factory=set)  # roles
    _seen: set[str] = field(default_factory=set)  # features
    _unknown: Unknown = field(init=False)
    _ids_are_text: bool = False
    _schema: pa.Schema | None = None

    def __post_init__(self) -> None:
        self._unknown = Unknown(self.problems)

    def encode(self, rows: list[Row], shape: Shape) -> Encoded:
        """The batch of some rows. Rows with a value that cannot fit its column are left out and counted."""
        bad: Bad = {}
        columns = [(name, name, shape.kinds[name], values) for name, values in self._features(rows, shape, bad).items()]
        names, made = [], []
        for told_as, name, kind, values in columns + self._roles(rows, shape):
            array, unfit = _column(values, kind)
            bad |= {place: f"{told_as}: {reason}" for place, reason in unfit.items() if place not in bad}
            names.append(name)
            made.append(array)
            if len(rows) > PIECE_ROWS and not isinstance(values, np.ndarray):
                self.pause()
        return self._without(bad, rows, shape) if bad else Encoded(self._batch(names, made))

    def _without(self, bad: Bad, rows: list[Row], shape: Shape) -> Encoded:
        kept = [row for position, row in enumerate(rows) if position not in bad]
        rest = self.encode(kept, shape) if kept else Encoded(None)
        return Encoded(rest.batch, rest.rejected_rows + len(bad), bad[min(bad)])

    def _features(self, rows: list[Row], shape: Shape, bad: Bad) -> dict[str, Values]:
        """The features that are in use, by name, in their order."""
        layout = layout_for(shape, self.layouts)
        places = [place for place, row in enumerate(rows) if row[0] == layout.number]
        if len(places) == len(rows):
            features = self._packed(rows, layout)
        else:
            others = [place for place, row in enumerate(rows) if row[0] != layout.number]
            features = self._loose(rows, others, shape, bad)
            if places:
                packed, order = self._packed([rows[place] for place in places], layout), np.argsort(places + others)
                features = {name: _merged(packed[name], values, order) for name, values in features.items()}
        return {name: values for name, values in features.items() if name in self._seen}

    def _packed(self, rows: list[Row], layout: Layout) -> dict[str, Values]:
        """The features of rows in this layout."""
        self._seen.update(layout.features)
        features: dict[str, Values] = {}
        if layout.numbers:
            matrix = np.frombuffer(b"".join([row[1] for row in rows])).reshape(len(rows), len(layout.numbers))
            features |= zip(layout.numbers, np.ascontiguousarray(matrix.T), strict=True)
        features |= zip(layout.texts, zip(*[row[2] for row in rows], strict=True), strict=True)
        self.pause()
        return {name: features[name] for name in layout.features}

    def _loose(self, rows: list[Row], places: list[int], shape: Shape, bad: Bad) -> dict[str, Values]:
        """The features of the rows in these places, which are in other forms."""
        aligned = []
        for count, place in enumerate(places, start=1):
            try:
                aligned.append(self._in_order(rows[place], shape))
            except Unconvertible as error:
                aligned.append((None,) * len(shape.features))
                bad[place] = str(error)
            if count % PIECE_ROWS == 0:
                self.pause()
        features: dict[str, Values] = {}
        for name, values in zip(shape.features, zip(*aligned, strict=True), strict=True):
            features[name] = values
            if shape.kinds[name] in PACKED_KINDS:
                features[name], unfit = numbers_of(values, shape.kinds[name])
                for position, reason in unfit.items():
                    bad.setdefault(places[position], f"{name}: {reason}")
        return features

    def _in_order(self, row: Row, shape: Shape) -> tuple[Any, ...]:
        layout, values, features = row[0], row[1], shape.features
        if layout == IN_ORDER:
            if len(values) != len(features):
                raise Unconvertible(f"{len(values)} values where the endpoint has {len(features)} features: {listed(features)}")
            self._seen.update(features)
            return tuple(values)
        given = values if layout == BY_NAME else self.layouts[layout - 1].record(row)
        named = given if given.keys() <= set(features) else by_name(given)
        known = named.keys() & set(features)
        if not given:
            raise Unconvertible(f"the row is empty; the endpoint has {listed(features)}")
        if not known and features:
            raise Unconvertible(
                f"none of {listed(tuple(map(column_name, given)))} is a feature of the endpoint; it has {listed(features)}"
            )
        if len(known) < len(named):
            self._unknown.look(tuple(given), features, shape)
        self._seen |= known
        return tuple(map(named.get, features))

    def _roles(self, rows: list[Row], shape: Shape) -> list[tuple[str, str, str, Values]]:
        """What was given beside the features: role, column, kind, values."""
        columns: list[tuple[str, str, str, Values]] = []
        for position, role in enumerate(ROLES, start=len(rows[0]) - len(ROLES)):
            values, name = [row[position] for row in rows], shape.column(role)
            if role not in self._used and set(map(type, values)) != {type(None)}:
                self._used.add(role)
                if name is None:
                    self.problems.add(f"no {role}", no_column(role))
            if role not in self._used or name is None:
                continue
            if role == "id" and not _are_whole(values):
                self._ids_are_text = True
            columns.append((role, name, "id_text" if role == "id" and self._ids_are_text else shape.kind(role), values))
        return columns

    def _batch(self, names: list[str], columns: list[pa.Array]) -> pa.RecordBatch:
        schema = self._schema
        if schema is None or schema.names != names or schema.types != [column.type for column in columns]:
            schema = self._schema = pa.schema([pa.field(name, column.type) for name, column in zip(names, columns, strict=True)])
        return pa.RecordBatch.from_arrays(columns, schema=schema)


def no_column(role: str) -> str:
    """The message for a value given beside the features for which the endpoint has no column."""
    return f"{role} is ignored: the endpoint has no {role} column; name one when it is created"


def _are_whole(values: Sequence[Any]) -> bool:
    kinds = set(map(type, values)) - {type(None)}
    return all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds)


def _column(values: Values, kind: str) -> tuple[pa.Array, Bad]:
    if isinstance(values, np.ndarray):
        return NUMBERS[kind](values), {}
    if kind not in NUMBERS:
        return convert(values, kind)
    numbers, unfit = numbers_of(values, kind)
    return NUMBERS[kind](numbers), unfit


def _merged(some: Values, more: Values, order: npt.NDArray[np.intp]) -> Values:
    if isinstance(some, np.ndarray):
        return np.concatenate((some, more))[order]
    both = (*some, *more)
    return [both[place] for place in order]
