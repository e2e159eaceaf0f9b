"""Each channel is spoken to as its own documentation says; a local server stands for it."""

import base64
import io
import re
import urllib.parse
from typing import Any

import pytest
from tests.server.notify.building import NOW_US, FakeClock, receiver, told
from tests.server.notify.receiver import LocalReceiver, Reply

from driftline_server.notify.channels import Callback
from driftline_server.notify.exchange import Route
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.links import Links
from driftline_server.notify.notification import RESOLVED, Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders import Context, sender
from driftline_server.notify.senders.slack import message as slack_message
from driftline_server.notify.trial import trial

CLOCK = FakeClock()
CONTEXT = Context(clock=CLOCK, links=Links())
MESSAGE = Delivery("key-1", "ops", "g", (told("n1"), told("n2", endpoint="shop/default/other:latest")), 2)
ENDED = Delivery("k", "ops", "g", (told("n", status=RESOLVED),), 1)
HOSTILE = Delivery("key-2", "ops", "g", (told("n1", column="<!channel> @here *x*", summary="<!everyone>\n\x1b[2Jhi `x`"),), 1)


def send(to: Receiver, message: Delivery = MESSAGE, context: Context = CONTEXT) -> None:
    sender(to, context)(message)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0ken-value")


def check_slack(body: dict[str, Any]) -> None:
    """Slack's own rules for an incoming webhook's message, from its reference of blocks."""
    assert body.keys() <= {"text", "blocks", "attachments", "thread_ts", "mrkdwn"}
    assert isinstance(body["text"], str) and 0 < len(body["text"]) <= 40_000
    assert 0 < len(body["blocks"]) <= 50
    for block in body["blocks"]:
        if block["type"] == "context":
            (link,) = block["elements"]
            assert link["type"] == "mrkdwn" and re.fullmatch(r"<https://[^<>|]+\|drift report>", link["text"])
            continue
        assert block["type"] in ("header", "section")
        assert block["text"]["type"] == "plain_text"
        assert 0 < len(block["text"]["text"]) <= (150 if block["type"] == "header" else 3000)


LONG = Delivery("k", "ops", "g", tuple(told(f"n{i}", summary="x" * 5000) for i in range(10)), 4000)


@pytest.mark.parametrize("message", [MESSAGE, HOSTILE, LONG])
def test_slack_is_given_what_its_reference_asks_for(message: Delivery) -> None:
    with LocalReceiver(Reply(200, b"ok")) as server:
        send(receiver(slack=server.url, allow_private=True), message)
        (request,) = server.requests
    assert request.headers["Content-Type"] == "application/json"
    check_slack(request.json)
    shown = request.body.decode()
    assert "<!" not in shown and "@here" not in shown and "\x1b" not in shown


def test_slack_is_given_a_link_for_each_alert_told() -> None:
    body = slack_message(LONG, Links(page="https://drift.example.com"))
    check_slack(body)
    assert [block["type"] for block in body["blocks"]] == ["header", *["section", "context"] * 10, "section"]
    assert body["blocks"][2]["elements"][0]["text"].endswith(
        "start=2027-01-15T07:00:00Z&amp;end=2027-01-15T08:00:00Z|drift report>"
    )


def test_an_alertmanager_is_posted_alerts() -> None:
    with LocalReceiver() as server:
        send(receiver(alertmanager=f"http://127.0.0.1:{server.port}/", allow_private=True, authorization="env:TOKEN"))
        send(
            receiver(alertmanager=f"http://127.0.0.1:{server.port}", allow_private=True),
            Delivery("k", "ops", "g", (told("n1-over", status=RESOLVED), told("n0-over", status=RESOLVED)), 2),
        )
        firing, resolved = server.requests
    assert firing.path == "/api/v2/alerts"
    assert firing.headers["Authorization"] == "t0ken-value"
    assert [alert["labels"]["endpoint"] for alert in firing.json] == ["shop/fraud/scorer:v3", "shop/default/other:latest"]
    assert firing.json[0].keys() == {"labels", "annotations", "startsAt", "endsAt"}
    assert firing.json[0]["endsAt"] == "2028-01-15T08:00:00Z"  # else it would take silence for an end
    assert resolved.json[0]["endsAt"] == "2027-01-15T08:00:00Z"
    assert resolved.json[0]["labels"] == firing.json[0]["labels"]
    assert resolved.json[1]["labels"] != firing.json[0]["labels"]  # the end of the one before closes no other


