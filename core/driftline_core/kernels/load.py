"""Reading a block of a column: Arrow values of every type to float64 or to slots, nulls included."""

from typing import Any

import numpy as np

from driftline_core.kernels.jit import part
from driftline_core.kernels.pointers import array_at
from driftline_core.kernels.source import ValueType

u8 = np.uint8
u32 = np.uint32
u64 = np.uint64


@part
def load_numbers(source: Any, first: Any, rows: Any, scratch: Any) -> Any:
    """Values first … first + rows of a numeric column as float64, null as NaN: the column's own memory where it can be."""
    if source.type == ValueType.FLOAT64 and source.validity == 0:
        return array_at(source.values, first, rows, np.float64)
    values = scratch.values[:rows]
    _convert(source, first, values)
    if source.validity != 0:
        valid = unpack_bits(source.validity, first, rows, scratch.bits)
        for j in range(rows):
            values[j] = values[j] if valid[j] != 0 else np.nan
    return values


@part
def load_codes(source: Any, first: Any, remap: Any, slots: Any, bits: Any) -> None:
    """Slots of the dictionary codes first … first + rows."""
    address, kind, rows = source.values, source.type, slots.size
    remap = remap[source.remap_at : source.remap_at + source.entries + 1]
    valid = unpack_bits(source.validity, first, rows, bits) if source.validity != 0 else bits[:0]
    # Codes that are looked up are not negative, so signed ones are read as unsigned.
    if kind in (ValueType.INT32, ValueType.UINT32):
        _remap(array_at(address, first, rows, np.uint32), valid, remap, slots)
    elif kind in (ValueType.INT8, ValueType.UINT8):
        _remap(array_at(address, first, rows, np.uint8), valid, remap, slots)
    elif kind in (ValueType.INT16, ValueType.UINT16):
        _remap(array_at(address, first, rows, np.uint16), valid, remap, slots)
    else:
        _remap(array_at(address, first, rows, np.uint64), valid, remap, slots)


@part
def load_bits(source: Any, first: Any, slots: Any, bits: Any) -> None:
    """Slots of a boolean column: 0 false, 1 true, 2 null."""
    values = unpack_bits(source.values, first, slots.size, bits)
    for j in range(slots.size):
        slots[j] = values[j]
    if source.validity != 0:
        valid = unpack_bits(source.validity, first, slots.size, bits)
        for j in range(slots.size):
            slots[j] = slots[j] if valid[j] != 0 else u32(2)


@part
def unpack_bits(address: Any, first: Any, rows: Any, bits: Any) -> Any:
    """Bits first … first + rows of an Arrow bitmap, one in each byte of a view of `bits`; reads no byte beyond theirs."""
    skip = first & 7
    octets = array_at(address, first >> 3, (skip + rows + 7) >> 3, u8)
    for k in range(octets.size):
        octet = octets[k]
        for j in range(8):
            bits[u64(8 * k + j)] = (octet >> u8(j)) & u8(1)
    return bits[skip : skip + rows]


@part
def _convert(source: Any, first: Any, values: Any) -> None:
    address, kind, rows = source.values, source.type, values.size
    if kind == ValueType.FLOAT64:
        _widen(array_at(address, first, rows, np.float64), values)
    elif kind == ValueType.FLOAT32:
        _widen(array_at(address, first, rows, np.float32), values)
    elif kind == ValueType.INT64:
        _widen(array_at(address, first, rows, np.int64), values)
    elif kind == ValueType.INT32:
        _widen(array_at(address, first, rows, np.int32), values)
    elif kind == ValueType.INT16:
        _widen(array_at(address, first, rows, np.int16), values)
    elif kind == ValueType.INT8:
        _widen(array_at(address, first, rows, np.int8), values)
    elif kind == ValueType.UINT64:
        _widen(array_at(address, first, rows, np.uint64), values)
    elif kind == ValueType.UINT32:
        _widen(array_at(address, first, rows, np.uint32), values)
    elif kind == ValueType.UINT16:
        _widen(array_at(address, first, rows, np.uint16), values)
    else:
        _widen(array_at(address, first, rows, np.uint8), values)


@part
def _widen(narrow: Any, values: Any) -> None:
    for j in range(values.size):
        values[j] = narrow[j]


@part
def _remap(codes: Any, valid: Any, remap: Any, slots: Any) -> None:
    if valid.size == 0:
        for j in range(slots.size):
            slots[j] = remap[u64(codes[j])]
    else:
        null = u64(remap.size - 1)
        for j in range(slots.size):
            # The code under a null is any number; nobody has checked it.
            slots[j] = remap[u64(codes[j]) if valid[j] != 0 else null]
