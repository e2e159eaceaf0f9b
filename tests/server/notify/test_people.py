"""Mail and chats, through the notification library: a real SMTP server on this machine, and Slack's own address turned to it."""

import os
import re
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from tests.server.notify.building import receiver, told
from tests.server.notify.receiver import LocalReceiver, Reply

from driftline_server.notify.channels import Apprise
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.notification import RESOLVED, Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.secret import Reference
from driftline_server.notify.senders import Context, sender
from driftline_server.notify.senders.chat import check_apprise

MAIL = receiver(apprise="env:MAIL")
SCRIPT = "<script>alert(1)</script>\r\n.\r\nBcc: x@y.z"
EVIL = told(
    "n1", rule="drift\r\nBcc: all@example.com", column="<img src=x>", summary="<script>alert(1)</script>\r\n.\r\nBcc: x@y.z"
)


class Postbox:
    """Takes mail; answers what it is told to."""

    def __init__(self) -> None:
        self.answer = "250 OK"
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return self.answer

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(envelope.content, policy=policy.default) for envelope in self.envelopes]


@pytest.fixture
def postbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postbox]:
    box = Postbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setenv(
        "MAIL", f"mailto://127.0.0.1:{port}/?from=driftline@example.com&to=ops@example.com&mode=insecure&rto=5&cto=5"
    )
    yield box
    controller.stop()


def send(to: Receiver, *notifications: object) -> None:
    sender(to, Context())(Delivery("key-1", to.name, "g", notifications or (told("n1"),), max(1, len(notifications))))


def text_of(mail: EmailMessage) -> str:
    return str(mail.get_content())


def test_mail_arrives(postbox: Postbox) -> None:
    send(MAIL)
    (mail,) = postbox.mails
    assert mail["Subject"] == "[FIRING] input drift: shop/fraud/scorer:v3"
    assert "ops@example.com" in mail["To"]
    assert "amount drifted" in text_of(mail)
    assert "driftline export shop/fraud/scorer:v3" in text_of(mail)


def test_a_mails_head_and_markup_cannot_be_forged(postbox: Postbox) -> None:
    send(MAIL, EVIL)
    (mail,) = postbox.mails
    assert postbox.envelopes[0].rcpt_tos == ["ops@example.com"]
    assert mail["Bcc"] is None
    assert "Bcc: all" in mail["Subject"]
    assert mail.get_content_type() == "text/plain"


def test_a_mail_in_html_says_what_the_text_says(postbox: Postbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL", f"{os.environ['MAIL']}&format=html")
    send(MAIL, EVIL)
    (mail,) = postbox.mails
    html = mail.get_body(("html",))
    assert html is not None
    assert "&lt;script&gt;" in html.get_content() and "<script>" not in html.get_content() and "<img" not in html.get_content()


def test_the_library_is_told_which_kind_of_news_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise

    kinds: list[str] = []
    monkeypatch.setenv("MAIL", "mailto://a:b@example.com?to=ops@example.com")
    monkeypatch.setattr(apprise.Apprise, "notify", lambda self, **given: kinds.append(given["notify_type"]) or True)
    for notification in (told("a"), told("b", severity="critical"), told("b-over", severity="critical", status=RESOLVED)):
        send(MAIL, notification)
    assert kinds == ["warning", "failure", "success"]


def test_a_server_that_refuses_mail_is_asked_again(postbox: Postbox) -> None:
    postbox.answer = "451 try later"
    with pytest.raises(Retryable, match="env:MAIL"):
        send(MAIL)


def test_nobody_at_the_post_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL", "mailto://127.0.0.1:1/?from=a@example.com&to=b@example.com&mode=insecure&cto=2&rto=2")
    with pytest.raises(Retryable, match="env:MAIL"):
        send(MAIL)


def test_slack_by_the_library_is_given_text_without_mentions(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.slack import NotifySlack

    with LocalReceiver(Reply(200, b"ok")) as server:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{server.port}/services")
        monkeypatch.setenv("MAIL", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/")
        send(MAIL, told("n1", summary="<!channel> @here <http://evil|click>"))
        (request,) = server.requests
    assert request.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    text = request.body.decode()
    assert "input drift" in text and "<!channel>" not in text and "@here" not in text and "<http" not in text


@pytest.mark.parametrize("scheme", ["json", "jsons", "xml", "xmls", "form", "forms", "http", "https", "apprise", "file"])
def test_plain_http_goes_by_our_own_channel(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("MAIL", f"{scheme}://127.0.0.1:9/hook")
    with pytest.raises(Permanent, match="use webhook"):
        send(MAIL)


def test_the_addresses_of_the_guide_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (
        (Path(__file__).parents[3] / "docs" / "receivers.md").read_text().partition("**Apprise addresses**")[2].partition("\n\n")[0]
    )
    examples = re.findall(r"`(\w+://[^`]+)`", guide)
    assert len(examples) == 3
    for example in examples:
        url = example.replace("BOT_TOKEN", "123456789:abcdefg_hijklmnop").replace(
            "WEBHOOK_ID/WEBHOOK_TOKEN", "1" * 18 + "/" + "a" * 68
        )
        monkeypatch.setenv("MAIL", url.replace("CHAT_ID", "12315544"))
        check_apprise(Apprise(Reference("env", "MAIL")))


@pytest.mark.parametrize(
    "url", ["msteams://TokenA/TokenB/TokenC", "nonsense://x", "not a url", "mailto://a@b.example.com slack://a/b/c", "mailto://"]
)
def test_an_address_that_the_library_does_not_know_is_given_up(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MAIL", url)
    with pytest.raises(Permanent, match="env:MAIL"):
        send(MAIL)
