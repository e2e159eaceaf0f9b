"""From what the board wants told to what the outbox carries, and what it is to carry no more."""

import sqlite3
from collections.abc import Container, Iterable

from driftline_core.alerts import Notification, Phase, Silence, Transition
from driftline_server.notify import notification as outgoing
from driftline_server.outbox import holding
from driftline_server.outbox.holding import Covers


def withdraw(connection: sqlite3.Connection, transitions: Iterable[Transition], there: Container[str]) -> set[str]:
    """Takes back what waits to be told and is known or over since these steps; to be asked before their ends are enqueued.

    `there`: the receivers there are. Returns the alerts whose beginning nobody was told, nor is.
    """
    unheard = set()
    for each in transitions:
        match each.after:
            case Phase.ACKNOWLEDGED:
                unheard |= holding.withdraw_known(connection, each.alert_id)
            case Phase.RESOLVED:
                unheard |= holding.withdraw_held(connection, each.alert_id)
                unheard |= holding.withdraw_absent(connection, each.alert_id, there)
    return unheard


def covered_by(silences: Iterable[Silence]) -> Covers:
    """Whether any of these silences is about a rule on an endpoint."""
    standing = list(silences)
    return lambda rule, endpoint: any(each.covers(rule, endpoint) for each in standing)


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
            outgoing.Evidence(each.column, each.metric, each.value if each.value == each.value else None, each.status, each.level)
            for each in alert.evidence
        ),
        breaches=alert.breaches,
        fired_us=alert.fired_us,
    )
