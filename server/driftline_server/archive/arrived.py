"""The batches of the journal as rows again: decoded as they were when they came, those rows left out that were not counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftline_core.panes import Micros
from driftline_core.payload import NO_LIMITS, Declared, declare, decode
from driftline_core.rows import RowPlan, counted
from driftline_core.sampling import sampled
from driftline_server import records
from driftline_server.journal import Record as JournalRecord
from driftline_server.records import BATCH_HEAD_BYTES, Record
from driftline_server.registration import Registration


@dataclass(frozen=True, slots=True)
class Wanted:
    """An endpoint whose rows are asked for, and the share of them."""

    registration: Registration
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far an event time may be from its arrival for the row to be counted."""

    future_max_us: int
    retention_us: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """A batch, and which of its rows are to be kept."""

    uid: str
    position: int
    arrival_us: int
    plan: RowPlan
    batch: pa.RecordBatch
    times_us: Micros
    keep: npt.NDArray[np.bool_]

    def kept_times_us(self) -> Micros:
        """The event times of the rows to be kept."""
        return self.times_us if self.keep.all() else self.times_us[self.keep]

    def rows(self) -> pa.RecordBatch:
        """The rows to be kept, in the order they came."""
        rows = self.plan.rows(self.batch, self.arrival_us)
        return rows if self.keep.all() else rows.filter(pa.array(self.keep))


@dataclass(slots=True)
class Decoder:
    """Reads the batches of one segment, whose definitions it remembers. `failed` counts those that could not be read."""

    wanted: Mapping[str, Wanted]  # by uid
    bounds: Bounds
    failed: int = 0
    _declared: dict[int, Declared] = field(default_factory=dict)
    _plans: dict[tuple[int, str], RowPlan] = field(default_factory=dict)

    def read(self, record: JournalRecord) -> Arrived | None:
        """The batch of a record; None where it is none, or of an endpoint that is not asked for."""
        if record.kind != Record.BATCH:
            return None
        head = records.read_head(record.body)
        asked = self.wanted.get(head.uid)
        if asked is None:
            return None
        try:
            declared = self._declaration(record)
            plan = self._plan(record.definition, declared, asked.registration)
            batch = decode(record.body[BATCH_HEAD_BYTES:], declared, NO_LIMITS)
            times = plan.times_us(batch, head.arrival_us)
        except Exception:
            self.failed += 1  # as it was when it was to be counted: such a batch is in no count either
            return None
        bounds = self.bounds
        keep = counted(times, head.arrival_us, future_max_us=bounds.future_max_us, retention_us=bounds.retention_us)
        keep &= sampled(record.position, batch.num_rows, asked.share)
        return Arrived(head.uid, record.position, head.arrival_us, plan, batch, times, keep)

    def _declaration(self, record: JournalRecord) -> Declared:
        declared = self._declared.get(record.definition)
        if declared is None:
            declared = self._declared[record.definition] = declare(bytes(record.definitions[record.definition]), NO_LIMITS)
        return declared

    def _plan(self, definition: int, declared: Declared, registration: Registration) -> RowPlan:
        key = definition, registration.uid
        plan = self._plans.get(key)
        if plan is None:
            columns, reserved = registration.columns, registration.spec.reserved_columns()
            plan = self._plans[key] = RowPlan.of(declared.schema, columns, reserved)
        return plan
