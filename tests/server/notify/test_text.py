"""What an alert says is read as that text by whatever shows it: no template, markup, mention or control character comes alive."""

import re
from dataclasses import replace

import pytest
from tests.server.notify.building import NOW_US, receiver, told

from driftline_core.errors import InvalidInput
from driftline_server.notify import escaping, payload, wording
from driftline_server.notify.channels import FOR_PEOPLE
from driftline_server.notify.links import Links
from driftline_server.notify.notification import FIRING, RESOLVED, Delivery, Evidence
from driftline_server.notify.senders.comment import comment
from driftline_server.notify.senders.fields import fields
from driftline_server.notify.senders.pagerduty import event
from driftline_server.notify.templates import FIELDS, TEMPLATE_MAX, TEXT_MAX, check_template, render
from driftline_server.notify.trial import trial

PAGE = Links(page="https://drift.example.com/x")
URL = "https://drift.example.com/x/report/shop/fraud/scorer:v3?start=2027-01-15T07:00:00Z&end=2027-01-15T08:00:00Z"


@pytest.mark.parametrize(
    "template",
    [
        "{{7*7}}",
        "{0.__class__}",
        "{endpoint.__class__}",
        "{endpoint!r}",
        "{endpoint:>9999999999}",
        "{self}",
        "{colum}",
        "{{endpoint}}",
        "{ endpoint }",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{# note #}",
        "{",
        "}",
        "{endpoint} {",
        "{" + "a" * 50 + "}",
        "x" * (TEMPLATE_MAX + 1),
    ],
)
def test_only_fields_are_filled_in(template: str) -> None:
    with pytest.raises(InvalidInput, match="inputs"):
        check_template(template, field="inputs")


@pytest.mark.parametrize("template", ["", "plain", "%(endpoint)s", "$endpoint", "50%", "a\\b"])
def test_what_other_templates_would_read_is_text_here(template: str) -> None:
    check_template(template, field="inputs")
    assert render(template, {"endpoint": "shop/m"}) == template


def test_every_field_is_filled_and_none_is_read_twice() -> None:
    template = " ".join(f"{{{name}}}" for name in FIELDS)
    check_template(template, field="inputs")
    assert render(template, dict.fromkeys(FIELDS, "{rule}")) == " ".join(["{rule}"] * len(FIELDS))
    assert fields(Delivery("k", "ops", "g", (told("a"),), 1), Links()).keys() == set(FIELDS)


@pytest.mark.timeout(60)  # what explodes would take hours
def test_what_a_template_gives_is_bounded_in_size_and_time() -> None:
    assert len(render("{endpoint}" * (TEMPLATE_MAX // 10), {"endpoint": "x" * 1_000_000})) <= TEXT_MAX
    for hostile in ("{" * TEMPLATE_MAX, "{a" * 1000, "{" + " " * (TEMPLATE_MAX - 1), "{" + "a" * (TEMPLATE_MAX - 1)):
        render(hostile, {})


HOSTILE = (
    "<b>x</b> <!channel> <!here|now> <@U123> @here @everyone @_x [click](http://evil) <http://evil|click> www.evil.com"
    " *b* `c` #12 !3 \x1b[2J\x07 \u202etxt"
)


def test_html_is_text() -> None:
    assert escaping.html("<img src=x onerror='y'>&\x00") == "&lt;img src=x onerror=&#x27;y&#x27;&gt;&amp;"


def test_slack_reads_no_mention_and_no_link() -> None:
    text = escaping.slack(HOSTILE)
    assert "<" not in text and ">" not in text
    assert not any(mention in text for mention in ("@here", "@everyone", "@U123", "]("))


def test_chats_without_an_escape_read_no_mention() -> None:
    text = escaping.unmentioned(HOSTILE)
    assert not any(mark in text for mark in ("@here", "@everyone", "<@", "<!", "<http", "]("))


def test_markdown_is_text() -> None:
    text = escaping.markdown(HOSTILE)
    assert not any(mark in text.replace("\\", "") for mark in ("@here", "@everyone", "@_x", "#12", "!3", "http://", "www."))
    for position, char in enumerate(text):
        if char in "*`[]()<>#!&|":
            assert text[position - 1] == "\\", text[position - 3 : position + 3]


def test_a_code_span_cannot_be_left() -> None:
    assert escaping.code("a`` ` b\nc") == "`aˋˋ ˋ b c`"


@pytest.mark.parametrize(
    "make", [escaping.subject, escaping.plain, escaping.slack, escaping.html, escaping.markdown, escaping.terminal]
)
def test_nothing_invisible_is_let_through(make: object) -> None:
    text = make(HOSTILE + "\x9b31m\x00\ufeff\u2066\ud800")  # type: ignore[operator]
    assert not any(char in text for char in "\x1b\x07\u202e\x9b\x00\ufeff\u2066\ud800")


def test_a_subject_is_one_line() -> None:
    assert escaping.subject("drift\r\nBcc: all@example.com\n\nbody").replace("\u2060", "") == "drift Bcc: all@example.com  body"
    assert escaping.subject("a\u2028b\x85c\x0bd\x0ce\rf") == "a b c d e f"
    assert len(escaping.subject("x" * 1000)) == 200


def test_people_are_told_what_where_and_how_to_look() -> None:
    evidence = (Evidence("amount", "drift", 0.81), Evidence("age", "drift", 0.7))
    delivery = Delivery("k", "ops", "g", (told("a", evidence=evidence),), 1)
    assert wording.title(delivery) == "[FIRING] input drift: shop/fraud/scorer:v3"
    assert wording.body(delivery, Links()).splitlines() == [
        "firing · warning · data-drift-detected · shop/fraud/scorer:v3 · amount · 0.81",
        "amount drifted",
        "columns: amount drift 0.81, age drift 0.7",
        "window: 2027-01-15T07:00:00Z to 2027-01-15T08:00:00Z, first seen 2027-01-15T07:00:00Z",
        "report: driftline drift shop/fraud/scorer:v3 --start 2027-01-15T07:00:00Z --end 2027-01-15T08:00:00Z",
        "rows: driftline export shop/fraud/scorer:v3 --start 2027-01-15T07:00:00Z --end 2027-01-15T08:00:00Z --to rows",
        "acknowledge: driftline alerts ack alert-a",
    ]


def test_an_end_needs_no_acknowledging_and_a_test_can_have_none() -> None:
    assert "acknowledge" not in wording.body(trial(receiver(), now_us=NOW_US), PAGE)
    assert "acknowledge" not in wording.body(Delivery("k", "ops", "g", (told("a", status=RESOLVED),), 1), PAGE)


def test_of_a_large_group_the_first_can_be_acknowledged_by_their_ids() -> None:
    links = Links(server="10.0.0.1:7433")
    body = wording.body(Delivery("k", "ops", "g", tuple(told(f"n{i}") for i in range(500)), 500), links)
    assert re.findall(r"acknowledge: (.*)", body) == [
        f"driftline alerts ack alert-n{i} --server 10.0.0.1:7433" for i in range(wording.TOLD_MAX)
    ]


@pytest.mark.parametrize(
    ("evidence", "line"),
    [
        ((Evidence("", "latency_p99", 1.037),), "measured: latency_p99 1.037"),
        ((Evidence("age", "tvd", 0.5), Evidence("amount", "tvd", None)), "columns: age tvd 0.5"),
    ],
)
def test_what_was_measured_is_named_by_its_own_word(evidence: tuple[Evidence, ...], line: str) -> None:
    assert line in wording.body(Delivery("k", "ops", "g", (told("a", evidence=evidence),), 1), Links()).splitlines()


def test_where_nothing_was_measured_no_line_says_so() -> None:
    body = wording.body(Delivery("k", "ops", "g", (told("a", evidence=(Evidence("a", "tvd"),)),), 1), Links())
    assert "columns" not in body and "measured" not in body


def test_people_are_told_where_the_page_is_and_the_command_still() -> None:
    body = wording.body(Delivery("k", "ops", "g", (told("a"),), 1), PAGE).splitlines()
    assert body[-4:-2] == [
        f"page: {URL}",
        "report: driftline drift shop/fraud/scorer:v3 --start 2027-01-15T07:00:00Z --end 2027-01-15T08:00:00Z",
    ]


def test_where_no_rows_are_kept_no_command_fetches_them() -> None:
    links = Links(server="127.0.0.1:7433", keeps_rows=False)
    delivery = Delivery("k", "ops", "g", (told("a"),), 1)
    assert "export" not in wording.body(delivery, links) and "rows:" not in wording.body(delivery, links)
    assert fields(delivery, links)["export"] == payload.webhook(delivery, links)["alerts"][0]["annotations"]["export"] == ""
    assert "export" not in event(delivery.notifications[0], links)["payload"]["custom_details"]


def test_a_comment_links_the_page_and_nothing_that_an_alert_says() -> None:
    evil = f"page: {URL}> <https://evil.example.com"
    said = comment(Delivery("k", "ops", "g", (told("a", summary=evil),), 1), PAGE)
    assert f"page: <{URL}>" in said
    assert "<https://evil" not in said.replace("\\<", "")


def test_a_window_beyond_the_calendar_has_a_link() -> None:
    url = PAGE.report_url(told("a", start_us=-(2**61), end_us=2**61))
    assert url.endswith("?start=0001-01-01T00:00:00Z&end=9999-12-31T23:59:59.999999Z")


def test_people_are_told_of_the_first_and_of_how_many() -> None:
    shown = tuple(told(f"n{i}", endpoint=f"shop/default/m{i}:v1", status=RESOLVED) for i in range(FOR_PEOPLE.carried_max))
    delivery = Delivery("k", "ops", "g", shown, 4000)
    assert wording.title(delivery) == "[RESOLVED:4000] input drift: 10 endpoints"
    assert wording.body(delivery, Links()).endswith("\n\nand 3990 more: driftline alerts list")


def test_what_began_and_ended_in_one_message_fires_no_more() -> None:
    begun = told("1")
    over = Delivery("k", "ops", "g", (begun, replace(begun, id="2", status=RESOLVED)), 2)
    assert (over.status, wording.title(over)) == (RESOLVED, f"[RESOLVED:2] {begun.rule}: {begun.endpoint}")
    assert "acknowledge" not in wording.body(over, Links())
    other = replace(begun, id="3", alert="another")
    still = replace(over, notifications=(*over.notifications, other), count=3)
    assert still.status == FIRING
    assert wording.body(still, Links()).count("acknowledge") == 1
    assert replace(over, count=300).status == FIRING  # what it does not carry may fire
