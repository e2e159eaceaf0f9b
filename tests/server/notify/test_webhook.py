"""A webhook is signed, keyed, never follows a redirect, and ends in time whatever the other side does."""

import hashlib
import hmac
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.server.notify.building import NOW_US, FakeClock, receiver, told
from tests.server.notify.receiver import DRIP, GARBAGE, HANG, RESET, LocalReceiver, Reply

from driftline_server.notify.exchange import Patience
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.links import Links
from driftline_server.notify.notification import RESOLVED, Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders import Context, sender
from driftline_server.notify.signature import HEADER

CONTEXT = Context(clock=FakeClock(), links=Links(server="127.0.0.1:7433"))
SHORT = Patience(connect_s=1.0, read_s=0.3, total_s=0.6)
MESSAGE = Delivery("key-1", "ops", "input drift", (told("n1"), told("n2", endpoint="shop/default/other:latest")), 2)


def local(url: str, **settings: Any) -> Receiver:
    made = receiver(webhook=url, allow_private=True, **settings)
    return replace(made, route=replace(made.route, patience=SHORT))


def send(to: Receiver, message: Delivery = MESSAGE) -> None:
    sender(to, CONTEXT)(message)


def test_the_body_is_alertmanagers_webhook_form() -> None:
    with LocalReceiver() as server:
        send(local(server.url))
        (request,) = server.requests
    span = "shop/fraud/scorer:v3 --start 2027-01-15T07:00:00Z --end 2027-01-15T08:00:00Z --server 127.0.0.1:7433"
    assert request.headers["Content-Type"] == "application/json"
    assert request.key == "key-1"
    body = request.json
    assert {key: body[key] for key in ("version", "groupKey", "truncatedAlerts", "status", "receiver", "externalURL")} == {
        "version": "4",
        "groupKey": "input drift",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "externalURL": "",
    }
    assert body["commonLabels"] == {
        "alertname": "input drift",
        "event": "data-drift-detected",
        "severity": "warning",
        "column": "amount",
        "project": "shop",
    }
    assert body["alerts"][0] == {
        "status": "firing",
        "labels": {
            "alertname": "input drift",
            "endpoint": "shop/fraud/scorer:v3",
            "event": "data-drift-detected",
            "severity": "warning",
            "column": "amount",
            "project": "shop",
            "function": "fraud",
            "model": "scorer",
            "version": "v3",
        },
        "annotations": {
            "summary": "amount drifted",
            "value": "0.81",
            "columns": "",
            "window_start": "2027-01-15T07:00:00Z",
            "window_end": "2027-01-15T08:00:00Z",
            "report": f"driftline drift {span}",
            "export": f"driftline export {span} --to rows",
            "notification": "n1",
        },
        "startsAt": "2027-01-15T07:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": "alert-n1",
    }


def test_an_end_has_its_time_and_a_page_its_address() -> None:
    with LocalReceiver() as server:
        context = replace(CONTEXT, links=Links(page="https://drift.example.com/"))
        sender(local(server.url), context)(Delivery("k", "ops", "g", (told("n1", status=RESOLVED),), 1))
        body = server.requests[0].json
    assert body["status"] == "resolved"
    assert body["alerts"][0]["endsAt"] == "2027-01-15T08:00:00Z"
    url = "https://drift.example.com/report/shop/fraud/scorer:v3?start=2027-01-15T07:00:00Z&end=2027-01-15T08:00:00Z"
    alert = body["alerts"][0]
    assert (alert["generatorURL"], alert["annotations"]["report_url"]) == (url, url)
    assert alert["annotations"]["report"].startswith("driftline drift shop/fraud/scorer:v3 --start ")


