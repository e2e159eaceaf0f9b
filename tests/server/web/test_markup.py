"""A text is text whatever it holds: what a browser reads back is what was said, and no element that was not made."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from driftline_core.query import Bin
from driftline_server.notify.escaping import plain
from driftline_server.web.bars import BARS_MAX, bars
from driftline_server.web.markup import element, together
from driftline_server.web.names import is_meant

HOSTILE = "<script>alert(1)</script>\"' onload=x <!-- ]]> &lt; </td>"
TEXTS = st.text() | st.text("<>&\"'/=!-; scriptonload\x00\u202e")


class Reader(HTMLParser):
    """What a browser makes of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[object] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@given(TEXTS, TEXTS)
@example(HOSTILE, HOSTILE)
def test_what_is_read_is_what_was_said(text: str, attribute: str) -> None:
    told = Reader(element("td", text, title=attribute).html).said
    assert told[0] == ("td", {"title": plain(attribute)})
    assert "".join(str(part) for part in told[1:]) == plain(text)


@given(st.lists(TEXTS, max_size=4))
@example([HOSTILE, HOSTILE])
def test_elements_are_those_that_were_made(texts: list[str]) -> None:
    made = element("tr", *(element("td", text) for text in texts), together("a", *texts))
    assert [part[0] for part in Reader(made.html).said if isinstance(part, tuple)] == ["tr", *["td"] * len(texts)]


def counts() -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))


@given(st.lists(counts(), min_size=1, max_size=300), counts(), counts(), counts())
def test_bars_of_numbers_are_few_and_hold_all_rows(
    inner: list[tuple[int, int]], below: tuple[int, int], above: tuple[int, int], null: tuple[int, int]
) -> None:
    bins = [Bin("below", -float("inf"), 0.0, None, *below)]
    bins += [Bin(str(at), float(at), at + 1.0, None, *each) for at, each in enumerate(inner)]
    bins += [Bin("above", float(len(inner)), float("inf"), None, *above), Bin("null", None, None, None, *null)]
    check_bars(bins)


@given(st.lists(counts(), max_size=256), counts(), counts())
def test_bars_of_categories_are_few_and_hold_all_rows(
    inner: list[tuple[int, int]], other: tuple[int, int], null: tuple[int, int]
) -> None:
    bins = [Bin(str(at), None, None, f"c{at}", *each) for at, each in enumerate(inner)]
    check_bars([*bins, Bin("other", None, None, None, *other), Bin("null", None, None, None, *null)])


def check_bars(bins: list[Bin]) -> None:
    drawn = bars(bins)
    assert len(drawn) <= BARS_MAX + 4
    assert len({each.label for each in drawn}) == len(drawn)
    for side in ("reference", "current"):
        whole = sum(getattr(each, side) for each in bins)
        assert sum(getattr(each, side) for each in drawn) == pytest.approx(1.0 if whole else 0.0)


def test_edges_are_told_apart() -> None:
    edges = [1_700_000_000.0, 1_700_000_001.0, 1_700_000_002.0]
    bins = [Bin(str(at), edges[at], edges[at + 1], None, 1, 1) for at in range(2)]
    assert [each.label for each in bars(bins)] == ["1700000000 to 1700000001", "1700000001 to 1700000002"]


@pytest.mark.parametrize(
    "host", ["drift.example.com", "drift.example.com:8443", "DRIFT.example.com.", "[::1]", "127.9.9.9:1", "localhost."]
)
def test_names_that_are_meant(host: str) -> None:
    assert is_meant(host, {"drift.example.com"})


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "drift.example.com.evil.com",
        "a, localhost",
        "localhost@evil.com",
        "[::2]",
        "[",
        ":",
        "192.168.0.1",
        "0.0.0.0",
        "::1:x",
    ],
)
def test_names_that_are_not_meant(host: str) -> None:
    assert not is_meant(host, {"drift.example.com"})
