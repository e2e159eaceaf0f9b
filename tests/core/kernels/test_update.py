"""Every value type, with nulls and offsets; absent columns; rows in pieces."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.kernels.conftest import counts_by_numpy, tally

from driftline_core import kernels
from driftline_core.kernels import Boolean, Categorical, Numeric

EDGES = np.array([-100.0, -3.0, 0.0, 1.0, 2.5, 7.0, 100.0, 200.0])
INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
ROWS = 3000


def numbers(arrow, rng, rows=ROWS):
    values = rng.integers(0 if pa.types.is_unsigned_integer(arrow) else -120, 127, rows)
    return values + (rng.random(rows) if pa.types.is_floating(arrow) else 0)


def with_nulls(values, arrow, valid):
    return pa.array(values.astype(arrow.to_pandas_dtype()), mask=None if valid is None else ~valid)


@pytest.mark.parametrize("slice_rows", [(0, ROWS), (0, 0), (1, 1), (3, 2000), (8, 255), (13, 257), (1025, 1500)], ids=str)
@pytest.mark.parametrize("nulls", [None, 0.05, 1.0])
@pytest.mark.parametrize("arrow", [pa.float64(), pa.float32(), *INTEGERS], ids=str)
def test_numeric_values_of_every_type_equal_numpy(arrow, nulls, slice_rows):
    rng = np.random.default_rng(3)
    values = numbers(arrow, rng).astype(arrow.to_pandas_dtype())
    valid = None if nulls is None else rng.random(ROWS) >= nulls
    array = with_nulls(values, arrow, valid).slice(*slice_rows)
    expected = np.where(valid if valid is not None else True, values.astype(np.float64), np.nan)[slice_rows[0] : sum(slice_rows)]
    assert tally([Numeric(EDGES)], pa.record_batch({"0": array}))[0][0] == counts_by_numpy(expected, EDGES).tolist()


@pytest.mark.parametrize("arrow", [pa.int64(), pa.uint64()], ids=str)
def test_integers_beyond_the_exact_range_of_floats_count_as_numpy_casts_them(arrow):
    dtype = np.dtype(arrow.to_pandas_dtype())
    values = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max, 2**53, 2**53 + 1, 2**53 - 1], dtype)
    edges = np.array([-(2.0**63), 2.0**53, 2.0**53 + 2, 2.0**63, 2.0**64])
    assert (
        tally([Numeric(edges)], pa.record_batch({"0": values}))[0][0] == counts_by_numpy(values.astype(np.float64), edges).tolist()
    )


@pytest.mark.parametrize("slice_rows", [(0, ROWS), (0, 0), (5, 1), (3, 2000), (13, 257)], ids=str)
@pytest.mark.parametrize("nulls", [None, 0.05, 1.0])
@pytest.mark.parametrize("codes", INTEGERS, ids=str)
def test_dictionary_codes_of_every_type_count_into_the_slots_of_their_entries(codes, nulls, slice_rows):
    rng = np.random.default_rng(4)
    slot_of = np.array([2, 0, 3, 4, 3], np.uint32)  # "b" is a category twice over, None is null, "?" other
    entries = pa.array(["c", "a", "?", None, "!"])
    indices = rng.integers(0, len(entries), ROWS)
    valid = None if nulls is None else rng.random(ROWS) >= nulls
    array = pa.DictionaryArray.from_arrays(with_nulls(indices, codes, valid), entries).slice(*slice_rows)
    expected = np.where(valid if valid is not None else True, slot_of[indices], 4)[slice_rows[0] : sum(slice_rows)]
    counts = tally([Categorical(3)], pa.record_batch({"0": array}), remaps={0: slot_of})[0][0]
    assert counts == np.bincount(expected, minlength=5).tolist()


@pytest.mark.parametrize("codes", INTEGERS, ids=str)
def test_a_code_under_a_null_is_never_looked_up(codes):
    junk = np.full(ROWS, np.iinfo(codes.to_pandas_dtype()).max, codes.to_pandas_dtype())
    junk[::2] = 0
    validity = pa.py_buffer(np.packbits(np.arange(ROWS) % 2 == 0, bitorder="little"))
    indices = pa.Array.from_buffers(codes, ROWS, [validity, pa.py_buffer(junk)])
    array = pa.DictionaryArray.from_arrays(indices, pa.array(["a"]))
    array.validate(full=True)
    assert tally([Categorical(1)], pa.record_batch({"0": array}), remaps={0: np.array([0], np.uint32)})[0] == [
        [ROWS // 2, 0, ROWS // 2]
    ]


def test_an_empty_dictionary_has_only_nulls():
    array = pa.DictionaryArray.from_arrays(pa.array([None] * 10, pa.int8()), pa.array([], pa.string()))
    assert tally([Categorical(1)], pa.record_batch({"0": array}), remaps={0: np.array([], np.uint32)})[0] == [[0, 0, 10]]


@pytest.mark.parametrize("slice_rows", [(0, ROWS), (0, 0), (7, 1), (3, 2000), (13, 257), (1, 1024)], ids=str)
@pytest.mark.parametrize("nulls", [None, 0.05, 1.0])
def test_booleans_count_as_false_true_null(nulls, slice_rows):
    rng = np.random.default_rng(6)
    values = rng.random(ROWS) < 0.3
    valid = None if nulls is None else rng.random(ROWS) >= nulls
    array = pa.array(values, mask=None if valid is None else ~valid).slice(*slice_rows)
    expected = np.where(valid if valid is not None else True, values, 2)[slice_rows[0] : sum(slice_rows)]
    assert tally([Boolean()], pa.record_batch({"0": array}))[0][0] == np.bincount(expected, minlength=3).tolist()


def mixed(rng, rows):
    """A batch of every kind, two of its five columns with nulls, and the layout it is counted by."""
    batch = pa.record_batch(
        {
            "4": pa.array(rng.random(rows) < 0.5, mask=rng.random(rows) < 0.1),
            "unknown": pa.array(["text"] * rows),
            "2": pa.array(rng.normal(size=rows) * 50, mask=rng.random(rows) < 0.1),
            "0": pa.array(rng.standard_cauchy(rows).astype(np.float32)),
            "1": pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, 3, rows).astype(np.int16)), pa.array(["a", "b", "c"])),
        }
    )
    return batch, [Numeric(EDGES), Categorical(2), Numeric(EDGES, shift=2.0), Numeric(EDGES), Boolean()]


REMAPS = {1: np.array([1, 2, 0], np.uint32)}


def test_columns_are_found_by_name_and_absent_ones_passed_over():
    batch, layout = mixed(np.random.default_rng(7), 500)
    counts, moments = tally(layout, batch, remaps=REMAPS)
    assert [sum(part) for part in counts] == [500, 500, 500, 0, 500]
    assert moments["n"].tolist() == [500, 0, 500 - batch["2"].null_count, 0, 0]
    assert (moments["low"][3], moments["high"][3]) == (np.inf, -np.inf)


@given(st.integers(0, 2**32), st.integers(1, 5000), st.lists(st.integers(0, 5000), max_size=6), st.randoms())
def test_any_split_of_the_rows_in_any_order_counts_the_same(seed, rows, cuts, shuffled):
    batch, layout = mixed(np.random.default_rng(seed), rows)
    ends = sorted({0, rows, *(cut % rows for cut in cuts)})
    pieces = list(pairwise(ends))
    shuffled.shuffle(pieces)
    counts, moments = tally(layout, batch, remaps=REMAPS)
    counts_of_pieces, moments_of_pieces = tally(layout, batch, remaps=REMAPS, pieces=pieces)
    assert counts == counts_of_pieces
    for exact in ("n", "low", "high"):
        assert moments[exact].tolist() == moments_of_pieces[exact].tolist()
    np.testing.assert_allclose(moments["squares"], moments_of_pieces["squares"], rtol=1e-12)


def test_tallies_of_parts_merge_to_the_tally_of_the_whole():
    batch, layout = mixed(np.random.default_rng(8), 3000)
    lookup = kernels.build_lookup(layout)
    binding = kernels.with_remaps(kernels.bind(batch.schema, list("01234"), lookup), REMAPS)
    scratch, whole, merged = kernels.new_scratch(), kernels.empty_tally(lookup), kernels.empty_tally(lookup)
    kernels.update(whole, kernels.pin(batch, binding), lookup, scratch=scratch, start=0, stop=3000)
    for part in (batch.slice(0, 1000), batch.slice(1000, 77), batch.slice(1077)):
        tally_of_part = kernels.empty_tally(lookup)
        kernels.update(tally_of_part, kernels.pin(part, binding), lookup, scratch=scratch, start=0, stop=part.num_rows)
        kernels.merge(merged, tally_of_part)
    assert merged.counts.tolist() == whole.counts.tolist()
    assert merged.moments[["n", "low", "high"]].tolist() == whole.moments[["n", "low", "high"]].tolist()
    assert not scratch.histograms.any()


def test_what_is_not_of_one_layout_is_refused():
    batch, layout = mixed(np.random.default_rng(9), 10)
    lookup, other = kernels.build_lookup(layout), kernels.build_lookup(layout[:3])
    pinned = kernels.pin(batch, kernels.with_remaps(kernels.bind(batch.schema, list("01234"), lookup), REMAPS))
    scratch = kernels.new_scratch()
    with pytest.raises(ValueError, match="layout"):
        kernels.update(kernels.empty_tally(other), pinned, lookup, scratch=scratch, start=0, stop=10)
    with pytest.raises(ValueError, match="layout"):
        kernels.update(kernels.empty_tally(other), pinned, other, scratch=scratch, start=0, stop=10)
    for start, stop in [(0, 11), (-1, 5), (6, 5)]:
        with pytest.raises(ValueError, match="batch of 10"):
            kernels.update(kernels.empty_tally(lookup), pinned, lookup, scratch=scratch, start=start, stop=stop)