def test_a_test_of_an_alertmanager_is_over_by_itself_and_leads_to_a_page_there_is() -> None:
    with LocalReceiver() as server:
        to = receiver(alertmanager=f"http://127.0.0.1:{server.port}", allow_private=True)
        send(to, trial(to, now_us=NOW_US))
        (alert,) = server.requests[0].json
    assert (alert["startsAt"], alert["endsAt"]) == ("2027-01-15T08:00:00Z", "2027-01-15T08:05:00Z")
    (tested,) = trial(to, now_us=NOW_US).notifications
    assert Links(page="http://here").report_url(tested) == "http://here"


def github(server: LocalReceiver, **more: Any) -> Receiver:
    api = f"http://127.0.0.1:{server.port}"
    return receiver(github={"repository": "shop/models", "token": "env:TOKEN", "api": api, **more}, allow_private=True)


def test_a_repository_is_sent_an_event() -> None:
    with LocalReceiver(204) as server:
        send(github(server))
        (request,) = server.requests
    assert request.path == "/repos/shop/models/dispatches"
    assert request.headers["Authorization"] == "Bearer t0ken-value"
    assert request.headers["Accept"] == "application/vnd.github+json"
    body = request.json
    assert body["event_type"] == "driftline-alert"
    assert len(body["client_payload"]) <= 10
    assert body["client_payload"]["message"]["endpoints"] == "shop/fraud/scorer:v3 shop/default/other:latest"
    assert body["client_payload"]["message"]["export"].startswith("driftline export shop/fraud/scorer:v3 --start ")
    assert [alert["fingerprint"] for alert in body["client_payload"]["alerts"]] == ["alert-n1", "alert-n2"]


def test_an_event_keeps_within_githubs_limit() -> None:
    with LocalReceiver(204) as server:
        send(github(server), Delivery("k", "ops", "g", tuple(told(f"n{i}", summary="x" * 2000) for i in range(500)), 500))
        (request,) = server.requests
    assert len(request.body) < 65_536
    assert request.json["client_payload"]["message"]["count"] == "500"


def test_a_workflow_is_started_with_the_inputs_it_declares() -> None:
    with LocalReceiver(204) as server:
        send(
            github(
                server,
                workflow="retrain.yml",
                ref="prod",
                inputs={"model": "{endpoint}", "rows": "{export}", "why": "drift"},
            )
        )
        (request,) = server.requests
    assert request.path == "/repos/shop/models/actions/workflows/retrain.yml/dispatches"
    assert request.json["ref"] == "prod"
    assert request.json["inputs"]["model"] == "shop/fraud/scorer:v3"
    assert request.json["inputs"].keys() == {"model", "rows", "why"}


def test_an_issue_is_commented_in_markdown_that_says_only_what_is_said() -> None:
    with LocalReceiver(201) as server:
        send(github(server, issue=12), HOSTILE)
        (request,) = server.requests
    assert request.path == "/repos/shop/models/issues/12/comments"
    text = request.json["body"]
    assert "`driftline drift shop/fraud/scorer:v3 " in text
    assert (
        "@here" not in text and "<!ch" not in text.replace("\\", "").replace("\u2060", "|") and "<!-- driftline key-2 -->" in text
    )


def test_githubs_limit_on_requests_is_waited_for() -> None:
    limited = Reply(403, b'{"message":"API rate limit exceeded"}', {"Retry-After": "60"})
    with LocalReceiver(limited) as server, pytest.raises(Retryable, match="API rate limit exceeded"):
        send(github(server))


def test_githubs_refusal_is_told_in_its_words() -> None:
    refused = Reply(422, b'{"message":"Unexpected inputs provided: [\\"model\\"]"}')
    with LocalReceiver(refused) as server, pytest.raises(Permanent, match="Unexpected inputs provided"):
        send(github(server, workflow="retrain.yml"))


