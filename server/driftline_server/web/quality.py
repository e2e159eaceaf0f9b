"""What a report says beside drift, by the measures that rules use: latency, and shares of rows that are not what they should be."""

import math
from dataclasses import dataclass

import numpy as np

from driftline_core.alerts import Observation, observe
from driftline_core.alerts.catalogue import SHARES
from driftline_core.engine import Window
from driftline_core.latency import QUANTILES, latency_quantile
from driftline_core.query import Report
from driftline_core.schema import Role
from driftline_server.web.frame import left_out, number, table
from driftline_server.web.markup import Child, Markup, element

EXCESS_MIN = 0.01  # of a share over the reference's: less is not shown
SHARES_MAX = 20
_HEADS = ("column", "share of rows", "now#", "reference#", "more by#")
_WORDS = {
    "null_share": "null",
    "missing_share": "missing: rows sent without the column",
    "out_of_range_share": "out of range: beyond the reference's smallest and largest bin",
    "unseen_share": "unseen: categories the reference has not",
}


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a column's rows that exceeds the reference's; `metric` as rules name it."""

    column: str
    metric: str
    current: float
    reference: float

    @property
    def excess(self) -> float:
        return self.current - self.reference


def excesses(report: Report) -> list[Share]:
    """The shares that exceed the reference's by EXCESS_MIN, the worst first; of labels none, since they come late."""
    window = report.window
    seen = observe(Observation("", 0), report, window_us=window.end_us - window.start_us, rows_min=1)
    shares = [
        Share(view.name, metric, view.metrics.get(metric, math.nan), view.reference.get(metric, 0.0))
        for view in seen.columns
        if view.role is not Role.LABEL
        for metric in SHARES
    ]
    return sorted((each for each in shares if each.excess >= EXCESS_MIN), key=lambda each: -each.excess)


def quality_of(report: Report) -> list[Child]:
    """A table of the shares that exceed the reference's; nothing where none does."""
    found = excesses(report)
    if not found:
        return []
    return [
        element("h2", "Data quality"),
        table("Data quality", _HEADS, [_row(each) for each in found[:SHARES_MAX]]),
        left_out(
            len(found), SHARES_MAX, "shares above the reference's, the worst first", "`driftline drift --json` has the counts"
        ),
    ]


def latency_of(window: Window) -> Markup | None:
    """A line of the window's latencies; None where none was logged.

    The rows are those that have one; a quantile is right to one percent, as in `driftline_core.latency`.
    """
    layout = window.reference.layout
    index = layout.index_of_role(Role.LATENCY)
    rows = int(np.sum(layout.counts(window.profile, index)[:-1])) if index is not None else 0
    if not rows:
        return None
    quantiles = (
        f"{name.removeprefix('latency_')} {latency_quantile(window.profile, layout, share):.4g} s"
        for name, share in QUANTILES.items()
    )
    return element("p", f"Latency: {' · '.join(quantiles)} (of {rows:,} rows that have one)")


def _row(share: Share) -> Markup:
    figures = (number(f"{value:.1%}") for value in (share.current, share.reference, share.excess))
    return element("tr", element("th", share.column, scope="row"), element("td", _WORDS[share.metric], class_="text"), *figures)
