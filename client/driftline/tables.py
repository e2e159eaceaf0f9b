"""Tables as callers have them, taken as record batches: pandas and numpy as copies, Arrow's, which nobody changes, as they are."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from driftline.carried import Columns, beside, unmarked, without
from driftline.errors import InvalidInput
from driftline.names import column_name
from driftline.objects import UNREAD, column_of, columns_of, listed, native
from driftline.payload import compact, is_sendable
from driftline.values import Unconvertible

OF_ANY_KIND = ("prediction", "label")  # what is given beside a table for these may be numbers or categories


def batches_of(table: Any, given: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
    """The record batches of a table, with the columns given beside it; a reader is read as batches are asked for.

    Raises InvalidInput, Arrow's errors, or the caller's own.
    """
    beside_it = {role: values for role, values in given.items() if values is not None}
    batches: Iterable[pa.RecordBatch]
    if not beside_it and isinstance(table, pa.RecordBatchReader):
        batches = map(_unmarked, table)
    elif not beside_it and isinstance(table, pa.RecordBatch):
        batches = [_unmarked(table)]
    else:
        tabled = _table(table)
        for role, values in beside_it.items():
            tabled = _with(tabled, role, values)
        batches = tabled.to_batches()
    yield from (sendable(batch) for batch in batches if batch.num_rows)


class _Sendable:
    """The last schema of which every column can be sent: from one batch to the next they seldom differ."""

    last = pa.schema([])


def sendable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, without the columns that Arrow can neither copy nor send."""
    schema = batch.schema
    if _Sendable.last.equals(schema):
        return batch
    if all(map(is_sendable, schema.types)):
        _Sendable.last = schema
        return batch
    columns: Columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        columns += [(name, column)] if is_sendable(column.type) else without(name, len(column), unsendable(column.type))
    return pa.RecordBatch.from_arrays([column for _, column in columns], names=[name for name, _ in columns])


def unsendable(kind: Any, error: Exception | None = None) -> str:
    """Why a column of a type cannot be sent, and what to do about it."""
    return f"is of type {kind}, which Arrow cannot take{f' ({error})' if error else ''}; cast it to plain numbers or text"


