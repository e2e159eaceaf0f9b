"""The addresses of a record batch's buffers, through the Arrow C data interface.

pyarrow's `buffers()` makes a Python object of every buffer; the C data interface is one struct that a kernel walks.
"""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftline_core.kernels.jit import kernel
from driftline_core.kernels.lookup import Lookup, Mode
from driftline_core.kernels.pointers import array_at
from driftline_core.kernels.source import ABSENT, SOURCE, ValueType

Slots = npt.NDArray[np.uint32]

_NO_SLOTS: Slots = np.empty(0, np.uint32)


@dataclass(frozen=True, slots=True)
class Binding:
    """Which column of a stream's batches feeds which column of a layout, and how its values are read.

    columns  SOURCE[D], addresses unset
    remap    dictionary index → slot, then the null slot: a stretch for each dictionary column, one after the other
    """

    columns: npt.NDArray[np.void]
    remap: Slots

    @property
    def dictionaries(self) -> tuple[int, ...]:
        """Positions in the layout of the columns that come as dictionary codes."""
        return tuple(np.flatnonzero(self.columns["entries"] != ABSENT).tolist())


@dataclass(frozen=True, slots=True)
class PinnedBatch:
    """A record batch's addresses, good as long as this object lives: it owns what they point to."""

    rows: int
    columns: npt.NDArray[np.void]
    remap: Slots
    owner: object


@dataclass(frozen=True, slots=True)
class Places:
    """Where the columns of a batch lie in its payload, which is the same in every payload with the same header."""

    rows: int
    columns: npt.NDArray[np.void]  # SOURCE[D], addresses counted from the payload's start
    remap: Slots
    present: npt.NDArray[np.int64]  # 1 for a column that the batch has, else 0

    @classmethod
    def of(cls, pinned: PinnedBatch, payload: pa.Buffer) -> "Places":
        """The places of a batch without nulls whose buffers are views of its payload."""
        columns, present = pinned.columns.copy(), (pinned.columns["values"] != 0).astype(np.int64)
        columns["values"] -= payload.address * present
        return cls(pinned.rows, columns, pinned.remap, present)

    def pin(self, payload: pa.Buffer) -> PinnedBatch:
        """The batch in another payload with that header."""
        columns = self.columns.copy()
        columns["values"] += payload.address * self.present
        return PinnedBatch(self.rows, columns, self.remap, payload)


def bind(schema: pa.Schema, names: Sequence[str], lookup: Lookup) -> Binding:
    """Bind the columns of a schema to those of a layout, by name: names[c] is that of lookup.columns[c].

    A name the schema lacks is absent, and `update` passes it over. Raises TypeError for a type that kernels do not read for a
    column's kind: numeric columns take float32, float64 and integers; boolean ones bool; categorical ones dictionaries.
    Dictionaries are taken to be empty until `with_remaps` says otherwise.
    """
    columns = np.zeros(len(names), SOURCE)
    columns["entries"] = ABSENT
    columns["null"] = lookup.columns["slots"] - 1
    for column, name, mode in zip(columns, names, lookup.columns["mode"].tolist(), strict=True):
        column["child"] = schema.get_field_index(name)
        if column["child"] == ABSENT:
            continue
        arrow = schema.field(name).type
        if pa.types.is_dictionary(arrow) != (mode == Mode.CODES) or pa.types.is_boolean(arrow) != (mode == Mode.BITS):
            raise TypeError(f"column {name!r} is {arrow}, which kernels do not read as {Mode(mode).name}; cast it first")
        if mode == Mode.CODES:
            column["entries"] = 0
            arrow = arrow.index_type
        if arrow not in VALUE_TYPES:
            raise TypeError(f"column {name!r} is {arrow}, which kernels do not read; cast it first")
        column["type"] = VALUE_TYPES[arrow]
    binding = Binding(columns, _NO_SLOTS)
    return with_remaps(binding, dict.fromkeys(binding.dictionaries, _NO_SLOTS))


VALUE_TYPES = {
    pa.float64(): ValueType.FLOAT64,
    pa.float32(): ValueType.FLOAT32,
    pa.int64(): ValueType.INT64,
    pa.int32(): ValueType.INT32,
    pa.int16(): ValueType.INT16,
    pa.int8(): ValueType.INT8,
    pa.uint64(): ValueType.UINT64,
    pa.uint32(): ValueType.UINT32,
    pa.uint16(): ValueType.UINT16,
    pa.uint8(): ValueType.UINT8,
    pa.bool_(): ValueType.BIT,
}


def with_remaps(binding: Binding, remaps: Mapping[int, Slots]) -> Binding:
    """The binding for new dictionaries: at each position of `binding.dictionaries`, the slot of every entry of the dictionary.

    A null entry is to have the null slot, an entry that is no category that of `other`. Raises ValueError for slots that the
    column has not.
    """
    columns = binding.columns.copy()
    parts, length = [_NO_SLOTS], 0
    for position in binding.dictionaries:
        slots, null = remaps[position], columns["null"][position : position + 1]
        if (slots > null).any():
            raise ValueError(f"the remap of column {position} has slots beyond the last, {null[0]}")
        columns["remap_at"][position], columns["entries"][position] = length, len(slots)
        parts += [slots, null]
        length += len(slots) + 1
    return Binding(columns, np.concatenate(parts).astype(np.uint32))


def pin(batch: pa.RecordBatch, binding: Binding) -> PinnedBatch:
    """Take the addresses of a batch that has the binding's schema and has passed `validate(full=True)`.

    Raises ValueError where the batch is not of that schema as far as buffers show, or a dictionary has not its remap's length.
    """
    _, owner = batch.__arrow_c_array__()
    columns = binding.columns.copy()
    rows = read_addresses(_POINTER_OF(owner, b"arrow_array"), columns)
    return PinnedBatch(rows, columns, binding.remap, owner)


_POINTER_OF = ctypes.pythonapi.PyCapsule_GetPointer
_POINTER_OF.restype = ctypes.c_void_p
_POINTER_OF.argtypes = [ctypes.py_object, ctypes.c_char_p]

# Fields of struct ArrowArray, each of 64 bits.
LENGTH, NULL_COUNT, OFFSET, N_BUFFERS, N_CHILDREN, BUFFERS, CHILDREN, DICTIONARY = range(8)


@kernel
def read_addresses(address: Any, columns: Any) -> Any:
    """Fill in the addresses of SOURCE[D] from a struct ArrowArray that is a record batch; returns its rows."""
    batch = array_at(address, 0, 8, np.int64)
    children = array_at(batch[CHILDREN], 0, batch[N_CHILDREN], np.int64)
    for c in range(columns.size):
        column = columns[c]
        if column.child == ABSENT:
            continue
        if column.child >= children.size:
            raise ValueError("the batch has fewer columns than its schema")
        child = array_at(children[column.child], 0, 8, np.int64)
        if child[N_BUFFERS] != 2 or child[LENGTH] < batch[OFFSET] + batch[LENGTH]:
            raise ValueError("a column of the batch is not of the type its schema says")
        entries = array_at(child[DICTIONARY], 0, 8, np.int64)[LENGTH] if child[DICTIONARY] != 0 else ABSENT
        if entries != column.entries:
            raise ValueError("a dictionary of the batch has not the length of its remap")
        buffers = array_at(child[BUFFERS], 0, 2, np.int64)
        column.values = buffers[1]
        column.validity = buffers[0] if child[NULL_COUNT] != 0 else 0
        column.offset = batch[OFFSET] + child[OFFSET]
    return batch[LENGTH]
