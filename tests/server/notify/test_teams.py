"""Teams: one Adaptive Card that its reference allows, in which an alert is text and a command can be copied."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.server.notify.building import FakeClock, receiver, told
from tests.server.notify.receiver import LocalReceiver, Reply

from driftline_server.notify.links import Links
from driftline_server.notify.notification import RESOLVED, Delivery, Evidence
from driftline_server.notify.senders import Context, sender
from driftline_server.notify.senders.teams import CARD_BYTES_MAX, message

PAGE = Links(page="https://drift.example.com")
URL = "https://drift.example.com/report/shop/fraud/my_model_*x*:v3?start=2027-01-15T07:00:00Z&end=2027-01-15T08:00:00Z"
ONE = Delivery("key-1", "ops", "g", (told("n1", endpoint="shop/fraud/my_model_*x*:v3"),), 1)
EVIL = "<at>All</at> @here [click](http://evil) **b** {{DATE(2027-01-01T00:00:00Z)}} ${x}\n\x1b[2J"
HOSTILE = Delivery("key-2", "ops", "g", (told("n1", column=EVIL, rule=EVIL, summary=EVIL),), 1)
LONG = Delivery("k", "ops", "g", tuple(told(f"n{i}", summary="x" * 5000) for i in range(10)), 4000)
WIDE = Delivery("k", "ops", "g", tuple(told(f"n{i}", summary="\U0001f600" * 5000) for i in range(10)), 10)
WIDEST = tuple(Evidence("\U0001f600" * 1000, "drift", 0.5) for _ in range(5))
NO_ROOM = Delivery(
    "k", "ops", "g", (told("n1", summary="\U0001f600" * 5000, column="\U0001f600" * 5000, evidence=WIDEST, status=RESOLVED),), 1
)


def check_teams(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of a Workflows webhook's message and of Adaptive Cards 1.4, from their references. Returns the runs of text."""
    assert body.keys() == {"type", "attachments"} and body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment.keys() == {"contentType", "contentUrl", "content"}
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    runs = []
    for block in card["body"]:
        if block["type"] == "ActionSet":
            (action,) = block["actions"]
            assert action["type"] == "Action.OpenUrl" and action["title"] and action["url"].startswith("https://")
            continue
        assert block["type"] == "RichTextBlock"  # which knows no Markdown, as a TextBlock does
        for run in block["inlines"]:
            assert run.keys() <= {"type", "text", "fontType", "weight", "size"} and run["type"] == "TextRun" and run["text"]
            runs.append(run)
    assert len(json.dumps(body, ensure_ascii=False).encode()) <= 28_000
    return runs


@pytest.mark.parametrize("links", [PAGE, Links()])
@pytest.mark.parametrize("delivery", [ONE, HOSTILE, LONG, WIDE, NO_ROOM])
def test_a_card_is_what_teams_takes(delivery: Delivery, links: Links) -> None:
    assert CARD_BYTES_MAX < 28_000
    assert check_teams(message(delivery, links))


def test_a_message_is_posted_and_taken() -> None:
    with LocalReceiver(Reply(202)) as server:
        sender(receiver(teams=server.url, allow_private=True), Context(clock=FakeClock(), links=PAGE))(ONE)
        (request,) = server.requests
    assert (request.headers["Content-Type"], request.key) == ("application/json", "key-1")
    check_teams(request.json)


def test_a_command_stands_as_it_is_run_and_the_page_behind_a_button() -> None:
    body = message(ONE, PAGE)
    runs = check_teams(body)
    commands = [run["text"] for run in runs if run.get("fontType") == "Monospace"]
    assert commands[0] == ("driftline drift 'shop/fraud/my_model_*x*:v3' --start 2027-01-15T07:00:00Z --end 2027-01-15T08:00:00Z")
    assert commands[1].startswith("driftline export 'shop/fraud/my_model_*x*:v3'")
    (button,) = [block for block in body["attachments"][0]["content"]["body"] if block["type"] == "ActionSet"]
    assert button["actions"][0]["url"] == URL.replace("*", "%2A")
    assert not any(run["text"].startswith("page: ") for run in runs)
    assert not any(block["type"] == "ActionSet" for block in message(ONE, Links())["attachments"][0]["content"]["body"])


def test_a_command_is_never_cut() -> None:
    delivery = replace(NO_ROOM, notifications=(replace(NO_ROOM.notifications[0], endpoint="/".join(["m" * 60] * 4)),))
    commands = [run["text"] for run in check_teams(message(delivery, PAGE)) if run.get("fontType") == "Monospace"]
    assert [command.endswith(end) for command, end in zip(commands, ("08:00:00Z", "--to rows"), strict=True)] == [True, True]


def test_an_alert_cannot_mention_expand_or_move_anything() -> None:
    text = "\n".join(run["text"] for run in check_teams(message(HOSTILE, PAGE)))
    assert not any(mark in text for mark in ("@here", "](http", "{{", "${", "\x1b"))


def test_what_has_no_room_is_told_as_a_number_under_the_title_of_all() -> None:
    said = [run["text"] for run in check_teams(message(WIDE, PAGE))]
    assert said[0] == "[FIRING:10] input drift: shop/fraud/scorer:v3"
    assert said[-1] == "and 8 more: driftline alerts list"
