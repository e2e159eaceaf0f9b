"""A column's picture: a bar a bin, the reference's share above the current one, in a table that can be read aloud."""

import math
from collections.abc import Sequence

from driftline_core.query import Bin, ColumnDrift
from driftline_server.web.bars import Bar, bars
from driftline_server.web.frame import figure, number, status_of
from driftline_server.web.markup import Markup, element


def picture(said: ColumnDrift, bins: Sequence[Bin]) -> Markup:
    """A column's bins, with what can be said of it in a few words."""
    drawn = bars(bins)
    largest = max((max(each.reference, each.current) for each in drawn), default=0.0) or 1.0
    heads = [element("th", "bin", scope="col"), element("th", scope="col")]
    heads += [element("th", name, scope="col", class_="number") for name in ("reference", "current")]
    rows = [_row(each, largest) for each in drawn]
    caption = element(
        "figcaption",
        element("strong", said.column.name),
        " ",
        status_of(said.status),
        f" · {', '.join([f'drift {figure(said.drift)}', *_evidence(said)])}",
    )
    return element("figure", caption, element("table", element("thead", element("tr", *heads)), element("tbody", *rows)))


def _row(bar: Bar, largest: float) -> Markup:
    drawing = element(
        "svg",
        element("rect", x=0, y=0, width=f"{100 * bar.reference / largest:.2f}", height=7, class_="reference"),
        element("rect", x=0, y=8, width=f"{100 * bar.current / largest:.2f}", height=7, class_="current"),
        viewBox="0 0 100 16",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    shares = (number(f"{share:.1%}") for share in (bar.reference, bar.current))
    return element("tr", element("th", bar.label, scope="row"), element("td", drawing, class_="bars"), *shares)


def _evidence(said: ColumnDrift) -> list[str]:
    """Why it stands out: nulls, categories never seen, a mean that moved."""
    rows = max(1, said.rows)
    told = [
        f"{count / rows:.0%} {what}" for count, what in ((said.nulls, "null"), (said.unseen, "never seen")) if count / rows >= 0.01
    ]
    means = said.reference_moments.mean, said.moments.mean
    return [*told, f"mean {means[0]:.4g} → {means[1]:.4g}"] if all(map(math.isfinite, means)) else told