def test_the_body_is_signed_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_SECRET", "s3cr3t")
    with LocalReceiver() as server:
        send(local(server.url, secret="env:OPS_SECRET"))
        (request,) = server.requests
    at_s = NOW_US // 10**6
    digest = hmac.new(b"s3cr3t", f"{at_s}.".encode() + request.body, hashlib.sha256).hexdigest()
    assert request.headers[HEADER] == f"t={at_s},v1={digest}"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    with LocalReceiver(status) as server:
        send(local(server.url))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429, 301, 302, 303, 307, 308])
def test_what_may_pass_is_retried(status: int) -> None:
    with (
        LocalReceiver(Reply(status, headers={"Location": "http://127.0.0.1:1/"})) as server,
        pytest.raises(Retryable, match=str(status)),
    ):
        send(local(server.url))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_what_will_not_pass_is_given_up(status: int) -> None:
    with LocalReceiver(status) as server, pytest.raises(Permanent, match=str(status)):
        send(local(server.url))


def test_a_redirect_inside_is_not_followed() -> None:
    with LocalReceiver() as inside, LocalReceiver(Reply(302, headers={"Location": inside.url})) as server:
        with pytest.raises(Retryable, match="a redirect, which is never followed"):
            send(local(server.url))
        assert inside.requests == []


@pytest.mark.parametrize(("value", "after_s"), [("7", 7.0), ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0), ("soon", None), ("-1", None)])
def test_a_receiver_says_when_to_come_back(value: str, after_s: float | None) -> None:
    with LocalReceiver(Reply(503, headers={"Retry-After": value})) as server, pytest.raises(Retryable) as raised:
        send(local(server.url))
    assert raised.value.retry_after_s == after_s


def test_a_refusal_that_names_a_time_is_no_refusal() -> None:
    with LocalReceiver(Reply(403, headers={"Retry-After": "60"})) as server, pytest.raises(Retryable) as raised:
        send(local(server.url))
    assert raised.value.retry_after_s == 60.0


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (HANG, "no answer in time"),
        (RESET, "Connection reset"),
        (GARBAGE, "not HTTP"),
        (DRIP, "no answer in time"),
    ],
)
def test_a_receiver_that_misbehaves_is_asked_again(answer: str, says: str) -> None:
    with LocalReceiver(answer) as server, pytest.raises(Retryable, match=says):
        send(local(server.url))


def test_nobody_listening_is_retried() -> None:
    with LocalReceiver() as server:
        url = server.url
    with pytest.raises(Retryable, match="refused"):
        send(local(url))


def test_an_endless_body_is_read_to_a_bound() -> None:
    with LocalReceiver(Reply(400, b"x" * 50_000_000)) as server, pytest.raises(Permanent) as raised:
        send(local(server.url))
    assert len(raised.value.reason) < 300


def tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def test_tls_is_checked_against_the_authority_and_the_name(tmp_path: Path) -> None:
    trusted, file = trustme.CA(), tmp_path / "ca.pem"
    trusted.cert_pem.write_to_path(str(file))
    with LocalReceiver(tls=tls(trusted, "127.0.0.1")) as server:
        send(local(server.url, ca_file=str(file)))
        assert len(server.requests) == 1
        with pytest.raises(Retryable, match="certificate is not trusted"):
            send(local(server.url))
    with LocalReceiver(tls=tls(trusted, "hooks.example.com")) as server:
        with pytest.raises(Retryable, match=r"certificate is not trusted .*mismatch"):
            send(local(server.url, ca_file=str(file)))
        assert server.requests == []


def test_plain_http_where_tls_is_wanted_is_no_delivery() -> None:
    with LocalReceiver() as server, pytest.raises(Retryable, match="TLS failed"):
        send(local(server.url.replace("http:", "https:")))


def test_a_missing_authority_file_is_said(tmp_path: Path) -> None:
    with LocalReceiver() as server, pytest.raises(Retryable, match="No such file"):
        send(local(server.url.replace("http:", "https:"), ca_file=str(tmp_path / "none.pem")))


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalReceiver() as proxy, LocalReceiver() as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        send(local(server.url))
        assert (len(server.requests), len(proxy.requests)) == (1, 0)
