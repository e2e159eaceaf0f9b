"""The alerts of a report's page: how each stands, what was seen when it was last breached, the commands that answer it."""

import shlex
import urllib.parse
from collections.abc import Sequence

from driftline_core.alerts import Alert, Evidence, Phase
from driftline_core.alerts.alert import ACTIVE
from driftline_core.alerts.summary import value_text
from driftline_core.instants import iso
from driftline_server.notify.links import Links
from driftline_server.web.frame import figure, left_out, table, time_of
from driftline_server.web.markup import Child, Markup, element, together
from driftline_server.web.questions import Seen

ALERTS_SHOWN_MAX = 50
COMMANDS_MAX = 5
ELSEWHERE_MAX = 10
EVIDENCE_MAX = 5
ANCHOR = "alerts"
_HEADS = ("rule", "state", "severity", "first seen", "what", "as it was last breached", "id")
_COLOURS = {Phase.FIRING: "status detected", Phase.ACKNOWLEDGED: "status potential"}


def told_of(alerts: Sequence[Alert]) -> list[Alert]:
    """Those that have fired, whether they still do or not."""
    return [each for each in alerts if each.state is not Phase.PENDING]


def count_of(alerts: Sequence[Alert]) -> Markup:
    """How many there are in a window, and in which states, in words for a headline."""
    states = [each.state for each in alerts]
    counts = [f"{states.count(phase)} {phase}" for phase in Phase if phase in states]
    said = str(states[0]) if len(states) == 1 else ", ".join(counts)
    active = any(state in ACTIVE for state in states)
    text = f"{len(states)} {'alert' if len(states) == 1 else 'alerts'} in this window ({said})"
    return element("span", text, class_="status detected" if active else "status potential")


def alerts_of(seen: Seen, links: Links) -> list[Child]:
    """The alerts of a window, those that fire first, then the way to those that fire about other times."""
    if not seen.alerts:
        return [_elsewhere(seen.elsewhere, id_=ANCHOR)]
    shown = seen.alerts[:ALERTS_SHOWN_MAX]
    return [
        element("h2", "Alerts in this window", id_=ANCHOR),
        table("Alerts", _HEADS, [_row(each) for each in shown]),
        left_out(len(seen.alerts), ALERTS_SHOWN_MAX, "alerts", "`driftline alerts list` has more"),
        _elsewhere(seen.elsewhere),
        element("p", "To see an alert's steps, and to say that you have seen it:"),
        element("pre", element("code", "\n".join(_commands(shown, links)))),
    ]


def _row(alert: Alert) -> Markup:
    seen = ", ".join(_evidence(each) for each in alert.evidence[:EVIDENCE_MAX]) or figure(alert.value)
    return element(
        "tr",
        element("th", alert.rule, scope="row"),
        element("td", element("span", str(alert.state), class_=_COLOURS.get(alert.state))),
        element("td", alert.severity),
        element("td", time_of(alert.first_seen_us)),
        element("td", alert.summary, class_="text"),
        element("td", seen, class_="text"),
        element("td", element("code", alert.id)),
    )


def _evidence(seen: Evidence) -> str:
    level = "" if seen.level is None else f" (level {value_text(seen.level)})"
    return f"{seen.column} {seen.metric} {figure(seen.value)}{level}".strip()


def _commands(alerts: Sequence[Alert], links: Links) -> list[str]:
    server = ["--server", links.server] if links.server else []
    return [
        shlex.join(["driftline", "alerts", verb, alert.id, *server])
        for alert in alerts[:COMMANDS_MAX]
        for verb in (("show", "ack") if alert.state is Phase.FIRING else ("show",))
    ]


def _elsewhere(alerts: Sequence[Alert], *, id_: str | None = None) -> Markup | None:
    if not alerts:
        return None
    parts: list[Child] = []
    for alert in alerts[:ELSEWHERE_MAX]:
        query = urllib.parse.urlencode({"start": iso(alert.start_us), "end": iso(alert.end_us)}, safe=":")
        parts += [", ", element("a", alert.rule, href=f"?{query}"), f" ({alert.state})"]
    more = f", and {len(alerts) - ELSEWHERE_MAX:,} more" if len(alerts) > ELSEWHERE_MAX else None
    return element("p", "Alerts not over, about other times: ", together(*parts[1:]), more, id_=id_)
