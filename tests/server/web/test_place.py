"""Where the page is: beside the server unless said, without it where that port is taken, and never by another's leave."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from driftline_server.config import PAGE_PORT_STEP, ConfigError, Settings, load
from driftline_server.web.place import Place, place_of, reached


@contextmanager
def placed(port: int, **settings: object) -> Iterator[Place | None]:
    place = place_of(load(None, **settings), port)
    yield place
    if place is not None:
        place.listening.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    return port if port > PAGE_PORT_STEP + 1024 else port + PAGE_PORT_STEP


def test_it_is_beside_the_server() -> None:
    page = free_port()
    port = page - PAGE_PORT_STEP
    with placed(port, listen=f"127.0.0.1:{port}") as place:
        assert place is not None
        assert (place.local, place.url, place.prefix, place.hosts) == (
            f"http://127.0.0.1:{page}",
            f"http://127.0.0.1:{page}",
            "",
            frozenset(),
        )


def test_beside_a_free_port_is_a_free_port() -> None:
    with placed(5, listen="127.0.0.1:0") as place:
        assert place is not None
        assert place.local == f"http://127.0.0.1:{place.listening.getsockname()[1]}"


def test_past_the_last_port_it_is_below() -> None:
    with placed(65_500, listen="127.0.0.1:65500") as place:
        assert place is None or place.local == f"http://127.0.0.1:{65_500 - PAGE_PORT_STEP}"


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        port = taken - PAGE_PORT_STEP
        assert place_of(load(None, listen=f"127.0.0.1:{port}"), port) is None
        with pytest.raises(ConfigError, match=f"cannot serve the page on 127.0.0.1:{taken}: the port is in use"):
            place_of(load(None, http=f"127.0.0.1:{taken}"), port)
    with pytest.raises(ConfigError, match="the address is not this machine's"):
        place_of(load(None, http="192.0.2.1:8433"), 7433)


def test_two_that_have_not_begun_cannot_share_a_port() -> None:
    with placed(7433, http="127.0.0.1:0") as place:
        assert place is not None
        with pytest.raises(ConfigError):
            place_of(load(None, http=place.local.removeprefix("http://")), 7433)


def test_none_is_none() -> None:
    assert place_of(load(None, http="none"), 7433) is None


def test_links_name_the_public_address() -> None:
    settings = {"http": "127.0.0.1:0", "public_url": "https://drift.example.com/a/b/", "public_address": "grpc.example.com:7433"}
    with placed(7433, **settings) as place:
        assert place is not None
        assert (place.url, place.prefix) == ("https://drift.example.com/a/b", "/a/b")
        assert place.hosts == {"drift.example.com", "grpc.example.com"}


def test_an_address_of_another_kind_is_let_be() -> None:
    with placed(7433, http="127.0.0.1:0", public_address="[bad") as place:
        assert place is not None


def test_where_others_reach_it_any_name_is_answered() -> None:
    with placed(7433, http="0.0.0.0:0") as place:
        assert place is not None
        assert place.hosts is None
        assert place.local == f"http://{socket.gethostname()}:{place.listening.getsockname()[1]}"
    assert reached("[::]:0", 7) == f"{socket.gethostname()}:7"


@pytest.mark.parametrize(
    "url",
    [
        "drift.example.com",
        "ftp://drift.example.com",
        "https://",
        "https://user:secret@drift.example.com",
        "https://drift.example.com/?a=1",
        "https://drift.example.com/#a",
        "https://drift.example.com:x/",
        "https://drift.example.com:99999/",
        "https://drift example.com/",
        "https://drift.example.com/<b>",
        "https://drift.example.com/)",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="setting 'public_url': "):
        load(None, public_url=url)


@pytest.mark.parametrize("http", ["", "8433", "off", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:http"])
def test_an_address_that_is_none_is_refused(http: str) -> None:
    with pytest.raises(ConfigError, match=rf"setting 'http': {http!r} is no address for the page; write HOST:PORT, none, or auto"):
        load(None, http=http)


def test_the_settings_are_as_documented() -> None:
    assert (Settings().http, Settings().public_url) == ("auto", "")
