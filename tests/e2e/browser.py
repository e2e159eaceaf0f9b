"""A browser, as far as the tests need one: it asks, follows nothing, and keeps what it was answered."""

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

ASK_S = 20.0


@dataclass(frozen=True, slots=True)
class Page:
    """An answer; `text` is what a reader sees of it, `tags` the names of its elements."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return " ".join(_read(self.body).texts)

    @property
    def tags(self) -> set[str]:
        return _read(self.body).tags

    @property
    def links(self) -> list[str]:
        return _read(self.body).links


def ask(url: str, *, method: str = "GET", **headers: str) -> Page:
    """What is answered to a request; headers are written with `_` for `-`."""
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=ASK_S)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return Page(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if tag == "a" and name == "href"]

    def handle_data(self, data: str) -> None:
        if self._tag != "style":
            self.texts.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader
