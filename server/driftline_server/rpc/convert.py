"""Where protobuf messages and the core's words meet: endpoints, reports and rows; `convert_alerts` has rules and alerts."""

from driftline_core.delivery import RefusedByTime
from driftline_core.drift import Status
from driftline_core.engine import Span, Totals
from driftline_core.errors import InvalidInput
from driftline_core.payload import Limits
from driftline_core.query import Bin, ColumnDrift, Report
from driftline_core.schema import BinsSpec, Column, EndpointSpec, Kind, Role, Thresholds
from driftline_core.spans import asked_span
from driftline_proto.v1 import endpoint_pb2, export_pb2, ingest_pb2, metrics_pb2, schema_pb2
from driftline_server.archive import Export
from driftline_server.intake import Handle
from driftline_server.registration import Registration, is_stale
from driftline_server.store import Point

_KINDS = {
    schema_pb2.KIND_NUMERIC: Kind.NUMERIC,
    schema_pb2.KIND_CATEGORICAL: Kind.CATEGORICAL,
    schema_pb2.KIND_BOOLEAN: Kind.BOOLEAN,
}
_KIND_CODES = {kind: code for code, kind in _KINDS.items()}
_ROLE_CODES = {
    Role.FEATURE: schema_pb2.ROLE_FEATURE,
    Role.PREDICTION: schema_pb2.ROLE_PREDICTION,
    Role.LABEL: schema_pb2.ROLE_LABEL,
    Role.LATENCY: schema_pb2.ROLE_LATENCY,
}
_STATUS_CODES = {
    None: schema_pb2.STATUS_UNSPECIFIED,
    Status.NO_DETECTION: schema_pb2.STATUS_NO_DETECTION,
    Status.POTENTIAL: schema_pb2.STATUS_POTENTIAL,
    Status.DETECTED: schema_pb2.STATUS_DETECTED,
    Status.INSUFFICIENT_DATA: schema_pb2.STATUS_INSUFFICIENT_DATA,
}


def spec(message: endpoint_pb2.EndpointSpec) -> EndpointSpec:
    """What a creator says; raises InvalidInput."""
    return EndpointSpec(
        name=message.name,
        prediction=message.prediction,
        label=message.label,
        features=tuple(message.features),
        exclude=tuple(message.exclude),
        kinds={name: _kind(name, code) for name, code in message.kinds.items()},
        bins=bins(message.bins),
        thresholds=_thresholds(message.thresholds) if message.HasField("thresholds") else Thresholds(),
        column_thresholds={name: _own_thresholds(name, pair) for name, pair in message.column_thresholds.items()},
        reserved=dict(message.reserved),
        **{name: getattr(message, name) for name in ("rows_min", "stale_after_us") if message.HasField(name)},
    )


def bins(message: endpoint_pb2.Bins) -> BinsSpec:
    """A binning strategy and edges."""
    return BinsSpec(message.strategy or "quantile", {name: tuple(each.edges) for name, each in message.edges.items()})


def span(message: metrics_pb2.Span) -> Span:
    """A span of event time; raises InvalidInput for one that is empty, or said in two ways."""
    return asked_span(
        message.window_us if message.HasField("window_us") else None,
        message.start_us if message.HasField("start_us") else None,
        message.end_us if message.HasField("end_us") else None,
    )


def column(given: Column) -> schema_pb2.Column:
    return schema_pb2.Column(name=given.name, role=_ROLE_CODES[given.role], kind=_KIND_CODES[given.kind])


def endpoint(registration: Registration, totals: Totals, *, duplicates: int, now_us: int) -> endpoint_pb2.Endpoint:
    """An endpoint with its counters."""
    given = registration.spec
    return endpoint_pb2.Endpoint(
        name=registration.name,
        uid=registration.uid,
        columns=map(column, registration.columns),
        created_us=registration.created_us,
        reference_version=registration.reference.version,
        reference_rows=registration.reference.profile.rows,
        counters=endpoint_pb2.Counters(
            rows=totals.rows,
            batches=totals.batches,
            duplicate_batches=duplicates,
            rejected_batches=totals.rejected_batches,
            future_rows=totals.future_rows,
            expired_rows=totals.expired_rows,
            dropped_rows=totals.losses.dropped,
            unconvertible_rows=totals.losses.unconvertible,
            lost_rows=totals.losses.lost,
        ),
        last_arrival_us=totals.last_arrival_us,
        watermark_us=totals.watermark_us,
        stale=is_stale(registration, totals, now_us=now_us),
        rows_min=given.rows_min,
        stale_after_us=given.stale_after_us,
        thresholds=_pair(given.thresholds),
        reserved=given.reserved_columns(),
        column_thresholds={name: _pair(own) for name, own in given.column_thresholds.items()},
    )


