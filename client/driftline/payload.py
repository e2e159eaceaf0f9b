"""Record batches as payloads: encapsulated IPC messages without their schema, each standing alone."""

import pyarrow as pa
from pyarrow import types as pt

from driftline import arrays
from driftline.errors import InvalidInput

CATEGORIES = pa.dictionary(pa.int32(), pa.string())
END_MARK_BYTES = 8


def schema_message(schema: pa.Schema) -> bytes:
    """A schema as an encapsulated IPC message, without the metadata that libraries attach."""
    return bytes(pa.schema([pa.field(field.name, field.type) for field in schema]).serialize())


def payload_of(batch: pa.RecordBatch, *, dictionaries: bool = True) -> pa.Buffer:
    """The payload of a batch; `dictionaries` False promises that it has no dictionary column, which is cheaper."""
    if not dictionaries:
        return batch.serialize()
    batch = compact(batch)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    stream = sink.getvalue()
    schema_bytes = 8 + int.from_bytes(stream.slice(4, 4).to_pybytes(), "little")
    return stream.slice(schema_bytes, stream.size - schema_bytes - END_MARK_BYTES)


def compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A slice of a long column drags its whole dictionary along; keep what its rows use."""
    if not any(pt.is_dictionary(column.type) and len(column.dictionary) > len(column) for column in batch.columns):
        return batch
    columns = [_rebuilt(column) if pt.is_dictionary(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch in the types that every reader knows: views, large strings, run ends and extensions unfolded; no metadata."""
    names = [str(name) for name in batch.schema.names]
    columns = [_plain(column, name) for column, name in zip(batch.columns, names, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=names)


def plain_column(column: pa.Array) -> pa.Array:
    """The column in plain types; what has no plain form is returned as it is, for the server to say what is wrong with it.

    A dictionary of numbers stays one: categorical, unless the endpoint says numeric. One of times is times, which are refused.
    Raises ValueError for pandas' periods.
    """
    if isinstance(column, pa.ExtensionArray):
        column = _stored(column)
    if isinstance(column, pa.RunEndEncodedArray):
        import pyarrow.compute as pc

        column = pc.run_end_decode(column)
    if is_text(column.type):
        return column.cast(pa.string())
    if pt.is_dictionary(column.type) and not is_categories(column.type):
        if is_text(column.type.value_type):
            return column.cast(CATEGORIES)
        if pt.is_temporal(column.type.value_type):
            return column.dictionary_decode()
    return column


def is_categories(kind: pa.DataType) -> bool:
    """A dictionary of plain strings."""
    return bool(pt.is_dictionary(kind) and pt.is_string(kind.value_type))


def is_sendable(kind: pa.DataType) -> bool:
    """Not a dictionary of an extension type, as pandas' intervals are: Arrow's messages cannot hold one."""
    return not (pt.is_dictionary(kind) and isinstance(kind.value_type, pa.BaseExtensionType))


def is_text(kind: pa.DataType) -> bool:
    """Strings in any of Arrow's layouts but the plain one."""
    return bool(pt.is_large_string(kind) or pt.is_string_view(kind))


def _plain(column: pa.Array, name: str) -> pa.Array:
    try:
        return plain_column(column)
    except ValueError as error:
        raise InvalidInput(f"column {name!r}: {error}, or leave it out (exclude=[{name!r}])") from None


def _stored(column: pa.ExtensionArray) -> pa.Array:
    match column.type.extension_name:
        case "arrow.uuid":
            return arrays.texts([None if value is None else str(value) for value in column.to_pylist()])
        case "pandas.period":  # stored as how many there were since 1970, which says nothing to anyone
            raise ValueError("periods are moments and no values; give texts, as series.astype(str)")
        case "arrow.bool8":
            return column.storage.cast(pa.bool_())
    return column.storage


def _rebuilt(column: pa.DictionaryArray) -> pa.Array:
    if len(column.dictionary) <= len(column):
        return column
    return column.dictionary_decode().dictionary_encode().cast(column.type)