def test_a_pipeline_of_gitlab_is_started_with_variables() -> None:
    with LocalReceiver(201) as server:
        url = f"http://127.0.0.1:{server.port}"
        send(
            receiver(
                gitlab={"project": "ml/shop", "token": "env:TOKEN", "url": url, "variables": {"MODEL": "{endpoint}"}},
                allow_private=True,
            )
        )
        (request,) = server.requests
    assert request.path == "/api/v4/projects/ml%2Fshop/trigger/pipeline"
    assert (request.json["token"], request.json["ref"]) == ("t0ken-value", "main")
    assert request.json["variables"]["MODEL"] == request.json["variables"]["DRIFTLINE_ENDPOINT"] == "shop/fraud/scorer:v3"
    assert request.json["variables"]["DRIFTLINE_KEY"] == "key-1"


@pytest.mark.parametrize(("key", "path"), [("issue", "issues/7"), ("merge_request", "merge_requests/7")])
def test_gitlab_is_written_a_note(key: str, path: str) -> None:
    with LocalReceiver(201) as server:
        url = f"http://127.0.0.1:{server.port}/gitlab"
        send(receiver(gitlab={"project": "42", "token": "env:TOKEN", "url": url, key: 7}, allow_private=True))
        (request,) = server.requests
    assert request.path == f"/gitlab/api/v4/projects/42/{path}/notes"
    assert request.headers["PRIVATE-TOKEN"] == "t0ken-value"
    assert "input drift" in request.json["body"]


def test_jenkins_is_asked_to_build_with_parameters() -> None:
    with LocalReceiver(201) as server:
        url = f"http://127.0.0.1:{server.port}"
        settings = {
            "url": url,
            "job": "ml/re train",
            "user": "bot",
            "token": "env:TOKEN",
            "parameters": {"MODEL": "{endpoint}"},
        }
        send(receiver(jenkins=settings, allow_private=True))
        (request,) = server.requests
    assert request.path == "/job/ml/job/re%20train/buildWithParameters"
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")) == b"bot:t0ken-value"
    form = dict(urllib.parse.parse_qsl(request.body.decode()))
    assert (form["MODEL"], form["DRIFTLINE_COUNT"]) == ("shop/fraud/scorer:v3", "2")


def test_the_console_shows_text_and_moves_no_cursor() -> None:
    stream = io.StringIO()
    send(receiver(console=True), HOSTILE, Context(console=stream))
    assert stream.getvalue().startswith("[FIRING] input drift: shop/fraud/scorer:v3\n")
    assert "\x1b" not in stream.getvalue()


def test_a_closed_console_is_a_failure_that_passes() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(Retryable):
        send(receiver(console=True), MESSAGE, Context(console=stream))


def test_a_callback_is_made_by_whoever_makes_them() -> None:
    made: list[tuple[Callback, Route, Delivery]] = []
    to = receiver(callback="127.0.0.1:7434", allow_private=True)
    send(to, MESSAGE, Context(calls_back=lambda *call: made.append(call)))
    assert made == [(Callback("127.0.0.1", 7434), to.route, MESSAGE)]
    with pytest.raises(Permanent, match="no gRPC callbacks"):
        send(to)


def test_a_secret_that_is_not_there_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN")
    with pytest.raises(Retryable, match="env:TOKEN is not set or empty"):
        send(receiver(webhook="env:TOKEN"))


def test_an_address_behind_a_reference_is_checked_when_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for url, says in (
        ("http://127.0.0.1:9000/x", "loopback"),
        ("file:///etc/passwd", "scheme 'file'"),
        ("http://0x7f000001/", "odd notation"),
    ):
        monkeypatch.setenv("TOKEN", url)
        with pytest.raises(Permanent, match=says):
            send(receiver(webhook="env:TOKEN"))


def test_a_receiver_is_tested_by_a_message_that_says_so() -> None:
    with LocalReceiver() as server:
        to = receiver(webhook=server.url, allow_private=True)
        send(to, trial(to, now_us=NOW_US))
        (request,) = server.requests
    assert request.json["alerts"][0]["annotations"]["summary"] == "This is a test of the receiver ops; no model has drifted."
