"""Tables as callers have them: any Arrow data, pandas and numpy, taken as record batches the caller can no longer change."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from driftline.errors import InvalidInput

# Columns given beside a table are carried under names that no data has: what they are called is known once the endpoint is open.
BESIDE = "\x00"


def beside(role: str) -> str:
    """The name under which a column given beside the table travels: "prediction", "id", or the position of a feature."""
    return BESIDE + role


def batches_of(table: Any, given: Mapping[str, Any]) -> list[pa.RecordBatch]:
    """The record batches of a table, with the columns given beside it. Raises InvalidInput, Arrow's errors, or the caller's own."""
    tabled = _table(table)
    for role, values in given.items():
        if values is not None:
            tabled = _with(tabled, role, values)
    return [batch for batch in tabled.to_batches() if batch.num_rows]


def is_pandas(data: Any) -> bool:
    """A DataFrame, told without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def _table(data: Any) -> pa.Table:
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if is_pandas(data):
        return _owned(_from_pandas(data))
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data).read_all()
    if hasattr(data, "__arrow_c_array__"):
        return pa.Table.from_batches([pa.record_batch(data)])
    if hasattr(data, "__array__"):
        return _from_matrix(np.asarray(data))
    raise InvalidInput(f"a {type(data).__name__} is no table; give Arrow data, a DataFrame, or a 2-d array in the schema's order")


def _from_pandas(frame: Any) -> pa.Table:
    columns = [_from_series(frame.iloc[:, position]) for position in range(frame.shape[1])]
    return pa.Table.from_arrays(columns, names=[str(name) for name in frame.columns])


def _from_series(series: Any) -> pa.Array:
    try:
        array = pa.Array.from_pandas(series)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # A column of mixed objects: as text, from which numbers and categories can still be read.
        texts = [None if value is None or value != value else str(value) for value in series]  # noqa: PLR0124 - NaN
        array = pa.array(texts, pa.string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _from_matrix(matrix: np.ndarray[Any, Any]) -> pa.Table:
    if matrix.ndim != 2:
        raise InvalidInput(f"an array of shape {matrix.shape} is no table; give one of shape (rows, features)")
    columns = [_copied(matrix[:, position]) for position in range(matrix.shape[1])]
    return pa.Table.from_arrays(columns, names=[beside(f"feature:{position}") for position in range(len(columns))])


def _with(table: pa.Table, role: str, values: Any) -> pa.Table:
    column = _column(values)
    if len(column) != table.num_rows:
        raise InvalidInput(f"{role}: {len(column)} values for {table.num_rows} rows")
    return table.append_column(beside(role), column)


def _column(values: Any) -> Any:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if sys.modules.get("pandas") is not None and isinstance(values, sys.modules["pandas"].Series):
        return _owned(pa.table({"values": _from_series(values)})).column(0)
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    if hasattr(values, "__arrow_c_array__"):
        return pa.array(values)
    if hasattr(values, "__array__"):
        array = np.asarray(values)
        return _copied(array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array)
    return pa.array(list(values))


def _copied(column: np.ndarray[Any, Any]) -> pa.Array:
    return pa.array(column.copy())


def _owned(table: pa.Table) -> pa.Table:
    """A copy in Arrow's own memory: pandas columns may be views of what the caller goes on changing."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()
