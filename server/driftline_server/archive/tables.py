"""Rows of several batches as one table, and tables as Parquet."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from driftline_core.rows import compact, compacted

# Rows are read again by groups of them: as many as are decoded at once.
GROUP_ROWS = 16_384
_SEEN_ROWS = 1024  # by which a column of numbers is judged
_DICTIONARY_BYTES_MAX = 1 << 30  # past it words would be written out, row by row


def joined(rows: Sequence[pa.RecordBatch], time: str) -> pa.Table:
    """Rows of one endpoint ordered by event time, those of one time as they came; ids that are not all whole numbers are text."""
    schema = joined_schema([each.schema for each in rows])
    table = pa.Table.from_batches([conformed(each, schema) for each in rows]).unify_dictionaries().combine_chunks()
    times = table.column(time).cast(pa.int64()).to_numpy()
    if (times[1:] < times[:-1]).any():
        table = table.take(pa.array(times.argsort(kind="stable")))
    return table


def joined_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The one schema that rows of an endpoint fit: only its id may have one type here and another there."""
    fields = [max((schema.field(name) for schema in schemas), key=_breadth) for name in schemas[0].names]
    return pa.schema(fields)


def conformed(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of a schema, in its types."""
    columns = [(rows.column(field.name), field.type) for field in schema]
    arrays = [column if column.type == wanted else column.cast(wanted) for column, wanted in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def parquet_of(table: pa.Table, time: str) -> pa.Buffer:
    """A table as Parquet: words once, numbers by dictionary where few differ, the span of times known of each group of rows."""
    sink = pa.BufferOutputStream()
    columns = [_compact(column) for column in table.columns]
    pq.write_table(
        pa.Table.from_arrays(columns, schema=table.schema),
        sink,
        compression="zstd",
        compression_level=1,
        row_group_size=GROUP_ROWS,
        use_dictionary=[name for name, column in zip(table.schema.names, columns, strict=True) if _repeats(column)],
        dictionary_pagesize_limit=_DICTIONARY_BYTES_MAX,
        write_statistics=[time],
        write_page_checksum=True,
    )
    return sink.getvalue()


def batches_of(table: pa.Table) -> list[pa.RecordBatch]:
    """The record batches of a table, their dictionaries compact."""
    return [compacted(batch) for batch in table.to_batches()]


def _breadth(field: pa.Field) -> bool:
    return bool(types.is_string(field.type))


def _compact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not types.is_dictionary(column.type):
        return column
    return pa.chunked_array([compact(chunk) for chunk in column.chunks], column.type)


def _repeats(column: pa.ChunkedArray) -> bool:
    if types.is_dictionary(column.type):
        return True
    if types.is_boolean(column.type):
        return False
    seen = column.slice(0, _SEEN_ROWS)
    return len(seen.unique()) <= len(seen) // 2
