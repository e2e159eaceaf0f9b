"""The page of a report: the verdict, the alerts, a line a column, pictures of those that drifted, the commands."""

import math

from driftline_core.alerts.catalogue import NO_DATA
from driftline_core.drift import DISTANCES, Status
from driftline_core.query import ColumnDrift, histogram
from driftline_server.notify.links import Links
from driftline_server.web.alerts import alerts_of, count_of, told_of
from driftline_server.web.frame import between, figure, left_out, number, status_of, table, time_of, whole
from driftline_server.web.markup import Child, Markup, element, together
from driftline_server.web.picture import picture
from driftline_server.web.quality import latency_of, quality_of
from driftline_server.web.questions import Seen

COLUMNS_MAX = 200
PICTURES_MAX = 12
_ALARMS = (Status.DETECTED, Status.POTENTIAL)
_WINDOWS = ("10m", "1h", "24h", "7d")
_COLUMN_HEADS = ("column", "status", "drift#", "role", "kind", "rows#", "nulls#", *(f"{name}#" for name in DISTANCES))
_NOW = {
    Status.DETECTED: "▲ drift detected now",
    Status.POTENTIAL: "△ drift suspected now",
    Status.NO_DETECTION: "no drift detected now",
    Status.INSUFFICIENT_DATA: "too few rows now to tell of drift",
}


def report_page(seen: Seen, links: Links, *, root: str) -> str:
    """The page of what was seen; `root` is the way to the first page."""
    ranked = sorted(seen.report.columns, key=lambda each: math.inf if math.isnan(each.drift) else -each.drift)
    drifted = [each for each in ranked if each.status in _ALARMS]
    return whole(
        f"{seen.endpoint}: {seen.report.status}{_counted(seen)}",
        *_headline(seen),
        *alerts_of(seen, links),
        *quality_of(seen.report),
        element("h2", "Columns"),
        table("Columns", _COLUMN_HEADS, [_row(each) for each in ranked[:COLUMNS_MAX]]),
        left_out(len(ranked), COLUMNS_MAX, "columns, the most drifted first", "?format=json has all of a window"),
        *_pictures(seen, drifted),
        element("h2", "Commands"),
        element("p", "The report again, in a terminal:"),
        element("pre", element("code", links.report(seen))),
        *_rows(seen, links),
        element("p", "As counted until ", time_of(seen.at_us), " UTC.", class_="soft"),
        root=root,
    )


def _rows(seen: Seen, links: Links) -> list[Child]:
    if not links.keeps_rows:
        return []
    return [element("p", "The rows of the window, where they are kept:"), element("pre", element("code", links.export(seen)))]


def _headline(seen: Seen) -> list[Child]:
    window = seen.report.window
    lines: list[Child] = [
        element("h1", seen.endpoint),
        _verdict(seen),
        element("p", f"{window.profile.rows:,} rows · ", between(window.start_us, window.end_us)),
        latency_of(window),
    ]
    if seen.is_widened:
        lines.append(element("p", "Widened to the steps of time that are still kept, which grow with age.", class_="soft"))
    if window.rows_other_reference:
        more = f"{window.rows_other_reference:,} more rows were counted under an older reference; this report leaves them out."
        lines.append(element("p", more, class_="soft"))
    if not window.profile.rows or any(each.event == NO_DATA for each in seen.alerts):
        lines.append(_newest(seen))
    ways = [part for name in _WINDOWS for part in (" · ", element("a", f"last {name}", href=f"?window={name}"))]
    return [*lines, element("p", *ways[1:])]


def _counted(seen: Seen) -> str:
    count = len(told_of(seen.alerts))
    return f", {count} {'alert' if count == 1 else 'alerts'}" if count else ""


def _verdict(seen: Seen) -> Markup:
    """The status; beside alerts it is about drift alone, and not in green."""
    status = seen.report.status
    drift = f" · drift {figure(seen.report.drift)} (mean of the features)"
    told = told_of(seen.alerts)
    if not told:
        return element("p", status_of(status), drift)
    colour = f"status {status}" if status in _ALARMS else "status"
    return element("p", element("span", _NOW[status], class_=colour), " · ", count_of(told), drift)


def _newest(seen: Seen) -> Markup:
    """What to look at where rows are wanting: when the newest came, and the last hour that has some."""
    newest_us, arrival_us = seen.totals.watermark_us, seen.totals.last_arrival_us
    if newest_us is None:
        return element("p", "No row has been counted yet: send some.")
    none = None if seen.report.window.profile.rows else "No row in this span. "
    came = together(" UTC, and the last rows came at ", time_of(arrival_us)) if arrival_us is not None else None
    way = element("a", "the last hour that has rows", href="?window=1h")
    return element("p", none, "The newest row is of ", time_of(newest_us), came, " UTC: ", way, ".")


def _row(said: ColumnDrift) -> Markup:
    return element(
        "tr",
        element("th", said.column.name, scope="row"),
        element("td", status_of(said.status)),
        number(figure(said.drift)),
        element("td", str(said.column.role)),
        element("td", str(said.column.kind)),
        number(f"{said.rows:,}"),
        number(f"{said.nulls:,}"),
        *(number(figure(said.distances[name])) for name in DISTANCES),
    )


def _pictures(seen: Seen, drifted: list[ColumnDrift]) -> list[Child]:
    if not drifted:
        return []
    shown = [picture(each, histogram(seen.report.window, each.column.name)[1]) for each in drifted[:PICTURES_MAX]]
    keys = [part for name in ("reference", "current") for part in (element("span", class_=f"key {name}"), name)]
    return [
        element("h2", "What moved"),
        element("p", "Shares of rows:", *keys, class_="soft"),
        element("div", *shown, class_="pictures"),
        left_out(len(drifted), PICTURES_MAX, "drifted columns", "`client.histogram` has the others"),
    ]
