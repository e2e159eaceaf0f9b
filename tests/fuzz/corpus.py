"""What is mutated: one endpoint, and honest payloads for it of every type and shape a payload may have."""

import decimal
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from tests.e2e.push import payload_of, stream_of

ROWS = 40
HOUR_US = 3_600_000_000
WORDS = ("DE", "FR", "other", "null", "", "a word of more than twelve bytes")


@dataclass(frozen=True, slots=True)
class Wire:
    """A schema that batches are declared in, and honest payloads of it."""

    name: str
    schema: pa.Schema
    payloads: tuple[bytes, ...]


def reference(rows: int = 400) -> pa.RecordBatch:
    """What the endpoint's bins are cut from; `code` is to be categorical."""
    rng = np.random.default_rng(0)
    return pa.record_batch(
        {
            "amount": rng.normal(100, 30, rows),
            "clicks": pa.array(rng.poisson(4, rows)),
            "price": np.round(rng.gamma(2, 20, rows), 2),
            "known": pa.array(rng.random(rows) < 0.3, mask=rng.random(rows) < 0.05),
            "country": pa.array(rng.choice(WORDS[:3], rows).tolist(), mask=rng.random(rows) < 0.05),
            "city": pa.array(rng.choice(WORDS, rows).tolist()),
            "code": pa.array(rng.integers(0, 9, rows)),
        }
    )


def wires(now_us: int) -> list[Wire]:
    """Every wire; event times, where there are any, lie two to four hours before `now_us`."""
    rng = np.random.default_rng(1)
    made = []
    for name, columns in _SCHEMAS.items():
        schema = pa.schema([(column, arrow) for column, arrow in columns.items()])
        batches = [_batch(rng, schema, rows, now_us) for rows in (ROWS, 1, 9, ROWS)]
        encode = stream_of if name.startswith("stream") else payload_of
        made.append(Wire(name, schema, tuple(map(encode, batches))))
    return made


_TIME = pa.timestamp("us")
_SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "plain": {"amount": pa.float64(), "clicks": pa.int32(), "price": pa.float32(), "known": pa.bool_(), "timestamp": _TIME},
    "narrow": {"amount": pa.float16(), "clicks": pa.uint8(), "price": pa.decimal128(9, 2), "known": pa.int8(), "code": pa.int16()},
    "wide": {"clicks": pa.uint64(), "price": pa.int64(), "code": pa.int64(), "amount": pa.bool_(), "extra": pa.binary()},
    "text": {"country": pa.string(), "city": pa.large_string(), "amount": pa.float64(), "code": pa.null()},
    "views": {"country": pa.string_view(), "amount": pa.float64(), "city": pa.string_view()},
    "coded-views": {"city": pa.dictionary(pa.int8(), pa.string_view()), "amount": pa.float64()},
    "coded": {
        "country": pa.dictionary(pa.int8(), pa.string()),
        "amount": pa.float64(),
        "city": pa.dictionary(pa.int32(), pa.large_string()),
        "code": pa.dictionary(pa.uint8(), pa.int64()),
        "timestamp": _TIME,
    },
    "stream": {"amount": pa.float64(), "clicks": pa.int16(), "known": pa.bool_()},
    "stream-coded": {"country": pa.dictionary(pa.uint16(), pa.string()), "price": pa.float64(), "known": pa.bool_()},
}


def _batch(rng: np.random.Generator, schema: pa.Schema, rows: int, now_us: int) -> pa.RecordBatch:
    return pa.record_batch([_array(rng, field.name, field.type, rows, now_us) for field in schema], schema=schema)


def _array(rng: np.random.Generator, name: str, arrow: pa.DataType, rows: int, now_us: int) -> pa.Array:
    holes = rng.random(rows) < 0.1
    if pa.types.is_null(arrow):
        return pa.nulls(rows)
    if pa.types.is_timestamp(arrow):
        return pa.array(now_us - rng.integers(2 * HOUR_US, 4 * HOUR_US, rows), mask=holes).cast(arrow)
    if pa.types.is_dictionary(arrow):
        values = list(WORDS) if name != "code" else [3, 1, 77]
        codes = pa.array(rng.integers(0, len(values) + 1, rows), mask=holes).cast(arrow.index_type)
        return pa.DictionaryArray.from_arrays(codes, pa.array([*values, None], arrow.value_type))
    if pa.types.is_decimal(arrow):
        return pa.array([decimal.Decimal(int(cents)).scaleb(-2) for cents in rng.integers(0, 9999, rows)], arrow)
    if pa.types.is_boolean(arrow):
        return pa.array(rng.random(rows) < 0.4, mask=holes)
    if name in ("country", "city", "extra"):
        return pa.array(rng.choice(WORDS, rows).tolist(), mask=holes).cast(arrow)
    if pa.types.is_floating(arrow):
        return pa.array(rng.normal(100, 40, rows).astype(arrow.to_pandas_dtype()), mask=holes)
    return pa.array(rng.poisson(4, rows), mask=holes).cast(arrow)
