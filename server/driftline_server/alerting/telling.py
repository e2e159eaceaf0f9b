"""From what the board wants told to what the outbox carries."""

from driftline_core.alerts import Notification
from driftline_server.notify import notification as outgoing


def told(given: Notification) -> outgoing.Notification:
    """A notification as it is sent."""
    alert = given.alert
    return outgoing.Notification(
        id=given.key,
        alert=alert.id,
        status=outgoing.FIRING if given.is_firing else outgoing.RESOLVED,
        rule=alert.rule,
        endpoint=alert.endpoint,
        event=alert.event,
        group=alert.group,
        at_us=given.at_us,
        first_seen_us=alert.first_seen_us,
        last_seen_us=alert.last_seen_us,
        start_us=alert.start_us,
        end_us=alert.end_us,
        severity=str(alert.severity),
        column=alert.column or None,
        value=alert.value if alert.value == alert.value else None,
        summary=alert.summary,
        evidence=tuple(
            outgoing.Evidence(each.column, each.metric, each.value if each.value == each.value else None, each.status)
            for each in alert.evidence
        ),
        breaches=alert.breaches,
        fired_us=alert.fired_us,
    )
