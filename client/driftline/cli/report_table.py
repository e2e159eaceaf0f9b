"""A drift report as a terminal shows it: a verdict above, a line a column below, the most drifted first."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from driftline.cli.text import between, count, number, plain
from driftline.cli.verdict import bar, style_of, verdict

if TYPE_CHECKING:
    import driftline

Row = Mapping[str, Any]

ENDLESS = 10_000  # characters: wider than any table
SHORT = {
    "feature": "feat",
    "prediction": "pred",
    "label": "label",
    "numeric": "num",
    "categorical": "cat",
    "boolean": "bool",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How much room a table takes: the words of the API or short ones, the characters of a bar and between columns.

    `without`: titles of columns that are left out; --json has them.
    """

    words: bool
    bar: int
    gap: int
    without: tuple[str, ...] = ()


# From roomy to tight: the first one that fits is taken, or else the last: a name stays whole.
LAYOUTS = (
    Layout(True, 20, 2),
    Layout(True, 10, 1),
    Layout(False, 10, 1),
    Layout(False, 5, 1),
    Layout(False, 0, 1),
    Layout(False, 0, 1, ("role", "kind")),
    Layout(False, 0, 1, ("role", "kind", "tvd", "hell.", "kld")),
    Layout(False, 0, 1, ("role", "kind", "tvd", "hell.", "kld", "nulls", "missing")),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the printed table: its title, and the cell it makes of a row of the report."""

    title: str
    cell: Callable[[Row], RenderableType]
    right: bool = False


def report_view(report: "driftline.Report", width: int) -> RenderableType:
    """The whole answer of `driftline drift`, for a terminal of `width` characters."""
    return Group(*report_parts(report, width))


def report_parts(report: "driftline.Report", width: int) -> list[RenderableType]:
    """As report_view, in parts from top to bottom."""
    return [*headline(report), "", columns_table(report, width), *_remarks(report)]


def headline(report: "driftline.Report") -> tuple[Text, Text]:
    """Two lines: whose verdict it is, and over what."""
    convention = f" · convention {plain(report.convention)}" if report.convention not in {"", "driftline"} else ""
    mean = Text.assemble("drift ", (number(report.drift), "bold"), " (mean of the features)")
    name = Text.assemble((plain(report.endpoint), "bold"), "  ", verdict(report.status), no_wrap=True)
    return name, Text.assemble(mean, f" · {report.rows:,} rows · {between(report.start, report.end)}{convention}")


def columns_table(report: "driftline.Report", width: int) -> Table:
    """A line a column of the endpoint, the most drifted first, those without a value last."""
    rows = sorted(report.columns.to_pylist(), key=lambda row: 1.0 if math.isnan(row["drift"]) else -row["drift"])
    console = Console(width=ENDLESS)
    tables = (_table(rows, layout) for layout in LAYOUTS)
    for table in tables:
        if Measurement.get(console, console.options, table).maximum <= width:
            return table
    return table


def _table(rows: list[dict[str, Any]], layout: Layout) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, layout.gap, 0, 0), header_style="dim")
    fields = _fields(layout, missing=any(row["missing"] and row["role"] != "label" for row in rows))
    for field in fields:
        justify: JustifyMethod = "right" if field.right else "left"
        table.add_column(field.title, justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*(field.cell(row) for field in fields))
    return table


def _fields(layout: Layout, *, missing: bool) -> list[Field]:
    words = layout.words
    fields = [
        Field("column", lambda row: Text(plain(row["column"]), "bold" if row["status"] in {"potential", "detected"} else "")),
        Field("role", lambda row: row["role"] if words else SHORT.get(row["role"], "")),
        Field("kind", lambda row: row["kind"] if words else SHORT.get(row["kind"], "")),
        Field("rows", lambda row: count(row["rows"]), right=True),
        Field("nulls", lambda row: count(row["nulls"]), right=True),
        *([Field("missing", lambda row: count(row["missing"]), right=True)] if missing else []),
        Field("tvd", lambda row: number(row["tvd"]), right=True),
        Field("hellinger" if words else "hell.", lambda row: number(row["hellinger"]), right=True),
        Field("kld", lambda row: number(row["kld"]), right=True),
        Field("drift", lambda row: Text(number(row["drift"]), style_of(row["status"])), right=True),
        *([Field("", lambda row: bar(row["drift"], layout.bar, style_of(row["status"])))] if layout.bar else []),
        Field("status", lambda row: verdict(row["status"], short=not words)),
    ]
    return [field for field in fields if field.title not in layout.without]


def _remarks(report: "driftline.Report") -> list[Text]:
    remarks = []
    if report.rows_other_reference:
        remarks.append(
            f"{report.rows_other_reference:,} more rows were counted under an older reference; this answer leaves them out."
        )
    if report.rows == 0:
        remarks.append("No row in this span yet: send some with `driftline push` or driftline.Monitor, or ask for a longer span.")
    return [Text(""), *(Text(remark, "dim") for remark in remarks)] if remarks else []
