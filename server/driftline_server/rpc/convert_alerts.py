"""Where messages about alerts and the core's words meet."""

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from driftline_core.alerts import Alert, Evidence, Phase, Rule, Silence
from driftline_core.alerts.rules import Reset, Severity
from driftline_core.errors import InvalidInput
from driftline_proto.v1 import alert_pb2 as pb
from driftline_server.alerting.book import Step
from driftline_server.alerting.receivers import Listed
from driftline_server.notify import notification as outgoing
from driftline_server.notify.links import Links
from driftline_server.outbox.letters import Letter

_SEVERITIES = {
    Severity.INFO: pb.SEVERITY_INFO,
    Severity.WARNING: pb.SEVERITY_WARNING,
    Severity.CRITICAL: pb.SEVERITY_CRITICAL,
}
_RESETS = {Reset.AUTO: pb.RESET_POLICY_AUTO, Reset.MANUAL: pb.RESET_POLICY_MANUAL}
_STATES = {
    Phase.INACTIVE: pb.ALERT_STATE_INACTIVE,
    Phase.PENDING: pb.ALERT_STATE_PENDING,
    Phase.FIRING: pb.ALERT_STATE_FIRING,
    Phase.ACKNOWLEDGED: pb.ALERT_STATE_ACKNOWLEDGED,
    Phase.RESOLVED: pb.ALERT_STATE_RESOLVED,
}


def rule_keys(message: pb.Rule) -> dict[str, Any]:
    """The keys of a rule, for `parse`; what is not set is None. Raises InvalidInput for an unknown enum value."""
    return {
        "name": message.name or None,
        "endpoint": message.endpoint or None,
        "event": message.event or None,
        "metric": message.metric or None,
        "above": message.above if message.HasField("above") else None,
        "below": message.below if message.HasField("below") else None,
        "clear": message.clear if message.HasField("clear") else None,
        "window": timedelta(microseconds=message.window_us) if message.HasField("window_us") else None,
        "column": message.column or None,
        "criteria": _criteria(message.criteria) if message.HasField("criteria") else None,
        "hold": timedelta(microseconds=message.hold_us) if message.HasField("hold_us") else None,
        "severity": _word(message.severity, _SEVERITIES, "severity"),
        "cooldown": timedelta(microseconds=message.cooldown_us) if message.HasField("cooldown_us") else None,
        "reset": _word(message.reset, _RESETS, "reset"),
        "summary": message.summary or None,
        "receivers": list(message.receivers) or None,
        "template": message.template or None,
    }


def rule(given: Rule, *, in_settings: bool, missing: Sequence[str] = ()) -> pb.Rule:
    """A rule as it holds."""
    criteria = pb.Criteria(count=given.criteria.count, within_us=given.criteria.within_us) if given.criteria.count > 1 else None
    return pb.Rule(
        name=given.name,
        endpoint=given.endpoint,
        event=given.event,
        metric=given.metric,
        above=given.above,
        below=given.below,
        clear=given.clear,
        window_us=given.window_us,
        column=given.column,
        criteria=criteria,
        hold_us=given.hold_us,
        severity=_SEVERITIES[given.severity],
        cooldown_us=given.cooldown_us,
        reset=_RESETS[given.reset],
        summary=given.summary,
        receivers=given.receivers,
        in_settings=in_settings,
        missing_receivers=missing,
    )


def state(code: pb.AlertState) -> str | None:
    """A state asked for; None: any."""
    return _word(code, _STATES, "state")


def alert(given: Alert, *, evidence: bool = True) -> pb.Alert:
    """An alert, as it is now."""
    return pb.Alert(
        id=given.id,
        rule=given.rule,
        endpoint=given.endpoint,
        column=given.column,
        event=given.event,
        state=_STATES[given.state],
        severity=_SEVERITIES[Severity(given.severity)],
        value=given.value,
        evidence=map(_evidence, given.evidence) if evidence else (),
        start_us=given.start_us,
        end_us=given.end_us,
        first_seen_us=given.first_seen_us,
        last_seen_us=given.last_seen_us,
        fired_us=given.fired_us,
        acknowledged_us=given.acknowledged_us,
        resolved_us=given.resolved_us,
        summary=given.summary,
        breaches=given.breaches,
    )


