"""Table columns as the endpoint wants them: a plan for each schema that comes, made once and then only followed."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import types as pt

from driftline.arrays import TIMESTAMP, texts, timestamps
from driftline.carried import Refused, beside, carried
from driftline.errors import InvalidInput
from driftline.names import column_name
from driftline.payload import CATEGORIES, is_categories, plain_column
from driftline.shape import Shape
from driftline.values import INT64_MAX, NO_BYTES, WHOLE_MAX, micros, text

Cast = Callable[[pa.Array], pa.Array]
RESERVED = ("id", "timestamp", "latency", "error")
BESIDE_ROLES = ("prediction", "label", *RESERVED)
SECOND_US = 10**6
COARSE_US = {"s": SECOND_US, "ms": 1000}  # units whose instants may be beyond microseconds
REASON_CHARS_MAX = 300
INT64_FLOAT_MAX = 2.0**63 - 1024


class Unfit(ValueError):
    """A table that cannot be sent, and why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One column: where it is in the table, what it is called on the wire, and its cast; None: as it is."""

    position: int
    name: str
    cast: Cast | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with every batch of one schema."""

    source: pa.Schema
    shape: Shape
    steps: tuple[Step, ...]
    is_identity: bool
    ignored: tuple[str, ...]  # columns given beside the table that the endpoint has no place for
    names: tuple[str, ...]  # of the table's own columns
    known: frozenset[str]  # the names that the endpoint knows

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch as it goes on the wire. Raises Unfit, naming the column."""
        if self.is_identity:
            return batch
        columns = [_cast(batch.column(step.position), step) for step in self.steps]
        return pa.RecordBatch.from_arrays(columns, names=[step.name for step in self.steps])


def plan_for(source: pa.Schema, shape: Shape) -> Plan:
    """The plan of a schema. Missing columns are left out, columns the endpoint does not know are not sent. Raises Unfit."""
    places, travelling = _places(source, shape), carried(source.names)
    steps = []
    for name, kind in _wanted(shape):
        if name in places:
            try:
                position = travelling.place(source.names[places[name]], kind)
            except Refused as error:
                raise Unfit(f"{name}: {error}") from None
            steps.append(Step(position, name, _cast_for(source.field(position).type, kind)))
    if not steps:
        has = _listed(source.names) or "no column"
        raise Unfit(f"the table has none of the endpoint's columns; it has {has}, wanted: {_listed(shape.features)}")
    is_identity = all(step.cast is None for step in steps) and [step.name for step in steps] == source.names
    ignored = tuple(role for role in BESIDE_ROLES if beside(role) in source.names and shape.column(role) is None)
    own = tuple(column_name(name) for name in source.names if not name.startswith(beside("")))
    return Plan(source, shape, tuple(steps), is_identity, ignored, own, frozenset(name for name, _ in _wanted(shape)))


def _wanted(shape: Shape) -> list[tuple[str, str]]:
    reserved = [(shape.reserved[role], role) for role in RESERVED if role in shape.reserved]
    return [*shape.kinds.items(), *(pair for pair in reserved if pair[0] not in shape.kinds)]


def _places(source: pa.Schema, shape: Shape) -> dict[str, int]:
    """Where each wire column is in the table; what was given beside the table goes before what is in it."""
    known, places = {name for name, _ in _wanted(shape)}, {}
    for position, name in enumerate(map(column_name, source.names)):
        if name in known and name in places:
            raise Unfit(f"{name}: the table has two columns of this name")
        places[name] = position
    for role in BESIDE_ROLES:
        column = shape.column(role)
        if column is not None and beside(role) in places:
            places[column] = places[beside(role)]
    ordered = [position for name, position in places.items() if name.startswith(beside("feature:"))]
    if ordered and len(ordered) != len(shape.features):
        raise Unfit(
            f"an array of {len(ordered)} columns; the endpoint has {len(shape.features)} features: {_listed(shape.features)}"
        )
    return places | dict(zip(shape.features, ordered, strict=False))


def _cast_for(source: pa.DataType, kind: str) -> Cast | None:
    as_it_is, cast = CASTS[kind]
    return None if as_it_is(source) else cast


def _is_plain_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_float32(kind) or pt.is_float64(kind) or pt.is_boolean(kind))


def _is_category(kind: pa.DataType) -> bool:
    return pt.is_string(kind) or is_categories(kind) or _is_plain_number(kind)


def _flat(column: pa.Array) -> pa.Array:
    column = plain_column(column)
    return column.dictionary_decode() if pt.is_dictionary(column.type) else column


def _number(column: pa.Array) -> pa.Array:
    flat = _flat(column)
    if pt.is_integer(flat.type):
        return flat.cast(pa.float64(), safe=False)  # beyond 2**53 the nearest double, as of integers that come as they are
    if pt.is_decimal(flat.type):
        flat = flat.cast(pa.string())  # as the server: Arrow's own way may end at the neighbour of the nearest double
    return _no_bytes(flat).cast(pa.float64())


def _no_bytes(column: pa.Array) -> pa.Array:
    """The column; Arrow would read the number that some bytes spell."""
    kind = column.type
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind) or pt.is_fixed_size_binary(kind):
        raise ValueError(NO_BYTES)
    return column


def _boolean(column: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    flat = _flat(column)
    if not (pt.is_decimal(flat.type) or pt.is_floating(flat.type)):
        return _no_bytes(flat).cast(pa.bool_())
    number = flat.cast(pa.float64())
    return pc.if_else(pc.is_nan(number), None, number).cast(pa.bool_())


def _category(column: pa.Array) -> pa.Array:
    """As texts, but for numbers: the server writes all of those in one way."""
    column = plain_column(column)
    if is_categories(column.type):
        return column.cast(CATEGORIES)
    if pt.is_dictionary(column.type):
        return _category(column.dictionary_decode())
    if pt.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pt.is_temporal(column.type):
        return texts([text(value) for value in column.to_pylist()])
    is_number = _is_plain_number(column.type) or pt.is_decimal(column.type) or pt.is_float16(column.type)
    return column if is_number else column.cast(pa.string())


def _id(column: pa.Array) -> pa.Array:
    """As `log` writes ids: 64 bits where all are whole by their type, else texts."""
    flat = _flat(column)
    if pt.is_floating(flat.type):
        return _digits(flat.cast(pa.float64()))
    if pt.is_decimal(flat.type) or pt.is_temporal(flat.type):
        return texts([text(value) for value in flat.to_pylist()])
    try:
        return flat.cast(pa.int64() if pt.is_integer(flat.type) else pa.string())
    except pa.ArrowInvalid as error:
        raise ValueError(f"{error}; give ids beyond 64 bits as strings") from None


def _digits(numbers: pa.Array) -> pa.Array:
    """`values.text` of every double, all at once: a column of ids in which one is missing is one of doubles in pandas."""
    import pyarrow.compute as pc

    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
    is_whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less_equal(pc.abs(numbers), float(WHOLE_MAX)))
    whole = pc.if_else(is_whole, numbers, 0.0).cast(pa.int64())
    return pc.if_else(is_whole, whole.cast(pa.string()), numbers.cast(pa.string()))


def _text(column: pa.Array) -> pa.Array:
    return _flat(column).cast(pa.string())


def _timestamp(column: pa.Array) -> pa.Array:
    """Instants; those beyond what microseconds can say are the last or the first there is, for the server to refuse and count."""
    flat = _flat(column)
    if pt.is_string(flat.type):
        return _parsed(flat)
    if pt.is_date(flat.type):
        flat = flat.cast(pa.timestamp("ms"))
    if pt.is_timestamp(flat.type):
        return _in_micros(flat).cast(TIMESTAMP)
    import pyarrow.compute as pc

    seconds = flat.cast(pa.float64(), safe=False)
    seconds = pc.if_else(pc.is_nan(seconds), None, seconds)
    return _within(pc.round(pc.multiply(seconds, float(SECOND_US))), INT64_FLOAT_MAX).cast(pa.int64()).cast(TIMESTAMP)


def _in_micros(times: pa.Array) -> pa.Array:
    # What is stored is UTC in either case, with a zone by definition and without one by ours.
    factor = COARSE_US.get(times.type.unit)
    if factor is None:
        return times.cast(pa.timestamp("us", times.type.tz), safe=False).cast(pa.int64())
    import pyarrow.compute as pc

    return pc.multiply(_within(times.cast(pa.int64()), INT64_MAX // factor), factor)


def _within(values: pa.Array, most: float) -> pa.Array:
    import pyarrow.compute as pc

    return pc.max_element_wise(pc.min_element_wise(values, most, skip_nulls=False), -most, skip_nulls=False)


def _parsed(column: pa.Array) -> pa.Array:
    try:
        return column.cast(TIMESTAMP)
    except pa.ArrowInvalid:  # naive text
        pass
    try:
        return column.cast(pa.timestamp("us")).cast(pa.int64()).cast(TIMESTAMP)
    except pa.ArrowInvalid:  # of either kind, or written in a way of ISO 8601 that Arrow does not read
        return timestamps([micros(value) for value in column.to_pylist()])


# By kind of column, and by name of the reserved ones: which types the server takes as they are, and the cast for the others.
CASTS: dict[str, tuple[Callable[[pa.DataType], bool], Cast]] = {
    "numeric": (_is_plain_number, _number),
    "boolean": (_is_plain_number, _boolean),
    "categorical": (_is_category, _category),
    "id": (lambda kind: kind.equals(pa.int64()) or pt.is_string(kind), _id),
    "timestamp": (lambda kind: kind.equals(TIMESTAMP), _timestamp),
    "latency": (_is_plain_number, _number),
    "error": (pt.is_string, _text),
}


def _cast(column: pa.Array, step: Step) -> pa.Array:
    if step.cast is None:
        return column
    try:
        return step.cast(column)
    except (pa.ArrowException, ValueError, TypeError, InvalidInput) as error:
        reason = str(error).splitlines()[0]
        raise Unfit(f"{step.name}: a column of type {column.type} does not fit: {reason[:REASON_CHARS_MAX]}") from None


def _listed(names: "list[str] | tuple[str, ...]") -> str:
    shown = [name for name in names if not name.startswith(beside(""))]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")
