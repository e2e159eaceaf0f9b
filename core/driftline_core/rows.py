"""The rows of a batch in one schema, whatever the schema they came in: the values that were counted, to be kept and read again.

Columns have the types that they are counted in: float64, bool, and strings by code. The event time is there for every row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import types

from driftline_core.coercion import Cast, as_string, cast_for
from driftline_core.errors import InvalidInput
from driftline_core.names import column_names
from driftline_core.panes import Micros
from driftline_core.schema import Column, Kind
from driftline_core.times import outside, times_us

CODES = pa.dictionary(pa.int32(), pa.string())
TIME = pa.timestamp("us", "UTC")

_SMALL = 8  # times as many rows as words

_TYPES = {Kind.NUMERIC: pa.float64(), Kind.BOOLEAN: pa.bool_(), Kind.CATEGORICAL: CODES}


@dataclass(frozen=True, slots=True)
class RowNames:
    """What the columns beside an endpoint's own are called: as in its batches. Empty: the endpoint has none."""

    id: str
    timestamp: str
    latency: str
    error: str
    arrival: str

    @classmethod
    def of(cls, columns: Sequence[Column], reserved: Mapping[str, str]) -> "RowNames":
        """The names, those of an event time and of an arrival apart from every other where the endpoint's batches have none."""
        taken = {column.name for column in columns} | set(reserved.values())
        time = reserved.get("timestamp") or _free("timestamp", taken)
        arrival = _free("_arrival", taken | {time})
        return cls(reserved.get("id", ""), time, reserved.get("latency", ""), reserved.get("error", ""), arrival)


def row_schema(columns: Sequence[Column], names: RowNames, id_type: pa.DataType) -> pa.Schema:
    """The schema of an endpoint's rows: id, event time, columns, latency, error, arrival."""
    fields = [(names.id, id_type)] if names.id else []
    fields += [(names.timestamp, TIME), *((column.name, _TYPES[column.kind]) for column in columns)]
    fields += [(names.latency, pa.float64())] if names.latency else []
    fields += [(names.error, pa.string())] if names.error else []
    return pa.schema([*fields, (names.arrival, TIME)])


@dataclass(frozen=True, slots=True)
class RowPlan:
    """How batches of one declared schema become rows; made once for each."""

    schema: pa.Schema
    names: RowNames
    _sources: tuple[tuple[int, Cast] | None, ...]  # by column of the schema, but the arrival; None: the batches have none
    _time: int | None

    @classmethod
    def of(cls, declared: pa.Schema, columns: Sequence[Column], reserved: Mapping[str, str]) -> "RowPlan":
        """The plan for a schema that counting takes (binding.Plan). Raises InvalidInput where it does not."""
        names = RowNames.of(columns, reserved)
        at = {name: index for index, name in enumerate(column_names(declared.names))}
        kinds = {column.name: column.kind for column in columns} | ({names.latency: Kind.NUMERIC} if names.latency else {})
        id_type = _id_type(declared.types[at[names.id]]) if names.id in at else pa.int64()
        schema = row_schema(columns, names, id_type)
        sources: list[tuple[int, Cast] | None] = []
        for field in list(schema)[:-1]:
            index = at.get(field.name)
            if index is None or field.name == names.timestamp:
                sources.append(None)
            elif field.name in kinds:
                sources.append((index, _value_cast(declared.types[index], kinds[field.name], field.name)))
            else:
                sources.append((index, _told_cast(field.type)))
        return cls(schema, names, tuple(sources), at.get(reserved.get("timestamp", "")))

    @property
    def has_id(self) -> bool:
        """Whether the batches say which row is which."""
        return bool(self.names.id) and self._sources[self.schema.get_field_index(self.names.id)] is not None

    def times_us(self, batch: pa.RecordBatch, arrival_us: int) -> Micros:
        """The event times of a batch's rows."""
        if self._time is None:
            return np.full(batch.num_rows, arrival_us, np.int64)
        return times_us(batch.column(self._time), arrival_us)

    def rows(self, batch: pa.RecordBatch, arrival_us: int) -> pa.RecordBatch:
        """The rows of a validated batch, in its order."""
        arrays = [self._array(index, batch) for index in range(len(self._sources))]
        arrays[self.schema.get_field_index(self.names.timestamp)] = pa.array(self.times_us(batch, arrival_us)).view(TIME)
        arrays.append(pa.array(np.full(batch.num_rows, arrival_us, np.int64)).view(TIME))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, index: int, batch: pa.RecordBatch) -> pa.Array:
        source = self._sources[index]
        if source is None:
            return pa.nulls(batch.num_rows, self.schema.types[index])
        position, cast = source
        return cast(batch.column(position))


def counted(times: Micros, arrival_us: int, *, future_max_us: int, retention_us: int) -> npt.NDArray[np.bool_]:
    """Which rows are counted: those neither too far ahead of their arrival nor too far behind it."""
    future, expired = outside(times, arrival_us, future_max_us=future_max_us, retention_us=retention_us)
    counted_: npt.NDArray[np.bool_] = ~(future | expired)
    return counted_


def compact(array: pa.Array) -> pa.Array:
    """Strings by code, with a dictionary of what the rows use: each word once, and none that is null.

    A dictionary that is good and small beside the rows stays as it is.

    >>> compact(pa.DictionaryArray.from_arrays([2, 0, 1], ["a", None, "a"])).to_pylist()
    ['a', 'a', None]
    """
    known = as_string(array.dictionary)
    if len(known) <= len(array) // _SMALL and not known.null_count and len(known.unique()) == len(known):
        return pa.DictionaryArray.from_arrays(array.indices.cast(pa.int32()), known)
    used = array.indices.dictionary_encode()
    words = known.take(used.dictionary).dictionary_encode()
    return pa.DictionaryArray.from_arrays(words.indices.take(used.indices), words.dictionary)


def compacted(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows whose dictionaries hold what they use, a slice of many more rows for one."""
    columns = [compact(column) if types.is_dictionary(column.type) else column for column in rows.columns]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"_{name}"
    return name


def _id_type(declared: pa.DataType) -> pa.DataType:
    values = declared.value_type if types.is_dictionary(declared) else declared
    is_whole = types.is_integer(values) and not types.is_uint64(values)
    return pa.int64() if is_whole or types.is_null(values) else pa.string()


def _value_cast(declared: pa.DataType, kind: Kind, name: str) -> Cast:
    """As counting casts, and on to the one type of the kind."""
    cast = cast_for(declared, kind, name)

    def value(array: pa.Array) -> pa.Array:
        made = cast(array) if cast else array
        match kind:
            case Kind.CATEGORICAL:
                return compact(made)
            case Kind.NUMERIC:
                return made.cast(pa.float64(), safe=False)
            case Kind.BOOLEAN:
                return made

    return value


def _told_cast(wanted: pa.DataType) -> Cast:
    """For columns that are not counted: what cannot be read becomes null."""

    def told(array: pa.Array) -> pa.Array:
        plain = array.dictionary_decode() if types.is_dictionary(array.type) else array
        try:
            return as_string(plain) if types.is_string(wanted) else plain.cast(wanted)
        except (pa.ArrowException, InvalidInput):
            return pa.nulls(len(array), wanted)

    return told
