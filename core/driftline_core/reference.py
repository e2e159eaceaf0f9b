"""The reference: a trusted sample as bins and counts, frozen when it is set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from driftline_core import kernels
from driftline_core.binding import Plan
from driftline_core.binning import (
    CATEGORIES_MAX,
    Bins,
    BooleanBins,
    CategoricalBins,
    Floats,
    NumericBins,
    categorical_bins,
    explicit_bins,
    numeric_bins,
    single_bins,
)
from driftline_core.coercion import cast_for
from driftline_core.errors import InvalidInput
from driftline_core.latency import latency_bins
from driftline_core.layout import Layout, LookupCache
from driftline_core.names import column_names
from driftline_core.pack import pack, unpack
from driftline_core.profile import Profile
from driftline_core.schema import BinsSpec, Column, Kind, Role

_MOMENT_MAX = 1e140


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Bins of an endpoint's columns, and the trusted sample counted in them. Never changes; a new one has a higher version."""

    version: int
    layout: Layout
    profile: Profile


def build_reference(
    batches: Sequence[pa.RecordBatch],
    columns: tuple[Column, ...],
    spec: BinsSpec,
    *,
    version: int,
    latency: str = "",
    cache: LookupCache | None = None,
) -> Reference:
    """The reference of a sample that is given in any number of batches of one schema.

    `latency` names the column of the batches to come that says how long an answer took; a sample has none of it.
    Memory beyond the batches is a few copies of one column at a time; time is that of sorting each numeric column.
    Raises InvalidInput for a sample without rows, and for a column without a value to bin by.
    """
    if not sum(batch.num_rows for batch in batches):
        raise InvalidInput("the reference has no rows; send a sample of the training data", field="reference")
    at = {name: index for index, name in enumerate(column_names(batches[0].schema.names))}
    batches = [batch.select([at[column.name] for column in columns]) for batch in batches]
    bins: list[Bins] = []
    shifts: list[float] = []
    for index, column in enumerate(columns):
        chunks = _cast([batch.column(index) for batch in batches], column)
        made, shift = _bins(chunks, column, spec)
        bins.append(made)
        shifts.append(shift)
    if latency:
        columns, bins, shifts = (*columns, Column(latency, Role.LATENCY, Kind.NUMERIC)), [*bins, latency_bins()], [*shifts, 0.0]
    layout = Layout.of(columns, bins, shifts, cache)
    profile = layout.empty()
    plan = Plan.of(batches[0].schema, layout, {})
    scratch = kernels.new_scratch()
    for batch in batches:
        plan.bind(batch, 0).add_to(profile, 0, batch.num_rows, scratch)
    return Reference(version, layout, profile)


def notes_of(reference: Reference) -> list[str]:
    """What whoever gave the reference may not expect of its bins: columns with more categories than are kept."""
    layout, notes = reference.layout, []
    for index, (column, bins) in enumerate(zip(layout.columns, layout.bins, strict=True)):
        counts = layout.counts(reference.profile, index)
        other = int(counts[-2])
        if isinstance(bins, CategoricalBins) and other:
            notes.append(
                f"column {column.name!r} has more categories than the {len(bins.categories)} most frequent, which are kept; "
                f"the others, {other / counts.sum():.1%} of the rows, count as `other`"
            )
    return notes


def encode_reference(reference: Reference) -> bytes:
    """A reference as bytes, from which `decode_reference` makes an equal one."""
    layout = reference.layout
    columns = [
        {"name": column.name, "role": column.role, "kind": column.kind, "bins": _bins_state(column, bins), "shift": shift}
        for column, bins, shift in zip(layout.columns, layout.bins, layout.shifts, strict=True)
    ]
    return pack({"version": reference.version, "columns": columns}, [reference.profile.encode()])


def decode_reference(data: bytes | memoryview, cache: LookupCache | None = None) -> Reference:
    """The reference `encode_reference` wrote; raises ValueError where the bytes are none."""
    header, (profile,) = unpack(data)
    columns = [Column(each["name"], Role(each["role"]), Kind(each["kind"])) for each in header["columns"]]
    bins = [_bins_of(column, each["bins"]) for column, each in zip(columns, header["columns"], strict=True)]
    layout = Layout.of(columns, bins, [each["shift"] for each in header["columns"]], cache)
    return Reference(header["version"], layout, Profile.decode(profile))


def _bins_state(column: Column, bins: Bins) -> list[float] | list[str]:
    if column.role is Role.LATENCY:
        return []
    match bins:
        case NumericBins(edges):
            return list(edges)
        case CategoricalBins(categories):
            return list(categories)
        case BooleanBins():
            return []


def _bins_of(column: Column, state: list[Any]) -> Bins:
    if column.role is Role.LATENCY:
        return latency_bins()
    match column.kind:
        case Kind.NUMERIC:
            return NumericBins(tuple(state))
        case Kind.CATEGORICAL:
            return CategoricalBins(tuple(state))
        case Kind.BOOLEAN:
            return BooleanBins()


def _cast(chunks: list[pa.Array], column: Column) -> list[pa.Array]:
    cast = cast_for(chunks[0].type, column.kind, column.name)
    try:
        return [cast(chunk) for chunk in chunks] if cast else chunks
    except pa.ArrowException as error:
        raise InvalidInput(f"column {column.name!r} cannot be cast: {error}", field=column.name) from None


def _bins(chunks: list[pa.Array], column: Column, spec: BinsSpec) -> tuple[Bins, float]:
    match column.kind:
        case Kind.BOOLEAN:
            return BooleanBins(), 0.0
        case Kind.CATEGORICAL:
            return _categories(chunks, column.name), 0.0
        case Kind.NUMERIC:
            values = np.concatenate([_floats(chunk) for chunk in chunks])
            is_single = types.is_float32(chunks[0].type)
            return _numeric(values, column.name, spec, is_single=is_single), _mean(values)


def _numeric(values: Floats, name: str, spec: BinsSpec, *, is_single: bool) -> NumericBins:
    if name in spec.edges:
        return explicit_bins(spec.edges[name], name)
    bins = numeric_bins(values, spec.strategy, name)
    return single_bins(bins) if is_single else bins


def _categories(chunks: list[pa.Array], name: str) -> CategoricalBins:
    # By codes: writing the words out could take any multiple of the sample's size.
    counts = [np.bincount(chunk.indices.drop_null().to_numpy(), minlength=len(chunk.dictionary)) for chunk in chunks]
    words = [chunk.dictionary.cast(pa.large_string()) for chunk in chunks]
    counted = pa.table({"word": pa.chunked_array(words), "rows": np.concatenate(counts)})
    present = counted.filter(pc.and_(pc.is_valid(counted["word"]), pc.greater(counted["rows"], 0)))
    totals = present.group_by("word", use_threads=False).aggregate([("rows", "sum")])
    top = totals.take(pc.select_k_unstable(totals, CATEGORIES_MAX, [("rows_sum", "descending"), ("word", "ascending")]))
    return categorical_bins(top["word"].to_pylist(), top["rows_sum"].to_numpy(), name)


def _floats(chunk: pa.Array) -> Floats:
    values: Floats = chunk.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _mean(values: Floats) -> float:
    ordinary = values[np.abs(values) <= _MOMENT_MAX]
    return float(ordinary.mean()) if len(ordinary) else 0.0
