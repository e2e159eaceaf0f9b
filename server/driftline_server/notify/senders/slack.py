"""Slack's incoming webhooks: blocks of plain text, that nothing in an alert can turn into markup; `text` for what has no blocks."""

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
    return {
        "text": escaping.slack("\n\n".join([title, *sections])[:_TEXT_MAX]),
        "mrkdwn": False,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}},
            *({"type": "section", "text": {"type": "plain_text", "text": _cut(text), "emoji": False}} for text in sections),
        ],
    }


def _cut(text: str) -> str:
    return escaping.unmentioned(escaping.plain(text))[:_SECTION_MAX]
