"""Microsoft Teams, by a webhook of its Workflows: an Adaptive Card of runs of text, which are no Markdown, so that nothing in an
alert becomes markup and no command is altered by escapes."""

import re
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from driftline_server.notify import escaping, wording
from driftline_server.notify.channels import Teams
from driftline_server.notify.links import Links
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.context import Context
from driftline_server.notify.senders.request import JSON, send, written

# Teams takes 28 kB.
CARD_BYTES_MAX = 27_000
_LINE_MAX = 2000
_LINE_MIN = 250  # so short that one alert fits, whatever its letters, with its commands whole


def send_teams(context: Context, receiver: Receiver, channel: Teams, delivery: Delivery) -> None:
    url = channel.url.reveal()
    headers = JSON | {"Idempotency-Key": delivery.key}
    send(url, written(message(delivery, context.links)), headers, receiver.route, now_us=context.clock.now_us())


def message(delivery: Delivery, links: Links) -> dict[str, Any]:
    """A message with one card, of as many alerts as there is room for; the rest are told as a number."""
    for shown in range(min(len(delivery.notifications), wording.TOLD_MAX), 1, -1):
        made = _message(delivery, links, shown=shown, line_max=_LINE_MAX)
        if len(written(made)) <= CARD_BYTES_MAX:
            return made
    made = _message(delivery, links, shown=1, line_max=_LINE_MAX)
    return made if len(written(made)) <= CARD_BYTES_MAX else _message(delivery, links, shown=1, line_max=_LINE_MIN)


def _message(delivery: Delivery, links: Links, *, shown: int, line_max: int) -> dict[str, Any]:
    told = replace(delivery, notifications=delivery.notifications[:shown])
    urls = [links.report_url(each) for each in told.notifications]
    title = _run(escaping.subject(wording.title(delivery)), weight="Bolder", size="Medium")
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            {"type": "RichTextBlock", "inlines": [title]},
            *(
                block
                for lines, url in zip_longest(wording.paragraphs(told, links), urls, fillvalue="")
                for block in _alert([_cut(line, line_max) for line in lines], url)
            ),
        ],
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}],
    }


def _alert(lines: list[str], url: str) -> list[dict[str, Any]]:
    """A block for each line, the first apart from the alert before, and a button in place of the page's address."""
    blocks: list[dict[str, Any]] = [
        {"type": "RichTextBlock", "inlines": _inlines(line), **({} if number else {"separator": True, "spacing": "Medium"})}
        for number, line in enumerate(lines)
        if not url or line != f"page: {url}"
    ]
    if url:
        blocks.append({"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": "Drift report", "url": url}]})
    return blocks


def _cut(line: str, length_max: int) -> str:
    """A command is whole or none."""
    return line if line.partition(": ")[0] in wording.COMMANDS else line[:length_max]


def _inlines(line: str) -> list[dict[str, Any]]:
    name, _, command = line.partition(": ")
    if name in wording.COMMANDS and command:
        return [_run(f"{name}: "), _run(escaping.plain(command, is_long=False), fontType="Monospace")]
    return [_run(escaping.unmentioned(escaping.plain(line)))]


def _run(text: str, **more: Any) -> dict[str, Any]:
    # Cards expand {{DATE(…)}}; some that pass them on, ${…}.
    return {"type": "TextRun", "text": re.sub(r"(?<=[{$])(?=\{)", escaping.JOINER, text) or " ", **more}
