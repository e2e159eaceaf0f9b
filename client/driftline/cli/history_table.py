"""A history as a terminal shows it: a line an hour, and below it the whole span as a sparkline."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from driftline.cli.text import count, number, plain
from driftline.cli.verdict import bar, style_of, verdict

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]

HOURS_MAX = 24  # lines; the sparkline and --json have the rest
BAR = 16
SPARKLINE_MAX = 84  # characters: half a week at a character an hour
LEVELS = "▁▂▃▄▅▆▇█"
NOTHING = "·"
SHARES = {"drift", "tvd", "hellinger"}
COUNTS = {"rows", "rows_other_reference", "nulls", "missing", "below", "above", "unseen"}


def history_parts(table: "pa.Table", width: int) -> list[RenderableType]:
    """The whole answer of `driftline history`, for a terminal of `width` characters, from top to bottom."""
    whose = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    rows = table.to_pylist()
    metric = f"{whose['metric']} of {plain(whose['column'])}" if whose["column"] else whose["metric"]
    headline = Text.assemble((plain(whose["endpoint"]), "bold"), f"  {metric}", no_wrap=True)
    if not rows:
        return [headline, Text("No closed hour in this span: an hour is stored some minutes after it ends.", "dim")]
    left_out = len(rows) - HOURS_MAX
    remarks = [Text(f"{left_out:,} earlier lines are left out here; --json has all.", "dim")] if left_out > 0 else []
    hours = hours_table(rows[-HOURS_MAX:], whose["metric"])
    return [headline, "", hours, *remarks, "", *_summary(rows, whose["metric"], width)]


def hours_table(rows: Sequence[Row], metric: str) -> Table:
    """A line an hour, the newest last."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    restated = any(row["revision"] > 1 for row in rows)
    scale = 1.0 if metric in SHARES else max((row["value"] for row in rows if math.isfinite(row["value"])), default=0.0)
    table.add_column("hour (UTC)", no_wrap=True)
    if restated:
        table.add_column("revision", justify="right")
    for title in ("rows", plain(metric)):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for row in rows:
        style = style_of(row["status"])
        table.add_row(
            f"{row['start']:%Y-%m-%d %H:%M}",
            *([str(row["revision"])] if restated else []),
            count(row["rows"]),
            Text(value_text(row["value"], metric), style),
            bar(row["value"] / scale if scale > 0 else 0.0, BAR, style),
            verdict(row["status"], short=True),
        )
    return table


def value_text(value: float, metric: str) -> str:
    """A value of a metric in few characters; a dash where there is none.

    >>> value_text(0.1234, "tvd"), value_text(1234567.0, "rows"), value_text(-1234.5, "mean"), value_text(float("nan"), "mean")
    ('0.123', '1.23M', '-1.23e+03', '–')
    """
    if math.isnan(value):
        return "–"
    if metric in COUNTS:
        return count(value)
    return number(value) if metric in SHARES else f"{value:.3g}"


def sparkline(values: Sequence[float], width: int) -> str:
    """Values as at most `width` characters of eight heights, from zero (or the lowest below it) up.

    Neighbours that share a character are shown by their highest.

    >>> sparkline([0.0, 0.5, float("nan"), 1.0], 10), sparkline([0.0, 0.2, 0.1, 0.0], 2), sparkline([], 5)
    ('▁▅·█', '█▅', '')
    """
    per_sign = max(1, math.ceil(len(values) / max(width, 1)))
    parts = [[value for value in values[at : at + per_sign] if math.isfinite(value)] for at in range(0, len(values), per_sign)]
    peaks = [max(part, default=math.nan) for part in parts]
    known = [peak for peak in peaks if not math.isnan(peak)]
    low, high = min([0.0, *known]), max([0.0, *known])
    return "".join(NOTHING if math.isnan(peak) else _level(peak, low, high) for peak in peaks)


def _level(value: float, low: float, high: float) -> str:
    return LEVELS[min(int((value - low) / (high - low) * len(LEVELS)), len(LEVELS) - 1)] if high > low else LEVELS[0]


def _summary(rows: Sequence[Row], metric: str, width: int) -> tuple[Text, Text]:
    newest = {row["start"]: row["value"] for row in rows}  # of an hour's revisions the last one
    known = [value for value in newest.values() if not math.isnan(value)]
    told = [("lowest", min(known)), ("highest", max(known))] if known else []
    words = " · ".join([f"{len(newest):,} hours", *(f"{word} {value_text(value, metric)}" for word, value in told)])
    return Text(sparkline(list(newest.values()), min(width, SPARKLINE_MAX))), Text(words, "dim")
