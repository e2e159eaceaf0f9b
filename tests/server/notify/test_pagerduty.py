"""PagerDuty: an incident an alert, opened and resolved by the same key."""

from typing import Any

import pytest
from tests.server.notify.building import FakeClock, receiver, told
from tests.server.notify.receiver import LocalReceiver, Reply

from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.links import Links
from driftline_server.notify.notification import RESOLVED, Delivery, Evidence, Notification
from driftline_server.notify.senders import Context, sender
from driftline_server.notify.senders.pagerduty import event

KEY = "R0ut1ngKeyOf32Characters"
PAGE = Links(page="https://drift.example.com")
TAKEN = Reply(202, b'{"status":"success","message":"Event processed","dedup_key":"x"}')


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PD", KEY)


def send(server: LocalReceiver, *notifications: Notification) -> None:
    to = receiver(pagerduty={"key": "env:PD", "url": f"http://127.0.0.1:{server.port}"}, allow_private=True)
    sender(to, Context(clock=FakeClock(), links=PAGE))(Delivery("k", "ops", "g", notifications, len(notifications)))


def check_event(body: dict[str, Any]) -> None:
    """PagerDuty's own rules for an event, from its reference of the Events API v2."""
    assert body.keys() <= {"routing_key", "event_action", "dedup_key", "payload", "links", "images", "client", "client_url"}
    assert body["event_action"] in ("trigger", "acknowledge", "resolve")
    assert 0 < len(body["dedup_key"]) <= 255
    payload = body["payload"]
    assert payload.keys() <= {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}
    assert (
        0 < len(payload["summary"]) <= 1024
        and payload["source"]
        and payload["severity"] in ("critical", "error", "warning", "info")
    )
    assert all(link.keys() == {"href", "text"} for link in body["links"])


def test_an_incident_is_opened_for_each_alert_and_its_end_resolves_it() -> None:
    evidence = (Evidence("amount", "drift", 0.81), Evidence("age", "drift", float("inf")))
    with LocalReceiver(TAKEN) as server:
        send(server, told("a", evidence=evidence), told("b", severity="critical"))
        send(server, told("b-over", status=RESOLVED))
        requests = server.requests
    assert {request.path for request in requests} == {"/v2/enqueue"}
    bodies = [request.json for request in requests]
    for body in bodies:
        check_event(body)
    assert [(body["routing_key"], body["event_action"], body["dedup_key"]) for body in bodies] == [
        (KEY, "trigger", "alert-a"),
        (KEY, "trigger", "alert-b"),
        (KEY, "resolve", "alert-b"),
    ]
    assert [body["payload"]["severity"] for body in bodies] == ["warning", "critical", "warning"]
    assert bodies[0]["links"][0]["href"].startswith("https://drift.example.com/report/shop/fraud/scorer:v3?start=")
    first = bodies[0]["payload"]
    assert (first["summary"], first["component"]) == ("input drift: shop/fraud/scorer:v3: amount drifted", "amount")
    assert (first["source"], first["timestamp"]) == ("shop/fraud/scorer:v3", "2027-01-15T08:00:00Z")
    assert first["custom_details"]["columns"] == [
        {"column": "amount", "metric": "drift", "value": 0.81},
        {"column": "age", "metric": "drift", "value": None},
    ]
    assert first["custom_details"]["export"].startswith("driftline export shop/fraud/scorer:v3 --start 2027-01-15T07:00:00Z")


@pytest.mark.parametrize("more", [{"summary": "x" * 5000}, {"severity": "fatal"}, {"value": float("nan"), "column": None}])
def test_an_event_keeps_to_what_is_taken(more: dict[str, Any]) -> None:
    with LocalReceiver(TAKEN) as server:
        send(server, told("a", **more))
        check_event(server.requests[0].json)


def test_without_a_page_there_is_no_link() -> None:
    assert "links" not in event(told("a"), Links())


def test_a_refused_event_keeps_no_other_from_being_told() -> None:
    with LocalReceiver(Reply(400, f"no such key {KEY}".encode()), TAKEN) as server:
        with pytest.raises(Permanent, match="answered 400") as refused:
            send(server, told("a"), told("b-over", status=RESOLVED))
        assert [request.json["event_action"] for request in server.requests] == ["trigger", "resolve"]
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("answer", [429, 500, 302])
def test_what_passes_is_tried_again(answer: int) -> None:
    with LocalReceiver(answer) as server, pytest.raises(Retryable):
        send(server, told("a"), told("b"))
    assert len(server.requests) == 1


def test_a_message_carries_every_alert_that_it_is_of() -> None:
    size = receiver(pagerduty="env:PD").size
    assert size.alerts_max == size.carried_max <= 25
