"""What may be given as a reference, as a reader of record batches."""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from driftline.errors import InvalidInput
from driftline.formats import as_parquet
from driftline.names import column_name
from driftline.objects import UNREAD
from driftline.payload import is_sendable
from driftline.tables import from_series, is_pandas, no_table, unsendable
from driftline.used import IsUsed
from driftline.values import Unconvertible

READ_ROWS = 65_536  # of a file at a time
_NAMELESS_INDEX = re.compile(r"__index_level_\d+__")


def reader_of(reference: Any, is_used: IsUsed) -> pa.RecordBatchReader:
    """A reader of any tabular source: Arrow data, pandas, polars, a record batch reader, or the path of a Parquet file.

    The index of a DataFrame is no column, as it is none where predictions are logged. Of a DataFrame, columns that are not used are
    nulls already, since Arrow may not know their type. Raises InvalidInput.
    """
    if reason := no_table(reference):
        raise InvalidInput(f"reference: {reason}")
    try:
        return _without_nameless_index(_reader_of(reference, is_used))
    except UNREAD as error:
        raise InvalidInput(f"reference: {error}") from None


def _reader_of(reference: Any, is_used: IsUsed) -> pa.RecordBatchReader:
    if isinstance(reference, str | os.PathLike):
        return _parquet(reference)
    if isinstance(reference, pa.RecordBatchReader):
        return reference
    if isinstance(reference, pa.RecordBatch):
        reference = pa.Table.from_batches([reference])
    if isinstance(reference, pa.Table):
        return reference.to_reader()
    return _from_other(reference, is_used)


def _from_other(reference: Any, is_used: IsUsed) -> pa.RecordBatchReader:
    """A reader of what is none of Arrow's own."""
    _require_whole_names(reference)
    if is_pandas(reference):
        series = (reference.iloc[:, position] for position in range(reference.shape[1]))
        return _from_frame(zip(reference.columns, series, strict=True), _from_series, is_used)
    if hasattr(reference, "get_columns"):  # polars
        return _from_frame(((series.name, series) for series in reference.get_columns()), pa.chunked_array, is_used)
    if hasattr(reference, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(reference)
    if hasattr(reference, "__arrow_c_array__"):
        batch = pa.record_batch(reference)
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])
    raise InvalidInput(
        f"a {type(reference).__name__} is no reference; give an Arrow table or reader, a DataFrame, or the path of a Parquet file"
    )


def _from_frame(columns: Iterable[tuple[Any, Any]], convert: Callable[[Any], Any], is_used: IsUsed) -> pa.RecordBatchReader:
    names, arrays = [], []
    for given, column in columns:
        names.append(column_name(given))
        arrays.append(_converted(given, column, convert) if is_used(names[-1]) else pa.nulls(len(column)))
    return pa.Table.from_arrays(arrays, names=names).to_reader()


def _from_series(series: Any) -> pa.Array:
    if getattr(series.dtype, "kind", "") == "c":  # else its numbers would be categories
        raise TypeError("complex numbers")
    return from_series(series)


def _converted(name: Any, column: Any, convert: Callable[[Any], Any]) -> Any:
    try:
        converted = convert(column)
    except Unconvertible as error:
        raise _refused(name, f"cannot be sent: {error}") from None
    except UNREAD as error:
        raise _refused(name, unsendable(column.dtype, error)) from None
    if not is_sendable(converted.type):
        raise _refused(name, unsendable(column.dtype))
    return converted


def _refused(name: Any, reason: str) -> InvalidInput:
    return InvalidInput(
        f"reference: column {name!r} {reason}, or leave it out where the endpoint is created (exclude=[{str(name)!r}])"
    )


def _without_nameless_index(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The reader without what pandas writes into files and tables for an index that has no name."""
    index = [name for name in (reader.schema.pandas_metadata or {}).get("index_columns", ()) if isinstance(name, str)]
    kept = [
        position for position, name in enumerate(reader.schema.names) if name not in index or not _NAMELESS_INDEX.fullmatch(name)
    ]
    if len(kept) == len(reader.schema):
        return reader
    schema = pa.schema([reader.schema.field(position) for position in kept])
    return pa.RecordBatchReader.from_batches(schema, (batch.select(kept).replace_schema_metadata() for batch in reader))


def _require_whole_names(reference: Any) -> None:
    """Arrow's C interface ends a name at its first NUL: of a DataFrame's column the server would see another one."""
    names = getattr(reference, "columns", ())
    for name in names if isinstance(names, Iterable) else ():
        if isinstance(name, str) and "\0" in name:
            raise InvalidInput(f"reference: column {name!a} has a control character in its name; give it a plain one")


def _parquet(path: str | os.PathLike[str]) -> pa.RecordBatchReader:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise InvalidInput(f"reference: there is no file {os.fspath(path)!r}") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidInput(f"reference: {os.fspath(path)!r} cannot be read as Parquet: {error}; {as_parquet(path)}") from None
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(batch_size=READ_ROWS))
