"""Real people through a real server: references and streams are cut and counted as pandas cuts and counts them, to the last row."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.core.test_counts import table
from tests.e2e.push import PushClient, payload_of
from tests.e2e.server import CALL_S, Server
from tests.e2e.watched import ALL, Watched, create

from driftline.cli.census import REFERENCE, STREAM
from driftline_proto.v1 import endpoint_pb2, metrics_pb2, schema_pb2

Floats = np.ndarray[Any, np.dtype[np.float64]]

AGES = [0.0, 18.0, 25.0, 40.0, 65.0, 90.0]
NUMBERS = ("AGEP", "SCHL", "RELP", "DIS", "RAC1P", "prediction")


def people(path: Any, *, numbers: bool) -> pa.RecordBatch:
    """The census: all but age as categories, as it comes, or some columns as numbers; a few values are made to be missing."""
    rows = pq.read_table(path).combine_chunks()
    rows = rows.drop_columns([name for name in ("year", "employed") if name in rows.column_names])
    rng = np.random.default_rng(rows.num_rows)
    columns = {}
    for name in NUMBERS if numbers else rows.column_names:
        column = rows[name].combine_chunks()
        if pa.types.is_dictionary(column.type) and numbers:
            column = column.cast(pa.string()).cast(pa.float64()).cast(pa.int16())
        columns[name] = _holed(column, rng) if name in ("SCHL", "AGEP", "RELP") else column
    return pa.record_batch(columns)


def _holed(column: pa.Array, rng: np.random.Generator) -> pa.Array:
    mask = pa.array(rng.random(len(column)) < 0.03)
    if pa.types.is_dictionary(column.type):
        indices = pc.if_else(mask, pa.scalar(None, column.indices.type), column.indices)
        return pa.DictionaryArray.from_arrays(indices, column.dictionary)
    return pc.if_else(mask, pa.scalar(None, column.type), column)


def by_quantile(values: Floats) -> Floats:
    """20 bins of equal counts, ties merged; a bin a value where there are few."""
    distinct = np.unique(values)
    if len(distinct) <= 20:
        return np.append(distinct, np.nextafter(distinct[-1], np.inf))
    return np.unique(np.quantile(values, np.linspace(0, 1, 21)))


def by_width(values: Floats) -> Floats:
    """20 bins of equal width."""
    return np.linspace(values.min(), values.max(), 21)


def by_hand(_: Floats) -> Floats:
    return np.array(AGES)


def numeric(series: pd.Series, edges: Floats) -> list[int]:
    """Below, the bins with their lower edge, the last with both, above, null."""
    closed = np.append(edges[:-1], np.nextafter(edges[-1], np.inf))
    inside = pd.cut(series, closed, right=False, labels=False).value_counts()
    bins = [int(inside.get(at, 0)) for at in range(len(edges) - 1)]
    return [int((series < edges[0]).sum()), *bins, int((series > edges[-1]).sum()), int(series.isna().sum())]


def categorical(series: pd.Series, categories: list[str]) -> list[int]:
    """The categories, other, null."""
    counts = series.value_counts()
    known = [int(counts.get(category, 0)) for category in categories]
    return [*known, int(series.notna().sum()) - sum(known), int(series.isna().sum())]


def ranked(series: pd.Series) -> list[str]:
    """Categories by frequency, ties by their text."""
    counts = series.astype(object).value_counts()
    return sorted(counts.index, key=lambda category: (-counts[category], category))


STRATEGIES: dict[str, tuple[dict[str, Any], Callable[[Floats], Floats]]] = {
    "quantile": ({}, by_quantile),
    "uniform": ({"bins": endpoint_pb2.Bins(strategy="uniform")}, by_width),
    "edges": ({"bins": {"edges": {name: {"edges": AGES} for name in NUMBERS}}}, by_hand),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_numbers_are_cut_and_counted_as_pandas_does(server: Server, strategy: str) -> None:
    spec, cut = STRATEGIES[strategy]
    reference, stream = people(REFERENCE, numbers=True), people(STREAM, numbers=True)
    name = create(server, *pieces(reference, 20_000), prediction="prediction", **spec).endpoint.name
    push(server, name, stream)
    for column in NUMBERS:
        then, now = reference.column(column).to_pandas(), stream.column(column).to_pandas()
        edges = cut(then.dropna().to_numpy(np.float64))
        bins = histogram(server, name, column)
        assert [each.lower for each in bins[1:-1]] == edges.tolist(), column
        assert [each.reference for each in bins] == numeric(then, edges), column
        assert [each.current for each in bins] == numeric(now, edges), column


@pytest.mark.parametrize("kinds", [{}, {"AGEP": schema_pb2.KIND_CATEGORICAL}], ids=["as they come", "ages too"])
def test_categories_are_counted_as_pandas_does(server: Server, kinds: dict[str, int]) -> None:
    reference, stream = people(REFERENCE, numbers=False), people(STREAM, numbers=False)
    name = create(server, *pieces(reference, 20_000), prediction="prediction", kinds=kinds).endpoint.name
    push(server, name, stream)
    for column in reference.schema.names:
        then, now = words(reference.column(column)), words(stream.column(column))
        bins = histogram(server, name, column)
        if bins[0].name == "below":
            continue  # a number, for the test above
        categories = ranked(then)
        assert [each.category for each in bins[:-2]] == categories, column
        assert [each.reference for each in bins] == categorical(then, categories), column
        assert [each.current for each in bins] == categorical(now, categories), column


@pytest.mark.parametrize("numbers", [True, False], ids=["numbers", "categories"])
@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_people_against_themselves_have_not_moved_at_all(server: Server, strategy: str, numbers: bool) -> None:
    reference = people(REFERENCE, numbers=numbers)
    name = create(server, reference, bins=endpoint_pb2.Bins(strategy=strategy)).endpoint.name
    push(server, name, reference)
    report = server.metrics.GetDrift(metrics_pb2.GetDriftRequest(endpoint=name, span=ALL), timeout=CALL_S)
    assert report.rows == reference.num_rows
    assert (report.drift, report.status) == (0.0, schema_pb2.STATUS_NO_DETECTION)
    for column in report.columns:
        assert (column.distances["tvd"], column.distances["hellinger"], column.drift) == (0.0, 0.0, 0.0), column
        assert column.nulls == reference.column(column.column.name).null_count


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_random_data_of_every_type_is_counted_as_the_oracle_counts_it(server: Server, strategy: str) -> None:
    reference, stream = (table(seed).combine_chunks().to_batches()[0] for seed in (0, 1))
    with Watched(server, reference=reference, bins=endpoint_pb2.Bins(strategy=strategy)) as watched:
        watched.push(stream)
        for start in (0, 1, 300):
            watched.push(stream.slice(start, 299))


def push(server: Server, name: str, rows: pa.RecordBatch) -> None:
    """Streams rows in pieces of any size, in any order, through three producers."""
    rng = np.random.default_rng(3)
    cuts = [0, *sorted(rng.integers(0, rows.num_rows, 60).tolist()), rows.num_rows]
    parts = [rows.slice(a, b - a) for a, b in pairwise(cuts)]
    with PushClient(server.ingest) as stream:
        handles = [stream.open(name, rows.schema) for _ in range(3)]
        for at in rng.permutation(len(parts)):
            stream.push(handles[at % 3], payload_of(parts[at]))
        stream.settle()
        assert not any(handle.rejected or handle.refused for handle in handles)


def pieces(rows: pa.RecordBatch, size: int) -> list[pa.RecordBatch]:
    return [rows.slice(start, size) for start in range(0, rows.num_rows, size)]


def histogram(server: Server, name: str, column: str) -> list[metrics_pb2.Bin]:
    request = metrics_pb2.GetHistogramRequest(endpoint=name, column=column, span=ALL)
    return list(server.metrics.GetHistogram(request, timeout=CALL_S).bins)


def words(column: pa.Array) -> pd.Series:
    """A column as text; whole numbers as integers are written."""
    if pa.types.is_floating(column.type):
        column = column.cast(pa.int64())
    return pd.Series(column.cast(pa.string()).to_pylist(), dtype=object)
