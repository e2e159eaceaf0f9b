"""PagerDuty's Events API v2: an event for each alert, so that the end of one resolves the incident of that one and no other."""

import math
from typing import Any

from driftline_core.instants import iso
from driftline_server.notify.channels import PagerDuty
from driftline_server.notify.escaping import plain
from driftline_server.notify.failures import Permanent
from driftline_server.notify.links import Links
from driftline_server.notify.notification import FIRING, Delivery, Notification
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.context import Context
from driftline_server.notify.senders.request import JSON, send, written

# The API's own limits.
_SUMMARY_MAX = 1024
_KEY_MAX = 255
_SEVERITIES = ("critical", "error", "warning", "info")


def send_pagerduty(context: Context, receiver: Receiver, channel: PagerDuty, delivery: Delivery) -> None:
    """Every event is tried before a refusal for good is told: one that is refused keeps no other incident open."""
    key = channel.key.reveal()
    refused: Permanent | None = None
    for told in delivery.notifications:
        body = written({"routing_key": key, **event(told, context.links)})
        try:
            send(f"{channel.url}/v2/enqueue", body, JSON, receiver.route, secrets=[key], now_us=context.clock.now_us())
        except Permanent as error:
            refused = refused or error
    if refused is not None:
        raise refused


def event(told: Notification, links: Links) -> dict[str, Any]:
    """What one alert is to PagerDuty, but for the key. An end says as much as a beginning: rules that route events read it."""
    url = links.report_url(told)
    return {
        "event_action": "trigger" if told.status == FIRING else "resolve",
        "dedup_key": told.alert[:_KEY_MAX],
        "payload": {
            "summary": _summary(told),
            "source": told.endpoint,
            "severity": told.severity if told.severity in _SEVERITIES else "warning",
            "timestamp": iso(told.at_us),
            "group": told.rule,
            "class": told.event,
            **({"component": plain(told.column, is_long=False)} if told.column else {}),
            "custom_details": _details(told, links),
        },
        **({"links": [{"href": url, "text": "drift report"}]} if url else {}),
    }


def _summary(told: Notification) -> str:
    said = f"{told.rule}: {told.endpoint}" + (f": {told.summary}" if told.summary else "")
    return plain(said, is_long=False)[:_SUMMARY_MAX]


def _details(told: Notification, links: Links) -> dict[str, Any]:
    scores = [(each.column, each.metric, each.value) for each in told.evidence]
    details = {
        "alert": told.alert,
        "value": _finite(told.value),
        "columns": [
            {"column": plain(column, is_long=False), "metric": metric, "value": _finite(value)} for column, metric, value in scores
        ],
        "window_start": iso(told.start_us),
        "window_end": iso(told.end_us),
        "first_seen": iso(told.first_seen_us),
        "report": links.report(told),
        "export": links.export(told),
    }
    return {name: value for name, value in details.items() if value not in (None, "", [])}


def _finite(value: float | None) -> float | None:
    """JSON has no other numbers."""
    return value if value is not None and math.isfinite(value) else None
