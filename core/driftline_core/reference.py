"""The reference: a trusted sample as bins and counts, frozen when it is set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
)
from driftline_core.coercion import cast_for
from driftline_core.errors import InvalidInput
from driftline_core.layout import Layout
from driftline_core.names import column_names
from driftline_core.profile import Profile
from driftline_core.schema import BinsSpec, Column, Kind

_MOMENT_MAX = 1e140


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Bins of an endpoint's columns, and the trusted sample counted in them. Never changes; a new one has a higher version."""

    version: int
    layout: Layout
    profile: Profile


def build_reference(batches: Sequence[pa.RecordBatch], columns: tuple[Column, ...], spec: BinsSpec, *, version: int) -> Reference:
    """The reference of a sample that is given in any number of batches of one schema.

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
    layout = Layout.of(columns, bins, shifts)
    profile = Profile.empty(layout.lookup)
    plan = Plan.of(batches[0].schema, layout, {})
    scratch = kernels.new_scratch()
    for batch in batches:
        plan.bind(batch, 0).add_to(profile, 0, batch.num_rows, scratch)
    return Reference(version, layout, profile)


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
            return _numeric(values, column.name, spec), _mean(values)


def _numeric(values: Floats, name: str, spec: BinsSpec) -> NumericBins:
    if name in spec.edges:
        return explicit_bins(spec.edges[name], name)
    return numeric_bins(values, spec.strategy, name)


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