def owned(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A copy in memory of its own, which holds on to nothing else; a slice is copied without the rest."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_stream(sink.getvalue()).read_next_batch()


def pieces_of(batch: pa.RecordBatch, *, rows_max: int, bytes_max: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The batch in pieces and the bytes of each, dictionaries included; a piece larger than `bytes_max` has one row.

    A piece is copied where it would hold on to much more memory than that: the last rows of a large table to all of it.
    """
    held_bytes = batch.get_total_buffer_size()
    if batch.num_rows <= rows_max and held_bytes <= bytes_max:
        yield batch, held_bytes
        return
    rows = max(1, min(rows_max, batch.num_rows * bytes_max // _needed_bytes(batch)))
    for start in range(0, batch.num_rows, rows):
        piece = batch.slice(start, rows)
        if (needed_bytes := _needed_bytes(piece)) > bytes_max:
            piece = compact(piece)
            needed_bytes = _needed_bytes(piece)
        yield (owned(piece) if held_bytes > bytes_max + needed_bytes else piece), needed_bytes


def _needed_bytes(batch: pa.RecordBatch) -> int:
    """At least 1; more than needed for types that it cannot be told for."""
    try:
        return max(1, int(batch.nbytes))
    except (pa.ArrowException, TypeError):
        return max(1, int(batch.get_total_buffer_size()))


def is_pandas(data: Any) -> bool:
    """A DataFrame, told without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def is_series(data: Any) -> bool:
    """A Series, told without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.Series)


def no_table(data: Any) -> str | None:
    """Why data that looks like a table is none, and what to give instead; None for what may be one."""
    kind = type(data).__name__
    if kind == "Series":
        return "a Series is one column; give a table, as series.to_frame()"
    if kind == "LazyFrame":
        return "a LazyFrame has no rows yet; give frame.collect()"
    return None


def _table(data: Any) -> pa.Table:
    if reason := no_table(data):
        raise InvalidInput(reason)
    if isinstance(data, pa.RecordBatchReader):
        data = data.read_all()  # not through the C interface, which ends a name at its first NUL
    if isinstance(data, pa.Table):
        return _unmarked(data)
    if isinstance(data, pa.RecordBatch):
        return _unmarked(pa.Table.from_batches([data]))
    if is_pandas(data):
        return _owned_table(from_pandas(data))
    return _from_other(data)


def _unmarked(table: Any) -> Any:
    """A table or a batch, none of whose columns is named as what travels beside them."""
    names = table.schema.names
    own = [unmarked(name) for name in names]
    return table if own == names else table.rename_columns(own)


def _from_other(data: Any) -> pa.Table:
    """The table of what is neither Arrow's nor pandas'."""
    if hasattr(data, "get_columns"):  # polars
        return _tabled([column for series in data.get_columns() for column in _of_polars(series)])
    if hasattr(data, "__arrow_c_stream__"):
        return _unmarked(pa.RecordBatchReader.from_stream(data).read_all())
    if hasattr(data, "__arrow_c_array__"):
        return _unmarked(pa.Table.from_batches([pa.record_batch(data)]))
    if hasattr(data, "__array__"):
        return _from_matrix(_array(data))
    raise InvalidInput(f"a {type(data).__name__} is no table; give Arrow data, a DataFrame, or a 2-d array in the schema's order")


def from_pandas(frame: Any) -> pa.Table:
    """The columns of a DataFrame, under the names that the server has for them; without its index."""
    given = ((unmarked(column_name(name)), frame.iloc[:, position]) for position, name in enumerate(frame.columns))
    return _tabled([column for name, series in given for column in _of_series(series, name)])


def _of_series(series: Any, name: str) -> Columns:
    try:
        columns = columns_of(_readable(series), name)
    except Exception as error:  # whatever an array of somebody's own raises
        return without(name, len(series), unsendable(series.dtype, error))
    return columns if is_sendable(columns[0][1].type) else without(name, len(series), unsendable(series.dtype))


def _of_polars(series: Any) -> Columns:
    name = unmarked(series.name)
    try:
        return [(name, pa.chunked_array(series))]
    except UNREAD as error:
        return without(name, len(series), unsendable(series.dtype, error))


def _tabled(columns: Columns) -> pa.Table:
    return pa.Table.from_arrays([column for _, column in columns], names=[name for name, _ in columns])


def from_series(series: Any, role: str = "") -> pa.Array:
    """The column of a Series; `role` is that of a column given beside a table."""
    return column_of(_readable(series), role)


def _readable(series: Any) -> Any:
    """The values of a Series in a form that Arrow reads."""
    kind = series.dtype
    if hasattr(kind, "fill_value"):  # pandas' sparse ones
        series, kind = series.sparse.to_dense(), kind.subtype
    is_foreign = isinstance(kind, np.dtype) and (not kind.isnative or kind == np.longdouble)
    return native(series.to_numpy()) if is_foreign else series


def _from_matrix(matrix: np.ndarray[Any, Any]) -> pa.Table:
    if matrix.ndim != 2:
        raise InvalidInput(f"an array of shape {matrix.shape} is no table; give one of shape (rows, features)")
    places = range(matrix.shape[1])
    return _tabled([column for place in places for column in columns_of(native(matrix[:, place]), beside(f"feature:{place}"))])


def _with(table: pa.Table, role: str, values: Any) -> pa.Table:
    is_shared = is_series(values)  # Arrow's column may be pandas' own memory
    values = _values(values, role)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        columns: Columns = [(beside(role), values)]
    elif role in OF_ANY_KIND:
        columns = columns_of(values, beside(role))
    else:
        columns = [(beside(role), _column(values, role))]
    if len(columns[0][1]) != table.num_rows:
        raise InvalidInput(f"{role}: {len(columns[0][1])} values for {table.num_rows} rows")
    given = _owned_table(_tabled(columns)) if is_shared else _tabled(columns)
    for name, column in zip(given.column_names, given.columns, strict=True):
        table = table.append_column(name, column)
    return table


def _column(values: Any, role: str) -> pa.Array:
    try:
        return column_of(values, role)
    except Unconvertible as error:
        raise InvalidInput(f"{role}: {error}") from None


def _values(values: Any, role: str) -> Any:
    """What was given for a role, as Arrow's own or in a form that it reads."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if is_series(values):
        return _readable(values)
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    if hasattr(values, "__arrow_c_array__"):
        return pa.array(values)
    if hasattr(values, "__array__"):
        array = _array(values)
        array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        if array.ndim != 1:
            raise InvalidInput(f"{role}: an array of shape {array.shape}; give one value for each row of the table")
        return native(array)
    return listed(values, role)


def _array(values: Any) -> np.ndarray[Any, Any]:
    """A numpy array, with its mask if it has one: what is masked becomes null."""
    return values if isinstance(values, np.ma.MaskedArray) else np.asarray(values)


def _owned_table(table: pa.Table) -> pa.Table:
    return pa.Table.from_batches([owned(batch) for batch in table.to_batches()], schema=table.schema)
