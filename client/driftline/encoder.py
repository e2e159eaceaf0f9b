"""From chunks of the buffer to payloads in the endpoint's schema, none larger than the server takes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyarrow import types as pt

from driftline.buffer import Chunk
from driftline.columns import Plan, Unfit, plan_for
from driftline.layout import Layout
from driftline.payload import CATEGORIES, payload_of, schema_message
from driftline.problems import Problems
from driftline.rows import RowEncoder, no_column
from driftline.shape import Shape
from driftline.unknown import Unknown

PAUSE_SECONDS = 1e-6  # the kernel makes it some 50 µs: enough for a thread that wants the GIL to get it


@dataclass(frozen=True, slots=True)
class Payload:
    """A record batch ready to go. `schema` is its schema as a message."""

    body: pa.Buffer
    schema: bytes
    rows: int


@dataclass(slots=True)
class Outcome:
    """What became of the rows of some chunks."""

    payloads: list[Payload] = field(default_factory=list)
    rejected_rows: int = 0
    reason: str = ""

    def reject(self, rows: int, reason: str) -> None:
        self.rejected_rows += rows
        self.reason = self.reason or reason


def nap() -> None:
    """Lets another thread have the GIL."""
    time.sleep(PAUSE_SECONDS)


@dataclass(slots=True)
class Encoder:
    """Remembers the last plan and the last schema message: from one batch to the next they seldom differ."""

    problems: Problems
    layouts: list[Layout]
    pause: Callable[[], None] = nap
    _rows: RowEncoder = field(init=False)
    _unknown: Unknown = field(init=False)
    _plan: Plan | None = None
    _schema: pa.Schema | None = None
    _schema_message: bytes = b""
    _has_dictionaries: bool = False

    def __post_init__(self) -> None:
        self._rows = RowEncoder(self.pause, self.problems, self.layouts)
        self._unknown = Unknown(self.problems)

    def encode(self, chunks: list[Chunk], shape: Shape) -> Outcome:
        """The payloads of some chunks: all rows, or all tables of one schema. Never raises: what cannot be sent is rejected."""
        outcome = Outcome()
        rows = sum(len(chunk.rows) for chunk in chunks)
        try:
            batches = self._tables(chunks, shape, outcome) if chunks[0].is_table else self._logged(chunks, shape, outcome)
            for batch in batches:
                self._fit(batch, shape, outcome)
        except Exception as error:  # a bug here, or in a library, must cost these rows only
            sent = sum(payload.rows for payload in outcome.payloads)
            outcome.reject(rows - sent - outcome.rejected_rows, f"rows could not be encoded: {type(error).__name__}: {error}")
        return outcome

    def _logged(self, chunks: list[Chunk], shape: Shape, outcome: Outcome) -> list[pa.RecordBatch]:
        encoded = self._rows.encode([row for chunk in chunks for row in chunk.rows], shape)
        if encoded.rejected_rows:
            outcome.reject(encoded.rejected_rows, encoded.reason)
        return [] if encoded.batch is None else [encoded.batch]

    def _tables(self, chunks: list[Chunk], shape: Shape, outcome: Outcome) -> list[pa.RecordBatch]:
        """Tables as one batch; where they cannot be joined or one does not fit, each for itself, so that it costs no other."""
        tables: list[Any] = [chunk.rows for chunk in chunks]
        try:
            return [self._cast(_joined(tables), shape)]
        except (pa.ArrowException, Unfit):
            fitting = []
        for table in tables:
            try:
                fitting.append(self._cast(table, shape))
            except Unfit as error:
                outcome.reject(table.num_rows, str(error))
        try:
            return [_joined(list(map(_wide, fitting)))] if fitting else []
        except pa.ArrowException:  # dictionaries that cannot be made one
            return fitting

    def _cast(self, batch: pa.RecordBatch, shape: Shape) -> pa.RecordBatch:
        plan = self._plan
        if plan is None or plan.shape is not shape or not plan.source.equals(batch.schema):
            plan = self._plan = plan_for(batch.schema, shape)
            for role in plan.ignored:
                self.problems.add(f"no {role}", no_column(role))
            self._unknown.look(plan.names, plan.known, shape)
        return plan.apply(batch)

    def _fit(self, batch: pa.RecordBatch, shape: Shape, outcome: Outcome) -> None:
        """Adds the payload of a batch, or of its halves where it is too large."""
        splits = batch.num_rows > 1
        if splits and (batch.num_rows > shape.rows_max or pa.ipc.get_record_batch_size(batch) > shape.payload_bytes_max // 2):
            self._halve(batch, shape, outcome)
            return
        schema = self._declared(batch.schema)
        body = payload_of(batch, dictionaries=self._has_dictionaries)
        if body.size <= shape.payload_bytes_max:
            outcome.payloads.append(Payload(body, schema, batch.num_rows))
        elif splits:
            self._halve(batch, shape, outcome)
        else:
            outcome.reject(1, f"a row takes {body.size} bytes; the server takes at most {shape.payload_bytes_max} in a batch")

    def _halve(self, batch: pa.RecordBatch, shape: Shape, outcome: Outcome) -> None:
        half = batch.num_rows // 2
        self._fit(batch.slice(0, half), shape, outcome)
        self._fit(batch.slice(half), shape, outcome)

    def _declared(self, schema: pa.Schema) -> bytes:
        if self._schema is None or not self._schema.equals(schema):
            self._schema, self._schema_message = schema, schema_message(schema)
            self._has_dictionaries = any(pt.is_dictionary(kind) for kind in schema.types)
        return self._schema_message


def _wide(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with codes for as many categories as there may be."""
    columns = [column.cast(CATEGORIES) if pt.is_dictionary(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Batches of one schema as one. Raises Arrow's errors where their dictionaries cannot be made one."""
    return batches[0] if len(batches) == 1 else pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
