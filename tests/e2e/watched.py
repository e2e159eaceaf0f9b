"""An endpoint, the batches that were accepted for it, and what its counts must therefore be."""

import itertools
import re
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tests.e2e.oracle import Counts, count
from tests.e2e.push import PushClient, payload_of, schema_of
from tests.e2e.server import CALL_S, Server

from driftline_proto.v1 import endpoint_pb2, metrics_pb2

ALL = metrics_pb2.Span(start_us=0)
REFERENCE_ROWS = 400
SCHEMA = pa.schema(
    [
        ("amount", pa.float64()),
        ("clicks", pa.int32()),
        ("country", pa.dictionary(pa.int8(), pa.string())),
        ("known", pa.bool_()),
        ("score", pa.float64()),
    ]
)
PLAIN = pa.schema([field for field in SCHEMA if field.name != "country"])

_numbers = itertools.count(1)


def sample(rows: int, seed: int, *, schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    """Rows as the model of these tests sees them: numbers with nulls and guards, categories, flags."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 30, rows)
    amount[rng.random(rows) < 0.02] = np.inf
    amount[rng.random(rows) < 0.02] = np.nan
    columns = {
        "amount": pa.array(amount, mask=rng.random(rows) < 0.05),
        "clicks": pa.array(rng.poisson(4, rows).astype(np.int32)),
        "country": pa.DictionaryArray.from_arrays(
            pa.array(rng.integers(0, 4, rows).astype(np.int8), mask=rng.random(rows) < 0.05), pa.array(["DE", "FR", "other", ""])
        ),
        "known": pa.array(rng.random(rows) < 0.3, mask=rng.random(rows) < 0.05),
        "score": pa.array(rng.random(rows)),
    }
    return pa.record_batch([columns[field.name] for field in schema], schema=schema)


def requests(request: Any, spec: Any, batches: list[pa.RecordBatch]) -> Iterator[Any]:
    """The messages of an upload: spec, then chunks, the schema with the first, then the end."""
    yield request(spec=spec)
    for number, batch in enumerate(batches):
        schema = b"" if number else schema_of(batch.schema)
        yield request(chunk=endpoint_pb2.ReferenceChunk(schema=schema, payload=payload_of(batch)))
    yield request(end=endpoint_pb2.ReferenceEnd(rows=sum(batch.num_rows for batch in batches)))


def create(server: Server, *batches: pa.RecordBatch, name: str = "", **spec: Any) -> endpoint_pb2.CreateEndpointResponse:
    """Creates an endpoint, of a name of its own unless one is given."""
    name = name or f"tests/e2e/model-{next(_numbers)}:v1"
    parts = requests(endpoint_pb2.CreateEndpointRequest, endpoint_pb2.EndpointSpec(name=name, **spec), list(batches))
    return server.endpoints.CreateEndpoint(parts, timeout=CALL_S)


class Watched:
    """An endpoint of columns `SCHEMA` (or those of `reference`), with a stream open to it and an oracle of its counts."""

    def __init__(
        self, server: Server, *, reference: pa.RecordBatch | None = None, wire: pa.Schema | None = None, **spec: Any
    ) -> None:
        reference = sample(REFERENCE_ROWS, seed=0) if reference is None else reference
        if "score" in reference.schema.names:
            spec.setdefault("prediction", "score")
        self.server = server
        self.name = create(server, reference, **spec).endpoint.name
        self.bins = {each: self._histogram(each).bins for each in self._columns()}
        self.expected = {name: np.zeros(len(bins), np.int64) for name, bins in self.bins.items()}
        self.missing = dict.fromkeys(self.bins, 0)
        self.rows = 0
        self.batches = 0
        for name, bins in self.bins.items():
            column = reference.column(name)
            assert [each.reference for each in bins] == count(bins, column).tolist(), name
        self.stream = PushClient(server.ingest)
        self.wire = reference.schema if wire is None else wire
        self.handle = self.stream.open(self.name, self.wire)

    @property
    def uid(self) -> str:
        return self.endpoint().uid

    def endpoint(self) -> endpoint_pb2.Endpoint:
        request = endpoint_pb2.GetEndpointRequest(name=self.name)
        return self.server.endpoints.GetEndpoint(request, timeout=CALL_S).endpoint

    def good(self, rows: int = 60, *, seed: int = 1) -> None:
        """Pushes a good batch of the declared schema, and expects its counts."""
        self.push(sample(rows, seed, schema=self.wire))

    def push(self, batch: pa.RecordBatch, payload: bytes | None = None) -> None:
        """Pushes a batch that is to be counted."""
        self.stream.push(self.handle, payload_of(batch) if payload is None else payload)
        self.expect(batch)

    def expect(self, batch: pa.RecordBatch) -> None:
        """Adds a batch to what the counts must be."""
        self.rows += batch.num_rows
        self.batches += 1
        for name, bins in self.bins.items():
            if name in batch.schema.names:
                self.expected[name] += count(bins, batch.column(name))
            else:
                self.missing[name] += batch.num_rows

    def bad(self, *payloads: bytes) -> list[tuple[str, str]]:
        """Pushes payloads between good batches; each must be rejected. Returns field and reason of each."""
        self.good(seed=self.handle.sent)
        first = self.handle.sent + 1
        self.stream.push(self.handle, *payloads)
        sequences = range(first, self.handle.sent + 1)
        self.good(seed=self.handle.sent)
        self.stream.settle([self.handle])
        assert set(sequences) == self.handle.rejected.keys() & set(range(first, self.handle.sent + 1))
        return [self.handle.rejected[sequence] for sequence in sequences]

    def counts(self, span: metrics_pb2.Span = ALL) -> dict[str, Counts]:
        """What the server has counted."""
        return {name: np.array([each.current for each in self._histogram(name, span).bins]) for name in self.bins}

    def check(self) -> None:
        """All that was pushed is acknowledged, and counted as numpy counts it."""
        self.stream.settle([self.handle])
        assert not self.handle.refused, self.handle.refused
        report = self.drift(ALL)
        assert report.rows == self.rows
        for name, counts in self.counts().items():
            assert counts.tolist() == self.expected[name].tolist(), name
        assert {each.column.name: each.missing for each in report.columns} == self.missing
        counters = self.endpoint().counters
        assert (counters.rows, counters.batches) == (self.rows, self.batches)
        assert counters.rejected_batches == len(self.handle.rejected)

    def drift(self, span: metrics_pb2.Span | None = None, convention: str = "") -> metrics_pb2.GetDriftResponse:
        request = metrics_pb2.GetDriftRequest(endpoint=self.name, span=span, convention=convention)
        return self.server.metrics.GetDrift(request, timeout=CALL_S)

    def close(self) -> None:
        self.stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.check()
            assert self.stream.close() is None
        else:
            self.stream.cancel()

    def _columns(self) -> list[str]:
        return [column.name for column in self.endpoint().columns]

    def _histogram(self, column: str, span: metrics_pb2.Span = ALL) -> metrics_pb2.GetHistogramResponse:
        request = metrics_pb2.GetHistogramRequest(endpoint=self.name, column=column, span=span)
        return self.server.metrics.GetHistogram(request, timeout=CALL_S)


def only(pairs: list[tuple[str, str]]) -> tuple[str, str]:
    """The one field and reason that all of some rejections give."""
    (pair,) = set(pairs)
    return pair


def says(reason: str, *patterns: str) -> bool:
    """Whether a reason says all of this: what is wrong, and what to do."""
    return all(re.search(pattern, reason) for pattern in patterns)


Floats = npt.NDArray[np.float64]