def steps(given: Iterable[Step]) -> list[pb.AlertStep]:
    """What became of an alert."""
    return [step(each) for each in given]


def step(given: Step) -> pb.AlertStep:
    """One step of an alert."""
    return pb.AlertStep(
        before=_STATES[Phase(given.before)], after=_STATES[Phase(given.after)], at_us=given.at_us, reason=given.reason
    )


def silence(given: Silence) -> pb.Silence:
    """A silence."""
    return pb.Silence(
        id=given.id,
        endpoint=given.endpoint,
        rule=given.rule,
        reason=given.reason,
        created_us=given.created_us,
        until_us=given.until_us,
    )


def receiver(given: Listed) -> pb.Receiver:
    """Somebody who can be told."""
    return pb.Receiver(name=given.name, shown=given.shown, is_default=given.is_default, is_callback=given.is_callback)


def delivery(given: Letter) -> pb.Delivery:
    """A message to a receiver."""
    return pb.Delivery(
        key=given.id,
        receiver=given.receiver,
        alerts=given.alerts,
        created_us=given.created_us,
        state=given.state,
        attempts=given.attempts,
        next_attempt_us=given.next_attempt_us if given.state in ("waiting", "pending") else None,
        settled_us=given.settled_us,
        problem=given.error or "",
    )


def notify(given: outgoing.Delivery, links: Links) -> pb.NotifyRequest:
    """A message to a callback."""
    return pb.NotifyRequest(
        delivery_key=given.key,
        receiver=given.receiver,
        attempt=given.attempt,
        notifications=[_notification(each, links) for each in given.notifications],
        count=given.count,
    )


def _notification(given: outgoing.Notification, links: Links) -> pb.Notification:
    is_firing = given.status == outgoing.FIRING
    told = pb.Alert(
        id=given.alert,
        rule=given.rule,
        endpoint=given.endpoint,
        column=given.column or "",
        event=given.event,
        state=pb.ALERT_STATE_FIRING if is_firing else pb.ALERT_STATE_RESOLVED,
        severity=_SEVERITIES[Severity(given.severity)],
        value=math.nan if given.value is None else given.value,
        evidence=[
            pb.Evidence(
                column=each.column,
                metric=each.metric,
                value=math.nan if each.value is None else each.value,
                level=each.level,
                status=each.status,
            )
            for each in given.evidence
        ],
        start_us=given.start_us,
        end_us=given.end_us,
        first_seen_us=given.first_seen_us,
        last_seen_us=given.last_seen_us,
        fired_us=given.fired_us,
        resolved_us=None if is_firing else given.at_us,
        summary=given.summary,
        breaches=given.breaches,
    )
    return pb.Notification(
        key=given.id,
        alert=told,
        at_us=given.at_us,
        report=links.report(given),
        export_command=links.export(given),
        report_url=links.report_url(given),
    )


def _evidence(given: Evidence) -> pb.Evidence:
    return pb.Evidence(column=given.column, metric=given.metric, value=given.value, level=given.level, status=given.status)


def _criteria(message: pb.Criteria) -> dict[str, Any]:
    within = timedelta(microseconds=message.within_us) if message.within_us else None
    return {"count": message.count, "within": within}


def _word(code: int, codes: dict[Any, Any], field: str) -> str | None:
    if not code:
        return None
    for word, known in codes.items():
        if code == known:
            assert isinstance(word, StrEnum)
            return str(word)
    raise InvalidInput(f"{field} {code} is none of {', '.join(map(str, codes))}", field=field)
