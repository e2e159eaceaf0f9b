"""A frame of the demo fits the terminal it is drawn on."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pyarrow as pa
import pytest
from rich.console import Console

from driftline.cli.census import MEANING
from driftline.cli.incident import FAULTS
from driftline.cli.screen import Lines, LiveScreen, frame
from driftline.cli.seen import Seen
from driftline.cli.story import Step
from driftline.report import Report, report_from
from driftline_proto.v1 import metrics_pb2, schema_pb2

START = datetime(2026, 3, 29, 23, tzinfo=UTC)


def column(name: str, *, broken: bool) -> metrics_pb2.ColumnDrift:
    """A column that is calm, or the way both faults leave theirs."""
    numeric = name == "AGEP"
    return metrics_pb2.ColumnDrift(
        column=schema_pb2.Column(
            name=name,
            role=schema_pb2.ROLE_PREDICTION if name == "prediction" else schema_pb2.ROLE_FEATURE,
            kind=schema_pb2.KIND_NUMERIC if numeric else schema_pb2.KIND_CATEGORICAL,
        ),
        rows=8_766,
        nulls=4_000 if broken and not numeric else 0,
        drift=0.91 if broken else 0.02,
        status=schema_pb2.STATUS_DETECTED if broken else schema_pb2.STATUS_NO_DETECTION,
        mean=487.0,
        reference_mean=41.0,
    )


def report(broken: set[str]) -> Report:
    """A report of the census endpoint."""
    return report_from(
        metrics_pb2.GetDriftResponse(
            endpoint="census/employment/model:2015",
            start_us=int(START.timestamp()) * 10**6,
            end_us=int((START + timedelta(hours=1)).timestamp()) * 10**6,
            rows=8_766,
            drift=0.06,
            status=schema_pb2.STATUS_DETECTED if broken else schema_pb2.STATUS_NO_DETECTION,
            columns=[column(name, broken=name in broken) for name in MEANING],
        )
    )


def step(chapter: str, faults: int) -> Step:
    return Step(chapter, pa.table({"AGEP": [1.0] * 730}), START, START + timedelta(minutes=5), FAULTS[:faults])


def observed(*, faults: int) -> tuple[Step, Seen]:
    """A step with so many faults at work, and what was seen after it."""
    seen = Seen(potential=0.5)
    last = step("incident" if faults else "2016", faults)
    seen.update(last, report({fault.column for fault in last.faults}), 0.0012)
    return last, seen


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (80, 12)])
@pytest.mark.parametrize("faults", [0, 1, 2])
def test_a_frame_fits(width: int, height: int, faults: int) -> None:
    console = Console(file=StringIO(), width=width, no_color=True)
    console.print(frame(*observed(faults=faults), height - 1))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) + 1 < height  # the bar above it
    for fault in FAULTS[:faults]:
        assert any(line.startswith(fault.column) and "detected" in line for line in lines)


def test_a_high_terminal_shows_every_column_in_their_order() -> None:
    console = Console(file=StringIO(), width=80, no_color=True)
    console.print(frame(*observed(faults=2), 24 - 1))
    assert isinstance(console.file, StringIO)
    shown = [line.split()[0] for line in console.file.getvalue().splitlines()]
    assert [name for name in shown if name in MEANING] == list(MEANING)


def test_a_live_screen_ends_on_its_last_frame() -> None:
    console = Console(file=StringIO(), width=80, height=24, force_terminal=True)
    with LiveScreen(console, 1_460) as screen:
        screen.show(*observed(faults=0))
        screen.show(*observed(faults=1))
    assert isinstance(console.file, StringIO)
    assert "ages come in months" in console.file.getvalue()
    assert console.file.getvalue().rstrip("\n").endswith("\x1b[?25h")  # the cursor is back


def test_lines_are_printed_for_news_only() -> None:
    console = Console(file=StringIO(), width=80)
    with Lines(console) as screen:
        for _ in range(3):
            screen.show(*observed(faults=0))
        for _ in range(3):
            screen.show(*observed(faults=1))
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert text.count("2016") == 1
    assert text.count("ages come in months") == 2  # when it turned, and at its end
    assert text.count("hell.") == 2  # a table before the incident, and one at the end
    assert "\x1b" not in text


def test_last_words_are_read_from_the_answers() -> None:
    seen = Seen(potential=0.5)
    seen.update(step("2016", 0), report(set()), 0.001)
    seen.update(step("incident", 1), report(set()), 0.002)
    seen.update(step("incident", 2), report({"AGEP", "MAR"}), 0.003)
    words = " ".join(seen.sentences())
    assert "730 people: not one alarm; the largest drift of a column was 0.020" in words
    assert "AGEP: ages come in months; detected after 1,460 such rows. Drift 0.91 then, mean 41 → 487." in words
    assert "MAR: 'never married' is no longer sent; detected after 730 such rows. Drift 0.91 then, 46% null." in words
    assert "0.060, would have raised no alarm on its own" in words
    assert "3 drift questions" in words
    assert "2.0 ms" in words
