"""An endpoint as the server knows it, as a Python object."""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from driftline.spans import moment
from driftline_proto.v1 import endpoint_pb2, schema_pb2

ROLES = {
    schema_pb2.ROLE_UNSPECIFIED: "",
    schema_pb2.ROLE_FEATURE: "feature",
    schema_pb2.ROLE_PREDICTION: "prediction",
    schema_pb2.ROLE_LABEL: "label",
    schema_pb2.ROLE_LATENCY: "latency",
}
KINDS = {
    schema_pb2.KIND_UNSPECIFIED: "",
    schema_pb2.KIND_NUMERIC: "numeric",
    schema_pb2.KIND_CATEGORICAL: "categorical",
    schema_pb2.KIND_BOOLEAN: "boolean",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: role is "feature", "prediction" or "label"; kind is "numeric", "categorical" or "boolean"."""

    name: str
    role: str
    kind: str


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of the data sent since the endpoint was created, in rows unless stated."""

    rows: int
    batches: int
    duplicate_batches: int
    rejected_batches: int
    future_rows: int
    expired_rows: int
    dropped_rows: int
    unconvertible_rows: int
    lost_rows: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is monitored. `name` is canonical; `notes` say what its creation did that may surprise, and are empty otherwise.

    `thresholds` apply to the mean and to columns without their own in `column_thresholds`.
    """

    name: str
    uid: str
    columns: tuple[Column, ...]
    created: datetime
    reference_version: int
    reference_rows: int
    counters: Counters
    last_arrival: datetime | None
    watermark: datetime | None
    stale: bool
    rows_min: int
    stale_after: timedelta
    thresholds: tuple[float, float]
    reserved: dict[str, str]
    notes: tuple[str, ...] = ()
    column_thresholds: dict[str, tuple[float, float]] = field(default_factory=dict)


def column_from(message: schema_pb2.Column) -> Column:
    """The column of a wire message; a role or kind of a newer server is the empty word."""
    return Column(message.name, ROLES.get(message.role, ""), KINDS.get(message.kind, ""))


def endpoint_from(message: endpoint_pb2.Endpoint, notes: tuple[str, ...] = ()) -> Endpoint:
    """The endpoint of a wire message."""
    return Endpoint(
        name=message.name,
        uid=message.uid,
        columns=tuple(column_from(column) for column in message.columns),
        created=moment(message.created_us),
        reference_version=message.reference_version,
        reference_rows=message.reference_rows,
        counters=Counters(**{each.name: getattr(message.counters, each.name) for each in fields(Counters)}),
        last_arrival=moment(message.last_arrival_us) if message.HasField("last_arrival_us") else None,
        watermark=moment(message.watermark_us) if message.HasField("watermark_us") else None,
        stale=message.stale,
        rows_min=message.rows_min,
        stale_after=timedelta(microseconds=message.stale_after_us),
        thresholds=(message.thresholds.potential, message.thresholds.detected),
        reserved=dict(message.reserved),
        notes=notes,
        column_thresholds={name: (pair.potential, pair.detected) for name, pair in message.column_thresholds.items()},
    )
