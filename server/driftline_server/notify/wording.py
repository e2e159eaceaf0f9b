"""A message for people: its title, and a few lines an alert, in plain text; channels escape it."""

from driftline_core.alerts.summary import value_text
from driftline_core.instants import iso
from driftline_server.notify.links import Links
from driftline_server.notify.notification import TEST, Delivery, Notification

# Of a message of thousands, so many are told one by one.
TOLD_MAX = 10
SUMMARY_MAX = 2000
COLUMNS_MAX = 5
# What stands after these names and a colon is a command, to be shown so that it can be copied.
COMMANDS = ("report", "rows", "acknowledge")


def title(delivery: Delivery) -> str:
    """What can be read without opening it.

    >>> title(Delivery("k", "ops", "g", (), 0, 1))
    '[RESOLVED] driftline'
    """
    state = delivery.status.upper() + (f":{delivery.count}" if delivery.count > 1 else "")
    if not delivery.notifications:
        return f"[{state}] driftline"
    first = delivery.notifications[0]
    endpoints = {told.endpoint for told in delivery.notifications}
    where = first.endpoint if len(endpoints) == 1 else f"{len(endpoints)} endpoints"
    return f"[{state}] {first.rule}: {where}"


def paragraphs(delivery: Delivery, links: Links) -> list[list[str]]:
    """The lines of each alert told, and a last paragraph about the rest of them."""
    standing = delivery.standing
    told = [_lines(each, links, stands=each.alert in standing) for each in delivery.notifications[:TOLD_MAX]]
    rest = delivery.count - len(told)
    return [*told, [f"and {rest} more: driftline alerts list"]] if rest > 0 else told


def body(delivery: Delivery, links: Links) -> str:
    return "\n\n".join("\n".join(lines) for lines in paragraphs(delivery, links))


def _lines(told: Notification, links: Links, *, stands: bool) -> list[str]:
    what = [told.status, told.severity, told.event, told.endpoint]
    if told.column:
        what.append(told.column)
    if told.value is not None:
        what.append(value_text(told.value))
    lines = [" · ".join(what)]
    if told.summary:
        lines.append(told.summary[:SUMMARY_MAX])
    lines += _measured(told)
    lines.append(f"window: {iso(told.start_us)} to {iso(told.end_us)}, first seen {iso(told.first_seen_us)}")
    if links.page:
        lines.append(f"page: {links.report_url(told)}")
    lines.append(f"report: {links.report(told)}")
    if links.keeps_rows:
        lines.append(f"rows: {links.export(told)}")
    if stands and told.event != TEST:
        lines.append(f"acknowledge: {links.acknowledge(told.alert)}")
    return lines


def _measured(told: Notification) -> list[str]:
    """What was measured, of columns or, of a metric that has none, of the endpoint."""
    known = [(each, each.value) for each in told.evidence[:COLUMNS_MAX] if each.value is not None]
    parts = [f"{each.column} {each.metric} {value_text(value)}".lstrip() for each, value in known]
    name = "columns" if any(each.column for each, _ in known) else "measured"
    return [f"{name}: {', '.join(parts)}"] if parts else []