def level(handle: Handle) -> ingest_pb2.AckLevel:
    """What acknowledgements of a handle promise."""
    return ingest_pb2.ACK_LEVEL_DURABLE if handle.on_durable else ingest_pb2.ACK_LEVEL_ACCEPTED


def refused_by_time(given: RefusedByTime) -> ingest_pb2.RefusedByTime:
    return ingest_pb2.RefusedByTime(future_rows=given.future, expired_rows=given.expired, example_us=given.example_us)


def opened(number: int, handle: Handle, limits: Limits) -> ingest_pb2.Opened:
    """The answer to Open."""
    registration = handle.registration
    return ingest_pb2.Opened(
        handle=number,
        endpoint_uid=registration.uid,
        last_sequence=handle.producer.admitted,
        level=level(handle),
        columns=map(column, registration.columns),
        reserved=registration.spec.reserved_columns(),
        notes=handle.notes,
        payload_bytes_max=limits.payload_bytes_max,
        rows_max=limits.rows_max,
        refused_by_time=refused_by_time(handle.producer.refused_by_time),
        takes_close=True,
    )


def export_summary(given: Export) -> export_pb2.ExportSummary:
    """What is kept of a span."""
    return export_pb2.ExportSummary(
        endpoint=given.name,
        schema=given.schema.serialize().to_pybytes(),
        timestamp_column=given.time,
        start_us=given.start_us,
        end_us=given.end_us,
        rows=given.rows,
        share=given.share,
        hour_us=given.hour_us,
        not_kept=[
            export_pb2.HoursNotKept(
                start_us=gap.start_us,
                end_us=gap.end_us,
                rows_counted=gap.counted,
                rows_kept=gap.kept,
                setting=gap.setting,
                remedy=gap.remedy,
            )
            for gap in given.gaps
        ],
    )


def drift(name: str, report: Report) -> metrics_pb2.GetDriftResponse:
    """A drift report."""
    window = report.window
    return metrics_pb2.GetDriftResponse(
        endpoint=name,
        start_us=window.start_us,
        end_us=window.end_us,
        rows=window.profile.rows,
        rows_other_reference=window.rows_other_reference,
        reference_version=window.reference.version,
        drift=report.drift,
        status=_STATUS_CODES[report.status],
        columns=map(_column_drift, report.columns),
        convention=report.convention,
    )


def bin_(given: Bin) -> metrics_pb2.Bin:
    return metrics_pb2.Bin(
        name=given.name,
        lower=given.lower,
        upper=given.upper,
        category=given.category,
        reference=given.reference,
        current=given.current,
    )


def history_point(given: Point) -> metrics_pb2.HistoryPoint:
    return metrics_pb2.HistoryPoint(
        start_us=given.start_us,
        end_us=given.end_us,
        revision=given.revision,
        rows=given.rows,
        value=given.value,
        status=_STATUS_CODES[given.status],
    )


def _column_drift(given: ColumnDrift) -> metrics_pb2.ColumnDrift:
    return metrics_pb2.ColumnDrift(
        column=column(given.column),
        rows=given.rows,
        nulls=given.nulls,
        missing=given.missing,
        below=given.below,
        above=given.above,
        unseen=given.unseen,
        distances=given.distances,
        drift=given.drift,
        status=_STATUS_CODES[given.status],
        mean=given.moments.mean,
        std=given.moments.std,
        min=given.moments.low,
        max=given.moments.high,
        reference_mean=given.reference_moments.mean,
        reference_std=given.reference_moments.std,
    )


def _kind(name: str, code: schema_pb2.Kind) -> Kind:
    if code not in _KINDS:
        raise InvalidInput(f"kind of column {name!r} is none of numeric, categorical and boolean", field=f"kinds[{name!r}]")
    return _KINDS[code]


def _pair(given: Thresholds) -> schema_pb2.Thresholds:
    return schema_pb2.Thresholds(potential=given.potential, detected=given.detected)


def _own_thresholds(name: str, message: schema_pb2.Thresholds) -> Thresholds:
    try:
        return _thresholds(message)
    except InvalidInput as error:
        raise InvalidInput(f"column {name!r}: {error}", field=f"thresholds[{name!r}]") from None


def _thresholds(message: schema_pb2.Thresholds) -> Thresholds:
    return Thresholds(message.potential, message.detected)
