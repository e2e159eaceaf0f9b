"""What the demo shows while it runs: one frame of a live screen, or lines where nobody watches."""

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from driftline.cli.census import MEANING
from driftline.cli.progress import rows_bar
from driftline.cli.report_table import report_view
from driftline.cli.seen import ALARMS, Seen, evidence, judged
from driftline.cli.story import Step
from driftline.cli.text import number, plain
from driftline.cli.verdict import bar, style_of, verdict

if TYPE_CHECKING:
    import driftline

SCALE = "0         .5  .7   1"  # above a bar of twenty characters
LINES_AROUND = 6  # of a frame that are no row of the table
ALL_QUIET = (0, "no_detection", ())  # no fault, no alarm: no news
SECONDS_A_STEP = 0.15
SECONDS_AN_INCIDENT_STEP = 0.7


class Screen(Protocol):
    """Where a step is shown."""

    def show(self, step: Step, seen: Seen) -> None:
        """Shows the answer that followed a step."""


def screen_for(console: Console, rows: int) -> "AbstractContextManager[Screen]":
    """A live screen in a terminal; plain lines elsewhere, so that a log stays readable."""
    return LiveScreen(console, rows) if console.is_terminal else Lines(console)


class LiveScreen:
    """One frame, drawn over again at a pace that eyes can follow."""

    def __init__(self, console: Console, rows: int) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._progress = rows_bar(console, fill=True)
        self._task = self._progress.add_task("", total=rows)
        self._due = time.monotonic()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def show(self, step: Step, seen: Seen) -> None:
        """Draws the frame, and holds it until the next is due."""
        self._progress.update(self._task, completed=seen.rows, description=step.chapter)
        self._live.update(Group(self._progress, frame(step, seen, self._console.height - 1)), refresh=True)
        self._due = max(self._due, time.monotonic()) + (SECONDS_AN_INCIDENT_STEP if step.faults else SECONDS_A_STEP)
        time.sleep(max(0.0, self._due - time.monotonic()))


class Lines:
    """A line when a verdict changes and at the end of a chapter, a table before the incident and at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._chapter = ""
        self._news: tuple[object, ...] = ALL_QUIET
        self._line: Text | None = None  # of the last step, where it was not printed
        self._view: RenderableType = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._end_chapter()
            self._console.print("", self._view)

    def show(self, step: Step, seen: Seen) -> None:
        """Prints what is new, and remembers what may turn out to be the end of a chapter."""
        report = seen.report
        assert report is not None
        if self._chapter not in {"", step.chapter}:
            self._end_chapter()
            if step.faults:
                self._console.print("", self._view, "")
        alarmed = tuple((row["column"], row["status"]) for row in judged(report) if row["status"] in ALARMS)
        news = (len(step.faults), report.status, alarmed)
        self._line = _line(step, report, seen.rows, alarmed)
        if news != self._news:
            self._print_line()
        self._chapter, self._news, self._view = step.chapter, news, report_view(report, self._console.width)

    def _end_chapter(self) -> None:
        if self._line is not None:
            self._print_line()

    def _print_line(self) -> None:
        self._console.print(self._line, soft_wrap=True)
        self._line = None


def frame(step: Step, seen: Seen, height: int) -> RenderableType:
    """The verdict of the moment and the columns behind it, in at most `height` lines, progress bar apart."""
    report = seen.report
    assert report is not None
    answered = f" · answered in {seen.answer_seconds[-1] * 1000:.1f} ms"
    over = f"mean drift {number(report.drift)} · {report.rows:,} rows · {report.start:%H:%M}–{report.end:%H:%M} UTC{answered}"
    name = Text.assemble((plain(report.endpoint), "bold"), "  ", verdict(report.status))
    return Group(name, Text(over, "dim", no_wrap=True, overflow="ellipsis"), _table(report, height - LINES_AROUND), _news(step))


def _table(report: "driftline.Report", rows_max: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for title in ("column", "asks", "drift", SCALE, "status", "why"):
        table.add_column(title, no_wrap=True, justify="right" if title == "drift" else "left")
    for row in _that_fit(judged(report), max(1, rows_max)):
        table.add_row(*_cells(row))
    return table


def _that_fit(rows: list[dict[str, Any]], rows_max: int) -> list[dict[str, Any]]:
    shown = sorted(rows, key=lambda row: -row["drift"])[:rows_max]
    return [row for row in rows if row in shown]


def _cells(row: dict[str, Any]) -> tuple[RenderableType, ...]:
    style = style_of(row["status"])
    return (
        Text(plain(row["column"]), "bold"),
        Text(MEANING.get(row["column"], ""), "dim"),
        Text(number(row["drift"]), style),
        bar(row["drift"], 20, style, marks=(0.5, 0.7)),
        verdict(row["status"], short=True),
        Text(evidence(row)),
    )


def _news(step: Step) -> Text:
    if step.chapter == "mended":
        return Text("the pipeline is mended", "bold")
    if not step.faults:
        return Text(f"people of {step.chapter}, as they answered", "dim")
    return Text("incident: " + "; ".join(fault.words for fault in step.faults), "bold")


def _line(step: Step, report: "driftline.Report", rows: int, alarmed: tuple[tuple[str, str], ...]) -> Text:
    news = f" · {'; '.join(fault.words for fault in step.faults)}" if step.faults else ""
    columns = f" ({', '.join(f'{plain(column)} {status}' for column, status in alarmed)})" if alarmed else ""
    at = f"{step.end:%H:%M} {step.chapter:<8} {rows:>7,} rows  "
    return Text.assemble(at, verdict(report.status), f"{columns}, mean drift {number(report.drift)}{news}")
