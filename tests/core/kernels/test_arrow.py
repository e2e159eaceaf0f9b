"""Addresses: types that kernels read, what is refused, and memory that stays as long as it is needed."""

import ctypes
import gc
import mmap

import numpy as np
import pyarrow as pa
import pytest
from tests.core.kernels.conftest import tally

from driftline_core import kernels
from driftline_core.kernels import Boolean, Categorical, Numeric

LAYOUT = [Numeric([0.0, 1.0, 2.0]), Categorical(2), Boolean()]


def test_a_column_of_a_wrong_type_is_refused_at_binding():
    lookup = kernels.build_lookup(LAYOUT)
    codes = pa.dictionary(pa.int8(), pa.string())
    for arrow in (pa.string(), pa.bool_(), pa.float16(), pa.timestamp("us"), codes):
        with pytest.raises(TypeError, match=r"'x' is .* cast it first"):
            kernels.bind(pa.schema({"x": arrow, "y": codes}), list("xyz"), lookup)
    with pytest.raises(TypeError, match="'y' is string"):
        kernels.bind(pa.schema({"y": pa.string()}), list("xyz"), lookup)
    with pytest.raises(TypeError, match="'z' is int8"):
        kernels.bind(pa.schema({"z": pa.int8()}), list("xyz"), lookup)


def test_a_dictionary_of_another_length_than_its_remap_is_refused():
    batch = pa.record_batch({"1": pa.array(["a", "b"]).dictionary_encode()})
    for remap in ([], [0], [0, 1, 2]):
        with pytest.raises(ValueError, match="remap"):
            tally([Boolean(), Categorical(2)], batch, remaps={1: np.array(remap, np.uint32)})
    with pytest.raises(ValueError, match="remap"):
        kernels.pin(batch, kernels.bind(batch.schema, ["0", "1"], kernels.build_lookup([Boolean(), Categorical(2)])))


def test_a_batch_of_another_schema_is_refused():
    lookup = kernels.build_lookup([Numeric([0.0, 1.0])])
    binding = kernels.bind(pa.schema({"y": pa.string(), "x": pa.float64()}), ["x"], lookup)
    with pytest.raises(ValueError, match="fewer columns"):
        kernels.pin(pa.record_batch({"x": [0.5]}), binding)
    with pytest.raises(ValueError, match="not of the type"):
        kernels.pin(pa.record_batch({"y": ["a"], "x": ["text"]}), binding)
    with pytest.raises(ValueError, match="not of the type"):
        kernels.pin(pa.record_batch({"y": ["a"], "x": pa.nulls(1)}), binding)


def test_several_dictionaries_have_each_its_own_slots():
    batch = pa.record_batch(
        {name: pa.array(values).dictionary_encode() for name, values in {"0": ["a", "b", "a"], "2": ["x", "y", "z"]}.items()}
    )
    layout = [Categorical(2), Boolean(), Categorical(1)]
    binding = kernels.bind(batch.schema, list("012"), kernels.build_lookup(layout))
    assert binding.dictionaries == (0, 2)
    counts = tally(layout, batch, remaps={0: np.array([1, 0], np.uint32), 2: np.array([0, 1, 1], np.uint32)})[0]
    assert counts == [[1, 2, 0, 0], [0, 0, 0], [1, 2, 0]]


def test_a_batch_without_rows_or_columns_counts_nothing():
    assert tally(LAYOUT, pa.record_batch({"0": pa.array([], pa.float64()), "2": pa.array([], pa.bool_())}))[0] == [
        [0] * 5,
        [0] * 4,
        [0] * 3,
    ]
    assert tally(LAYOUT, pa.record_batch({"other": pa.array([1, 2])}))[0] == [[0] * 5, [0] * 4, [0] * 3]
    assert tally([], pa.record_batch({"other": pa.array([1, 2])}))[0] == [[]]


def test_a_sliced_batch_counts_its_own_rows():
    values = pa.array([0.5, None, 1.5, 1.5, 9.0, -1.0, None, 0.1])
    flags = pa.array([True, False, None, True, True, False, None, None])
    batch = pa.record_batch({"0": values, "2": flags})
    assert tally(LAYOUT, batch.slice(2, 4))[0] == [[1, 0, 2, 1, 0], [0] * 4, [1, 2, 1]]
    # A struct array carries the offset itself, its children do not.
    struct = pa.StructArray.from_arrays([values, flags], ["0", "2"]).slice(2, 4)
    assert tally(LAYOUT, pa.RecordBatch.from_struct_array(struct))[0] == [[1, 0, 2, 1, 0], [0] * 4, [1, 2, 1]]


def test_a_batch_whose_offset_is_its_own_counts_its_own_rows():
    class Sliced:
        """As a producer that slices the record batch and leaves its columns whole."""

        num_rows = 4

        def __arrow_c_array__(self):
            array = pa.StructArray.from_arrays([pa.array([0.5, None, 1.5, 1.5, 9.0, -1.0, None, 0.1])], ["0"]).slice(2, 4)
            return array.__arrow_c_array__()

    lookup = kernels.build_lookup(LAYOUT[:1])
    pinned = kernels.pin(Sliced(), kernels.bind(pa.schema({"0": pa.float64()}), ["0"], lookup))
    total = kernels.empty_tally(lookup)
    kernels.update(total, pinned, lookup, scratch=kernels.new_scratch(), start=0, stop=pinned.rows)
    assert (pinned.rows, total.counts.tolist()) == (4, [1, 0, 2, 1, 0])


