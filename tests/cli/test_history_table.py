"""A history reads well at 80 columns, without colour, and whatever strangers called their columns."""

import json
import math
from io import StringIO

from rich.console import Console

from driftline.cli.document import history_document
from driftline.cli.history_table import HOURS_MAX, history_parts, sparkline
from driftline.hours import hours_from
from driftline_proto.v1 import metrics_pb2, schema_pb2

HOUR_US = 3_600_000_000
NAN = float("nan")


def answer(
    *values: float, metric: str = "drift", column: str = "", revisions: tuple[int, ...] = ()
) -> metrics_pb2.GetHistoryResponse:
    """A value an hour from 1970 on, or with `revisions` all of one hour."""
    points = [
        metrics_pb2.HistoryPoint(
            start_us=0 if revisions else at * HOUR_US,
            end_us=HOUR_US if revisions else (at + 1) * HOUR_US,
            revision=revisions[at] if revisions else 1,
            rows=0 if math.isnan(value) else 1234,
            value=value,
            status=schema_pb2.STATUS_DETECTED if value >= 0.7 else schema_pb2.STATUS_NO_DETECTION,
        )
        for at, value in enumerate(values)
    ]
    return metrics_pb2.GetHistoryResponse(endpoint="shop/fraud/scorer:v3", metric=metric, column=column, points=points)


def shown(message: metrics_pb2.GetHistoryResponse, width: int = 80) -> list[str]:
    console = Console(file=StringIO(), width=width, highlight=False)
    for part in history_parts(hours_from(message), width):
        console.print(part)
    assert isinstance(console.file, StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    return lines


def test_a_line_an_hour_and_the_whole_span_below() -> None:
    assert shown(answer(0.05, 0.5, NAN, 1.0)) == [
        "shop/fraud/scorer:v3  drift",
        "",
        "hour (UTC)         rows  drift                    status",
        "1970-01-01 00:00  1,234  0.050  ▊                 no_detection",
        "1970-01-01 01:00  1,234  0.500  ████████          no_detection",
        "1970-01-01 02:00      0      –                    no_detection",
        "1970-01-01 03:00  1,234  1.000  ████████████████  detected",
        "",
        "▁▅·█",
        "4 hours · lowest 0.050 · highest 1.000",
    ]


def test_revisions_are_told_apart_and_the_last_one_holds() -> None:
    lines = shown(answer(0.1, 0.9, revisions=(1, 2)))
    assert [line.split()[2] for line in lines[2:5]] == ["revision", "1", "2"]
    assert lines[-1] == "1 hours · lowest 0.900 · highest 0.900"


def test_a_long_history_is_cut_to_its_newest_lines_and_says_so() -> None:
    lines = shown(answer(*(at / 400 for at in range(400))))
    assert f"{400 - HOURS_MAX} earlier lines are left out here; --json has all." in lines
    assert len(lines) == HOURS_MAX + 7
    assert len(lines[-2]) <= 80
    assert lines[-2][0] == "▁"
    assert lines[-2][-1] == "█"


def test_values_that_are_no_shares_have_a_scale_of_their_own() -> None:
    assert shown(answer(1e6, 5e5, metric="rows"))[3:5] == [
        "1970-01-01 00:00  1,234    1M  ████████████████  detected",
        "1970-01-01 01:00  1,234  500k  ████████          detected",
    ]
    assert "-3" in shown(answer(-3.0, -2.0, metric="mean", column="x"))[3]


def test_a_narrow_terminal_a_strangers_name_and_no_hours() -> None:
    assert "x\\x1b[31m" in "".join(shown(answer(0.1, column="x\x1b[31m"), width=60))
    assert "No closed hour in this span" in shown(answer())[1]


def test_every_value_is_under_its_sign() -> None:
    assert sparkline([NAN, NAN], 10) == "··"
    assert sparkline([0.0, 0.0], 10) == "▁▁"
    assert sparkline([math.inf, 1.0], 10) == "·█"
    assert len(sparkline([0.5] * 1000, 80)) <= 80


def test_json_has_every_point_and_null_for_what_has_no_value() -> None:
    document = json.loads(json.dumps(history_document(hours_from(answer(NAN, 0.7))), allow_nan=False))
    assert (document["endpoint"], document["metric"], document["column"]) == ("shop/fraud/scorer:v3", "drift", None)
    assert document["points"] == [
        {
            "start": "1970-01-01T00:00:00+00:00",
            "end": "1970-01-01T01:00:00+00:00",
            "revision": 1,
            "rows": 0,
            "value": None,
            "status": "no_detection",
        },
        {
            "start": "1970-01-01T01:00:00+00:00",
            "end": "1970-01-01T02:00:00+00:00",
            "revision": 1,
            "rows": 1234,
            "value": 0.7,
            "status": "detected",
        },
    ]
