"""A secret that is planted in every place a receiver may have one appears in no log, error, repr or file."""

import base64
import io
import logging
import re
import traceback
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.server.notify.building import FakeClock, FileLedger, receiver, told
from tests.server.notify.receiver import HANG, RESET, LocalReceiver, Reply

from driftline_core.errors import InvalidInput
from driftline_server import logs
from driftline_server.notify.exchange import Patience
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver, parse_receiver
from driftline_server.notify.senders import Context, sender
from driftline_server.outbox import outbox
from driftline_server.outbox.lane import Lane
from driftline_server.outbox.letters import letters

CANARY = "c4nary+S3cret/Value=="
PLAIN = "c4narySecretValue"


def forms(secret: str) -> set[bytes]:
    texts = {secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote(secret), base64.b64encode(secret.encode()).decode()}
    return {text.encode() for text in texts}


def shows(text: str | bytes) -> bool:
    body = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    bodies = body, re.sub(rb"\\(.)", rb"\1", body.replace(b"\\u003d", b"="))
    return any(form in each for each in bodies for secret in (CANARY, PLAIN) for form in forms(secret))


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[io.StringIO]:
    """Everything that is logged or written to standard error."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.StreamHandler(stream)
    logging.getLogger().addHandler(root)
    logging.getLogger().setLevel(logging.DEBUG)
    logs.configure(json=False)
    monkeypatch.setenv("SECRET", CANARY)
    monkeypatch.setenv("PLAIN", PLAIN)
    (tmp_path / "secret").write_text(CANARY + "\n")
    yield stream
    structlog.reset_defaults()
    logging.getLogger().removeHandler(root)
    logging.getLogger().setLevel(logging.WARNING)


def receivers(port: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Receiver]:
    """One of each channel that has a secret, all pointing at this port."""
    base = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("HOOK", f"{base}/{PLAIN}?token={PLAIN}")
    monkeypatch.setenv(
        "MAIL", f"mailto://user:{PLAIN}@127.0.0.1:{port}/?from=a@example.com&to=b@example.com&mode=insecure&cto=1&rto=1"
    )
    monkeypatch.setenv("NTFY", f"ntfy://user:{PLAIN}@127.0.0.1:{port}/{PLAIN}?cto=1&rto=1")
    file = f"file:{folder / 'secret'}"
    settings: list[dict[str, Any]] = [
        {"webhook": f"{base}/{PLAIN}?token={PLAIN}"},
        {"webhook": "env:HOOK", "secret": file, "authorization": "env:SECRET"},
        {"slack": "env:HOOK"},
        {"teams": "env:HOOK"},
        {"alertmanager": base, "authorization": file},
        {"pagerduty": {"key": "env:SECRET", "url": base}},
        {"apprise": "env:MAIL"},
        {"apprise": "env:NTFY"},
        {"github": {"repository": "a/b", "token": "env:SECRET", "api": base}},
        {"github": {"repository": "a/b", "token": file, "api": base, "issue": 1}},
        {"gitlab": {"project": "a/b", "token": "env:SECRET", "url": base}},
        {"jenkins": {"url": base, "job": "a", "user": "bot", "token": "env:SECRET"}},
    ]
    return [receiver(f"r{number}", allow_private=True, **each) for number, each in enumerate(settings)]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(401, is_echo=True),
        Reply(500, is_echo=True),
        Reply(403, tells_headers=True),
        Reply(302, headers={"Location": f"/{PLAIN}"}),
        RESET,
        200,
    ],
)
def test_a_planted_secret_is_shown_nowhere(
    answer: object, printed: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, clock = tmp_path / "outbox.sqlite", FakeClock()
    ledger = FileLedger(database)
    with LocalReceiver(answer) as server:
        to = receivers(server.port, tmp_path, monkeypatch)
        ledger.write(lambda connection: outbox.enqueue(connection, told("n1"), to))
        for each in to:
            lane = Lane(each, sender(each, Context(clock=clock)), ledger, clock)
            lane.step()
            lane.finish()
            assert not shows(repr(each) + str(each) + each.shown + repr(lane) + repr(lane.send))
        assert any(shows(request.body + repr(request).encode()) for request in server.requests)  # it did go out
    found = ledger.write(letters)
    assert len(found) == len(to)
    ledger.close()
    assert not shows(printed.getvalue())
    for file in tmp_path.glob("outbox.sqlite*"):
        assert not shows(file.read_bytes()), file.name
    assert all(letter.error for letter in found if letter.state != "delivered")


@pytest.mark.parametrize("answer", [Reply(401, is_echo=True), HANG, RESET])
def test_a_planted_secret_is_in_no_traceback(
    answer: object, printed: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalReceiver(answer) as server:
        for made in receivers(server.port, tmp_path, monkeypatch)[:4]:
            each = replace(made, route=replace(made.route, patience=Patience(read_s=0.2)))
            with pytest.raises((Retryable, Permanent)) as raised:
                sender(each, Context())(Delivery("k", each.name, "g", (told("n1"),), 1))
            assert not shows("".join(traceback.format_exception(raised.value)))


def test_a_secret_that_is_no_header_is_not_quoted(printed: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", f"{CANARY}\r\nHost: inside")
    with LocalReceiver() as server:
        to = receiver(webhook=server.url, allow_private=True, authorization="env:SECRET")
        with pytest.raises(Permanent, match="cannot be sent") as raised:
            sender(to, Context())(Delivery("k", to.name, "g", (told("n1"),), 1))
        assert server.requests == []
    assert not shows("".join(traceback.format_exception(raised.value)))


@pytest.mark.parametrize(
    "settings",
    [
        {"webhook": f"ftp://{PLAIN}"},
        {"webhook": f"https://user:{PLAIN}@example.com/"},
        {"webhook": f"https://example.com/{PLAIN} x"},
        {"webhook": f"https://example.com/#{PLAIN}"},
        {"webhook": "https://example.com/", "secret": PLAIN},
        {"apprise": f"slack://{PLAIN}"},
        {"github": {"repository": "a/b", "token": PLAIN}},
        {"gitlab": {"project": PLAIN, "token": "env:T"}},
    ],
)
def test_a_secret_in_the_wrong_place_is_not_quoted(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_receiver({"name": "ops", **settings})
    assert not shows("".join(traceback.format_exception(raised.value)))
