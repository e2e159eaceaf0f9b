"""Messages for machines: Alertmanager's webhook form (version 4), which every receiver people own already reads; its API's form."""

import math
from typing import Any

from driftline_core.instants import iso
from driftline_core.panes import DAY_US, MINUTE_US
from driftline_server.notify.escaping import plain
from driftline_server.notify.links import Links
from driftline_server.notify.notification import FIRING, TEST, Delivery, Notification

# Alertmanager's mark of an alert that has not ended.
_NO_END = "0001-01-01T00:00:00Z"
_POSTED_FOR_US = 365 * DAY_US
_TESTED_FOR_US = 5 * MINUTE_US  # nobody says that a test is over


def webhook(delivery: Delivery, links: Links) -> dict[str, Any]:
    """The body of a webhook. What all its alerts share stands once more in `commonLabels` and `commonAnnotations`."""
    alerts = [_alert(told, links) for told in delivery.notifications]
    return {
        "version": "4",
        "groupKey": delivery.group,
        "truncatedAlerts": delivery.count - len(alerts),
        "status": delivery.status,
        "receiver": delivery.receiver,
        "groupLabels": {"group": delivery.group},
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": links.page,
        "alerts": alerts,
    }


def posted_alerts(delivery: Delivery, links: Links) -> list[dict[str, Any]]:
    """The body of a POST to an Alertmanager's `/api/v2/alerts`; one that fired ends when it is said to have ended.

    Without an end it would end by itself when nothing is said of it for `resolve_timeout`, 5 minutes by default.
    """
    alerts = []
    for told in delivery.notifications:
        alert = _alert(told, links)
        lasting_us = _TESTED_FOR_US if told.event == TEST else _POSTED_FOR_US
        ends = {"endsAt": iso(told.at_us + lasting_us) if told.status == FIRING else alert["endsAt"]}
        keys = ("annotations", "startsAt", *(["generatorURL"] if alert["generatorURL"] else []))
        # Its labels are all that identifies an alert there: without its id, an end that comes late would close the next one.
        identity = {"labels": alert["labels"] | {"alert_id": told.alert}}
        alerts.append(identity | {key: alert[key] for key in keys} | ends)
    return alerts


def labels(told: Notification) -> dict[str, str]:
    """What identifies an alert: the same when it fires and when it ends."""
    path, _, version = told.endpoint.rpartition(":")
    project, function, model = [*path.split("/"), "", "", ""][:3]
    named = {
        "alertname": told.rule,
        "endpoint": told.endpoint,
        "event": told.event,
        "severity": told.severity,
        "column": told.column or "",
    }
    named |= {"project": project, "function": function, "model": model, "version": version}
    return {key: value for key, value in named.items() if value}


def _alert(told: Notification, links: Links) -> dict[str, Any]:
    return {
        "status": told.status,
        "labels": labels(told),
        "annotations": {
            "summary": plain(told.summary),
            "value": "" if told.value is None or not math.isfinite(told.value) else repr(told.value),
            "columns": ",".join([*(each.column for each in told.evidence), *(["…"] if told.breaches > len(told.evidence) else [])]),
            "window_start": iso(told.start_us),
            "window_end": iso(told.end_us),
            "report": links.report(told),
            "export": links.export(told),
            "notification": told.id,
        }
        | ({"report_url": links.report_url(told)} if links.page else {}),
        "startsAt": iso(told.first_seen_us),
        "endsAt": _NO_END if told.status == FIRING else iso(told.at_us),
        "generatorURL": links.report_url(told),
        "fingerprint": told.alert,
    }


def _common(tables: list[dict[str, str]]) -> dict[str, str]:
    first = tables[0] if tables else {}
    return {key: value for key, value in first.items() if all(table.get(key) == value for table in tables)}
