"""Short ways to an engine with data in it."""

from collections.abc import Iterable

import pyarrow as pa

from driftline_core.binding import Plan
from driftline_core.engine import Engine, EngineSettings, Frame, Span, Window
from driftline_core.reference import Reference, build_reference
from driftline_core.roles import normal, resolve
from driftline_core.schema import EndpointSpec

NOW_US = 1_700_000_000_000_000
ALL = Span(start_us=-(2**60), end_us=2**60)


def reference_of(table: pa.Table, spec: EndpointSpec | None = None, *, version: int = 1) -> Reference:
    """The reference a table makes."""
    spec = spec or EndpointSpec("m")
    columns, _ = resolve(normal(spec), table.schema)
    return build_reference(table.to_batches(), columns, spec.bins, version=version)


def frames(uid: str, reference: Reference, batches: Iterable[pa.RecordBatch], *, at_us: int = NOW_US) -> list[Frame]:
    """Batches that arrive at one moment, ready to be counted; a `timestamp` column holds event times."""
    plans: dict[pa.Schema, Plan] = {}
    made = []
    for batch in batches:
        plan = plans.setdefault(batch.schema, Plan.of(batch.schema, reference.layout, {"timestamp": "timestamp"}))
        made.append(Frame(uid, at_us, reference, plan.bind(batch, at_us)))
    return made


def feed(engine: Engine, uid: str, reference: Reference, batches: Iterable[pa.RecordBatch], *, at_us: int = NOW_US) -> None:
    """Counts batches that arrive at one moment."""
    for frame in frames(uid, reference, batches, at_us=at_us):
        engine.feed(frame)


def window_of(reference: Reference, batches: Iterable[pa.RecordBatch], settings: EngineSettings | None = None) -> Window:
    """All that was counted of some batches."""
    engine = Engine(settings)
    engine.create("u", reference)
    feed(engine, "u", reference, batches)
    return engine.window("u", Span(window_us=3_600_000_000), NOW_US)


def counts_of(window: Window) -> dict[str, list[int]]:
    """Counts by column and slot."""
    layout = window.reference.layout
    return {column.name: layout.counts(window.profile, i).tolist() for i, column in enumerate(layout.columns)}
