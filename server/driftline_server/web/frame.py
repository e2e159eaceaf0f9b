"""What every page is made of: its head, words for figures and times, tables that scroll."""

import math
from collections.abc import Iterable, Sequence

from driftline_core.drift import Status
from driftline_core.instants import iso, moment
from driftline_server.web.markup import Child, Markup, element, together
from driftline_server.web.style import STYLE

_MARKS = {Status.DETECTED: "▲", Status.POTENTIAL: "△", Status.NO_DETECTION: "✓", Status.INSUFFICIENT_DATA: "…"}
_NONE = "–"


def whole(title: str, *content: Child, root: str | None = None) -> str:
    """A page; `root` is the way to the first one, None on that itself."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        STYLE,
    )
    way = element("nav", "driftline" if root is None else together("driftline / ", element("a", "endpoints", href=root)))
    page = element("html", head, element("body", way, element("main", *content)), lang="en")
    return f"<!doctype html>\n{page.html}\n"


def table(label: str, heads: Sequence[str], rows: Iterable[Markup]) -> Markup:
    """A table that scrolls by itself where the screen is narrow; a head that ends in `#` is over numbers."""
    titles = [element("th", head.rstrip("#"), scope="col", class_="number" if head.endswith("#") else None) for head in heads]
    made = element("table", element("thead", element("tr", *titles)), element("tbody", *rows))
    return element("div", made, class_="wide", role="region", aria_label=label, tabindex=0)


def number(text: str) -> Markup:
    """A cell that holds a number."""
    return element("td", text, class_="number")


def status_of(status: Status | None) -> Markup:
    """A verdict in colour, with a mark and its word for who sees none."""
    if status is None:
        return element("span", _NONE, class_="soft")
    return element("span", f"{_MARKS[status]} {status}", class_=f"status {status}")


def figure(value: float) -> str:
    """A distance: three decimals.

    >>> figure(0.12345), figure(float("nan"))
    ('0.123', '–')
    """
    return f"{value:.3f}" if math.isfinite(value) else _NONE


def time_of(us: int) -> Markup:
    """An instant, to the second."""
    return element("time", f"{moment(us):%Y-%m-%d %H:%M:%S}", datetime=iso(us))


def left_out(count: int, most: int, what: str, remedy: str) -> Markup | None:
    """A line on what a list of the first few does not hold; None where it holds all."""
    if count <= most:
        return None
    return element("p", f"The first {most} of {count:,} {what}; {remedy}.", class_="soft")


def between(start_us: int, end_us: int) -> Markup:
    return together(time_of(start_us), " to ", time_of(end_us), " UTC")
