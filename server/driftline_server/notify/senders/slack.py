"""Slack's incoming webhooks: blocks of plain text, that nothing in an alert can turn into markup, and the report's link,
which is all ours; `text` for what has no blocks."""

from itertools import zip_longest
from typing import Any

from driftline_server.notify import escaping, wording
from driftline_server.notify.channels import Slack
from driftline_server.notify.links import Links
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.context import Context
from driftline_server.notify.senders.request import JSON, send, written

# Slack's own limits on a header's and a section's text.
_HEADER_MAX = 150
_SECTION_MAX = 3000
# What the least patient of those that read `text` takes, escapes included.
_TEXT_MAX = 12_000


def send_slack(context: Context, receiver: Receiver, channel: Slack, delivery: Delivery) -> None:
    url = channel.url.reveal()
    headers = JSON | {"Idempotency-Key": delivery.key}
    send(url, written(message(delivery, context.links)), headers, receiver.route, now_us=context.clock.now_us())


def message(delivery: Delivery, links: Links) -> dict[str, Any]:
    """The body of an incoming webhook."""
    title = escaping.subject(wording.title(delivery), length_max=_HEADER_MAX)
    sections = ["\n".join(lines) for lines in wording.paragraphs(delivery, links)]
    urls = [links.report_url(each) for each in delivery.notifications[: wording.TOLD_MAX]]
    return {
        "text": escaping.slack("\n\n".join([title, *sections])[:_TEXT_MAX]),
        "mrkdwn": False,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}},
            *(block for text, url in zip_longest(sections, urls, fillvalue="") for block in _section(text, url)),
        ],
    }


def _section(text: str, url: str) -> list[dict[str, Any]]:
    """An alert, and its link on its own: Slack makes none of an address in plain text."""
    cut = escaping.unmentioned(escaping.plain(text))[:_SECTION_MAX]
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "plain_text", "text": cut, "emoji": False}}]
    if url:
        link = {"type": "mrkdwn", "text": f"<{escaping.slack(url)}|drift report>"}
        blocks.append({"type": "context", "elements": [link]})
    return blocks
