"""A message goes to the address that was checked, and to no address inside that the receiver did not ask for."""

import ipaddress
import socket

import pytest
from tests.server.notify.receiver import LocalReceiver

from driftline_core.errors import InvalidInput
from driftline_server.notify.addresses import check_literal, parse_host, parse_url, refusal, resolve
from driftline_server.notify.exchange import Route, post
from driftline_server.notify.failures import Permanent, Retryable

OPEN, PRIVATE, CLOSED = "open", "private", "closed"

TABLE = [
    ("93.184.215.14", OPEN),
    ("1.1.1.1", OPEN),
    ("172.32.0.1", OPEN),
    ("172.15.255.255", OPEN),
    ("100.128.0.1", OPEN),
    ("223.255.255.255", OPEN),
    ("2606:4700:4700::1111", OPEN),
    ("::ffff:1.1.1.1", OPEN),
    ("64:ff9b::1.1.1.1", OPEN),
    ("127.0.0.1", PRIVATE),
    ("127.255.255.254", PRIVATE),
    ("127.0.1.1", PRIVATE),
    ("::1", PRIVATE),
    ("::ffff:127.0.0.1", PRIVATE),
    ("::127.0.0.1", PRIVATE),
    ("10.0.0.1", PRIVATE),
    ("10.255.255.255", PRIVATE),
    ("::ffff:10.0.0.1", PRIVATE),
    ("64:ff9b::10.0.0.1", PRIVATE),
    ("172.16.0.1", PRIVATE),
    ("172.31.255.255", PRIVATE),
    ("192.168.0.1", PRIVATE),
    ("192.168.255.255", PRIVATE),
    ("100.64.0.1", PRIVATE),
    ("100.127.255.255", PRIVATE),
    ("198.18.0.1", PRIVATE),
    ("fc00::1", PRIVATE),
    ("fd12:3456:789a::1", PRIVATE),
    ("169.254.169.254", CLOSED),
    ("169.254.0.1", CLOSED),
    ("169.254.170.2", CLOSED),
    ("::ffff:169.254.169.254", CLOSED),
    ("64:ff9b::169.254.169.254", CLOSED),
    ("fd00:ec2::254", CLOSED),
    ("100.100.100.200", CLOSED),
    ("192.0.0.192", CLOSED),
    ("168.63.129.16", CLOSED),
    ("0.0.0.0", CLOSED),
    ("0.1.2.3", CLOSED),
    ("::", CLOSED),
    ("::ffff:0.0.0.0", CLOSED),
    ("224.0.0.1", CLOSED),
    ("239.255.255.255", CLOSED),
    ("240.0.0.1", CLOSED),
    ("255.255.255.255", CLOSED),
    ("192.0.2.1", CLOSED),
    ("198.51.100.1", CLOSED),
    ("203.0.113.1", CLOSED),
    ("192.88.99.1", CLOSED),
    ("fe80::1", CLOSED),
    ("fe80::1%eth0", CLOSED),
    ("fec0::1", CLOSED),
    ("ff02::1", CLOSED),
    ("2001:db8::1", CLOSED),
    ("2002:7f00:1::", CLOSED),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", CLOSED),
    ("64:ff9b:1::7f00:1", CLOSED),
    ("100::1", CLOSED),
    ("4000::1", CLOSED),
]


@pytest.mark.parametrize(("address", "kind"), TABLE)
def test_what_is_open_to_whom(address: str, kind: str) -> None:
    parsed = ipaddress.ip_address(address)
    assert (refusal(parsed, allow_private=False) is None) == (kind == OPEN)
    assert (refusal(parsed, allow_private=True) is None) == (kind != CLOSED)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/",
        "javascript:alert(1)",
        "//example.com/x",
        "example.com/x",
        "",
        "http://",
        "http:///x",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.0x1/",
        "http://0x7f.0.0.1/",
        "http://1.1.1.1.1/",
        "http://256.1.1.1/",
        "http://example.0/",
        "http://127.0.0.1@example.com/",
        "http://user:password@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com#@127.0.0.1/",
        "http://exam ple.com/",
        "http://example.com/\r\nHost: inside",
        "http://example.com\t/",
        "http://example..com/",
        "http://-example.com/",
        "http://ex%61mple.com/",
        "http://%31%32%37.0.0.1/",
        "http://①②⑦.⓪.⓪.①/",
        "http://exämple.com/",
        "http://example。com/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://[::ffff:127.0.0.1]x/",
        "http://example.com:0/",
        "http://example.com:22/",
        "http://example.com:25/",
        "http://example.com:6379/",
        "http://example.com:65536/",
        "http://example.com:-1/",
        "http://example.com:x/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 130 + "com/",
        "http://example.com/" + "x" * 2048,
    ],
)
def test_what_names_no_web_server_is_refused_as_written(url: str) -> None:
    with pytest.raises(InvalidInput):
        parse_url(url, field="webhook")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://Hooks.Example.COM./T0/secret?token=s", "https://hooks.example.com/…"),
        ("http://example.com", "http://example.com/"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:8443/x", "https://example.com:8443/…"),
        ("http://[2606:4700::1111]:8080/", "http://[2606:4700::1111]:8080/"),
        ("https://xn--exmple-cua.com/", "https://xn--exmple-cua.com/"),
    ],
)
def test_a_good_address_is_shown_up_to_its_path(url: str, shown: str) -> None:
    target = parse_url(url, field="webhook")
    assert target.shown == shown
    assert "secret" not in repr(target)


def test_a_literal_inside_is_refused_when_it_is_written() -> None:
    with pytest.raises(InvalidInput, match="allow_private = true"):
        check_literal("10.0.0.1", allow_private=False, field="webhook")
    with pytest.raises(InvalidInput, match="no message is sent there"):
        check_literal(parse_host("[::ffff:169.254.169.254]", field="webhook"), allow_private=True, field="webhook")
    check_literal("10.0.0.1", allow_private=True, field="webhook")
    check_literal("example.com", allow_private=False, field="webhook")


def answers(*found: str) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in found]


def test_a_name_with_one_address_inside_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers("1.1.1.1", "10.0.0.1"))
    with pytest.raises(Permanent, match=r"rebind.example.com \(10.0.0.1\) is an address that is private"):
        resolve("rebind.example.com", 80, allow_private=False)
    assert resolve("rebind.example.com", 80, allow_private=True) == ("1.1.1.1", "10.0.0.1")


def test_a_name_without_an_address_may_have_one_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Retryable, match="Name or service not known"):
        resolve("nowhere.example.com", 80, allow_private=False)


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up once; a second look-up, which a rebinding server answers otherwise, does not happen."""
    with LocalReceiver() as receiver:
        asked: list[str] = []
        real = socket.getaddrinfo

        def rebinding(host: str, *rest: object, **named: object) -> object:
            if host != "rebind.example.com":
                return real(host, *rest, **named)
            asked.append(host)
            return answers("127.0.0.1" if len(asked) == 1 else "169.254.169.254")

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        target = parse_url(f"http://rebind.example.com:{receiver.port}/hook", field="webhook")
        assert post(target, b"{}", {}, Route(allow_private=True)).status == 200
        assert asked == ["rebind.example.com"]
        assert receiver.requests[0].headers["Host"] == f"rebind.example.com:{receiver.port}"


def test_localhost_is_a_name_of_an_address_inside() -> None:
    with pytest.raises(Permanent, match="loopback"):
        resolve("localhost", 80, allow_private=False)