@pytest.mark.parametrize("arrow", [pa.float64(), pa.float32(), pa.int64(), pa.int16()], ids=str)
def test_buffers_that_are_not_aligned_are_read(arrow):
    values = np.arange(3000).astype(arrow.to_pandas_dtype()) % 3
    raw = pa.py_buffer(b"\0" + values.tobytes()).slice(1)
    assert raw.address % 2
    array = pa.Array.from_buffers(arrow, len(values), [None, raw])
    assert tally(LAYOUT[:1], pa.record_batch({"0": array}))[0] == [[0, 1000, 2000, 0, 0]]


def test_a_pinned_batch_keeps_its_memory():
    lookup = kernels.build_lookup(LAYOUT[:1])
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    batch = pa.record_batch({"0": pa.array(range(300_000), pa.float64(), memory_pool=pool)})
    pinned = kernels.pin(batch, kernels.bind(batch.schema, ["0"], lookup))
    del batch
    gc.collect()
    assert pool.bytes_allocated() >= 2_400_000
    total = kernels.empty_tally(lookup)
    kernels.update(total, pinned, lookup, scratch=kernels.new_scratch(), start=0, stop=pinned.rows)
    assert total.counts.tolist() == [0, 1, 2, 299_997, 0]
    del pinned
    gc.collect()
    assert pool.bytes_allocated() == 0


def test_arrays_of_other_types_are_refused_and_not_compiled_for():
    lookup = kernels.build_lookup(LAYOUT[:1])
    batch = pa.record_batch({"0": [0.5]})
    pinned = kernels.pin(batch, kernels.bind(batch.schema, ["0"], lookup))
    total = kernels.empty_tally(lookup)
    total.counts.flags.writeable = False
    with pytest.raises(TypeError):
        kernels.update(total, pinned, lookup, scratch=kernels.new_scratch(), start=0, stop=1)


def test_a_binding_without_remaps_takes_dictionaries_to_be_empty():
    array = pa.DictionaryArray.from_arrays(pa.array([None, None], pa.int8()), pa.array([], pa.string()))
    batch = pa.record_batch({"0": array})
    lookup = kernels.build_lookup([Categorical(1)])
    total = kernels.empty_tally(lookup)
    pinned = kernels.pin(batch, kernels.bind(batch.schema, ["0"], lookup))
    kernels.update(total, pinned, lookup, scratch=kernels.new_scratch(), start=0, stop=2)
    assert total.counts.tolist() == [0, 0, 2]


def test_a_remap_to_a_slot_that_the_column_has_not_is_refused():
    batch = pa.record_batch({"0": pa.array(["a", "b"]).dictionary_encode()})
    with pytest.raises(ValueError, match="beyond the last, 3"):
        tally([Categorical(2)], batch, remaps={0: np.array([0, 4], np.uint32)})


def fenced(content):
    """A buffer that ends where the next byte cannot be read: a kernel that goes on dies."""
    room = -(-len(content) // mmap.PAGESIZE) * mmap.PAGESIZE
    pages = mmap.mmap(-1, room + mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address + room), mmap.PAGESIZE, 0) == 0
    pages[room - len(content) : room] = content
    return pa.foreign_buffer(address + room - len(content), len(content), base=pages)


@pytest.mark.parametrize("offset", [0, 1, 7, 8, 13])
@pytest.mark.parametrize("rows", [14, 64, 65, 1024, 1025, 1037])
def test_no_byte_beyond_a_buffer_is_read(rows, offset):
    rng = np.random.default_rng(rows)
    valid, truth, numbers = rng.random(rows) < 0.7, rng.random(rows) < 0.5, rng.integers(0, 3, rows)
    validity = fenced(np.packbits(valid, bitorder="little").tobytes())
    buffers = {
        "0": (pa.float32(), fenced(numbers.astype(np.float32).tobytes())),
        "1": (pa.int16(), fenced(numbers.astype(np.int16).tobytes())),
        "2": (pa.bool_(), fenced(np.packbits(truth, bitorder="little").tobytes())),
    }
    columns = {
        name: pa.Array.from_buffers(arrow, rows - offset, [validity, raw], -1, offset) for name, (arrow, raw) in buffers.items()
    }
    columns["1"] = pa.DictionaryArray.from_arrays(columns["1"], pa.array(["a", "b", "c"]))
    layout = [Numeric([0.0, 1.0, 2.0]), Categorical(3), Boolean()]
    counts = tally(layout, pa.record_batch(columns), remaps={1: np.arange(3, dtype=np.uint32)})[0]
    slots = [np.where(valid, of, null)[offset:] for of, null in [(np.minimum(numbers + 1, 2), 4), (numbers, 4), (truth, 2)]]
    assert counts == [np.bincount(of, minlength=len(count)).tolist() for of, count in zip(slots, counts, strict=True)]
