"""What a pipeline is told of a message, as short texts: variables of a job, inputs of a workflow, a template's fields."""

from collections.abc import Mapping

from driftline_core.instants import iso
from driftline_server.notify import templates, wording
from driftline_server.notify.escaping import plain
from driftline_server.notify.links import Links
from driftline_server.notify.notification import Delivery

VALUE_MAX = 1000


def fields(delivery: Delivery, links: Links) -> dict[str, str]:
    """The first alert's facts, the names of all endpoints, and the key that tells a message sent twice."""
    first = delivery.notifications[0]
    told = {
        "key": delivery.key,
        "status": delivery.status,
        "title": wording.title(delivery),
        "count": str(delivery.count),
        "alert": first.alert,
        "rule": first.rule,
        "event": first.event,
        "severity": first.severity,
        "endpoint": first.endpoint,
        "endpoints": " ".join(dict.fromkeys(each.endpoint for each in delivery.notifications)),
        "column": first.column or "",
        "value": "" if first.value is None else f"{first.value:.6g}",
        "window_start": iso(first.start_us),
        "window_end": iso(first.end_us),
        "summary": first.summary,
        "report_url": links.report_url(first),
        "report": links.report(first),
        "export": links.export(first),
    }
    return {name: plain(text, is_long=False)[:VALUE_MAX] for name, text in told.items()}


def filled(wanted: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """The operator's own names, each with its `{field}`s filled in."""
    return {name: templates.render(text, told) for name, text in wanted.items()}
