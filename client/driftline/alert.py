"""An alert as the server reports it, as a Python object; and many of them as a table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from driftline.errors import InvalidInput
from driftline.spans import moment
from driftline_proto.v1 import alert_pb2 as pb

STATES = {
    pb.ALERT_STATE_INACTIVE: "inactive",
    pb.ALERT_STATE_PENDING: "pending",
    pb.ALERT_STATE_FIRING: "firing",
    pb.ALERT_STATE_ACKNOWLEDGED: "acknowledged",
    pb.ALERT_STATE_RESOLVED: "resolved",
}
SEVERITIES = {pb.SEVERITY_INFO: "info", pb.SEVERITY_WARNING: "warning", pb.SEVERITY_CRITICAL: "critical"}
TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "rule", "endpoint", "column", "event", "state", "severity")),
        ("value", pa.float64()),
        ("first_seen", TIME),
        ("last_seen", TIME),
        ("summary", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One value that breaches `level`. `column` None: of the endpoint. `level` None: the `status` ("detected") decides."""

    column: str | None
    metric: str
    value: float
    level: float | None
    status: str


@dataclass(frozen=True, slots=True)
class AlertStep:
    """One step of an alert's life, with its reason."""

    before: str
    after: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class AlertLinks:
    """Links of an alert: the page of its drift report ("" if the server has none), and the commands that print the report and
    export the rows of its window ("" if the server keeps none)."""

    report_url: str
    report: str
    export: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule's condition holding on an endpoint, or on a column of it (`column` None: on the endpoint).

    `state` is "pending", "firing", "acknowledged" or "resolved". `value` is the worst when it was last breached, `evidence` what
    breached, the worst first (32 at most, of `breaches`), `start` to `end` the window (event time). The other times are the
    server's. `steps` are filled by `client.alert(id)` only, `links` in what an AlertReceiver is called with.
    """

    id: str
    rule: str
    endpoint: str
    column: str | None
    event: str
    state: str
    severity: str
    value: float
    first_seen: datetime
    last_seen: datetime
    fired: datetime | None
    acknowledged: datetime | None
    resolved: datetime | None
    start: datetime
    end: datetime
    summary: str
    evidence: tuple[Evidence, ...] = ()
    steps: tuple[AlertStep, ...] = ()
    links: AlertLinks | None = None
    breaches: int = 0


def alert_from(message: pb.Alert, steps: Iterable[pb.AlertStep] = ()) -> Alert:
    """The alert of a wire message."""
    return Alert(
        id=message.id,
        rule=message.rule,
        endpoint=message.endpoint,
        column=message.column or None,
        event=message.event,
        state=STATES.get(message.state, ""),
        severity=SEVERITIES.get(message.severity, ""),
        value=message.value,
        first_seen=moment(message.first_seen_us),
        last_seen=moment(message.last_seen_us),
        fired=moment(message.fired_us) if message.HasField("fired_us") else None,
        acknowledged=moment(message.acknowledged_us) if message.HasField("acknowledged_us") else None,
        resolved=moment(message.resolved_us) if message.HasField("resolved_us") else None,
        start=moment(message.start_us),
        end=moment(message.end_us),
        summary=message.summary,
        breaches=message.breaches,
        evidence=tuple(map(_evidence_from, message.evidence)),
        steps=tuple(AlertStep(STATES.get(s.before, ""), STATES.get(s.after, ""), moment(s.at_us), s.reason) for s in steps),
    )


def alerts_table(messages: Iterable[pb.Alert]) -> pa.Table:
    """One row per alert: id, rule, endpoint, column (null: the endpoint's), event, state, severity, value, first_seen, last_seen,
    summary."""
    rows = [alert_from(message) for message in messages]
    return pa.Table.from_arrays(
        [pa.array([getattr(row, field.name) for row in rows], field.type) for field in SCHEMA], schema=SCHEMA
    )


def state_code(state: str | None) -> pb.AlertState:
    """The wire's word for a state; None: any. Raises InvalidInput."""
    if state is None:
        return pb.ALERT_STATE_UNSPECIFIED
    for code, known in STATES.items():
        if state == known:
            return code
    raise InvalidInput(f"state: {state!r} is none of {', '.join(STATES.values())}")


def _evidence_from(message: pb.Evidence) -> Evidence:
    level = message.level if message.HasField("level") else None
    return Evidence(message.column or None, message.metric, message.value, level, message.status)
