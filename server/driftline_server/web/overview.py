"""The first page: the endpoints, and how each stands in its last hour."""

import urllib.parse
from collections.abc import Sequence

from driftline_server.web.alerts import ANCHOR
from driftline_server.web.frame import figure, number, status_of, table, time_of, whole
from driftline_server.web.markup import Child, Markup, element, together
from driftline_server.web.questions import Standing

_HEADS = ("endpoint", "status", "drift#", "rows#", "rows in all#", "newest row, event time", "alerts", "")


def overview_page(standings: Sequence[Standing], *, count: int, page: int, pages: int) -> str:
    """The endpoints of one page, of `count` on all pages."""
    if not count:
        create = "driftline endpoints create NAME --reference FILE.parquet"
        return whole("driftline", element("h1", "Endpoints"), element("p", "There is none yet. Create one:"), _command(create))
    rows = [_row(each) for each in standings]
    return whole(
        "driftline: endpoints",
        element("h1", "Endpoints"),
        element("p", f"{count:,} by name, each over the last hour up to its newest row.", class_="soft"),
        table("Endpoints", _HEADS, rows),
        _others(page, pages) if pages > 1 else None,
    )


def report_path(endpoint: str) -> str:
    """The way to an endpoint's report, from the first page."""
    return f"report/{urllib.parse.quote(endpoint, safe='/:')}"


def _row(standing: Standing) -> Markup:
    newest_us = standing.totals.watermark_us
    return element(
        "tr",
        element("th", element("a", standing.name, href=report_path(standing.name)), scope="row"),
        element("td", status_of(standing.report.status)),
        number(figure(standing.report.drift)),
        number(f"{standing.report.window.profile.rows:,}"),
        number(f"{standing.totals.rows:,}"),
        element("td", time_of(newest_us) if newest_us is not None else "none yet"),
        element("td", _firing(standing)),
        element("td", element("span", "stale", class_="status potential") if standing.is_stale else None),
    )


def _firing(standing: Standing) -> Markup | None:
    if not standing.firing:
        return None
    return element("a", f"{standing.firing:,} firing", href=f"{report_path(standing.name)}#{ANCHOR}", class_="status detected")


def _others(page: int, pages: int) -> Markup:
    links: list[Child] = [f"Page {page} of {pages}"]
    for other, word in ((page - 1, "previous"), (page + 1, "next")):
        if 1 <= other <= pages:
            links += [" · ", element("a", word, href=f"?page={other}", rel=word.replace("previous", "prev"))]
    return element("p", together(*links))


def _command(text: str) -> Markup:
    return element("pre", element("code", text))
