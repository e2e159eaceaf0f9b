"""A report reads well at 80 columns, without colour, and whatever strangers called their columns."""

import json
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from driftline.cli.document import report_document
from driftline.cli.endpoint_table import endpoint_parts
from driftline.cli.options import print_whole
from driftline.cli.report_table import report_parts, report_view
from driftline.cli.verdict import SIGNS, verdict
from driftline.endpoint import endpoint_from
from driftline.report import Report, report_from
from driftline_proto.v1 import endpoint_pb2, metrics_pb2, schema_pb2

HOUR_US = 3_600_000_000
NAN = float("nan")


def column(name: str, drift: float, status: int, **values: object) -> metrics_pb2.ColumnDrift:
    """One column of a report, in the words of the wire."""
    role = values.pop("role", schema_pb2.ROLE_FEATURE)
    kind = values.pop("kind", schema_pb2.KIND_NUMERIC)
    return metrics_pb2.ColumnDrift(
        column=schema_pb2.Column(name=name, role=role, kind=kind),
        rows=123_456,
        distances={"tvd": drift, "hellinger": drift, "kld": drift},
        drift=drift,
        status=status,
        mean=NAN,
        **values,
    )


def report(*columns: metrics_pb2.ColumnDrift, **values: object) -> Report:
    """A report over the hour before 1970-01-01 02:00."""
    return report_from(
        metrics_pb2.GetDriftResponse(
            **{
                "endpoint": "shop/fraud/scorer:v3",
                "start_us": HOUR_US,
                "end_us": 2 * HOUR_US,
                "rows": 123_456,
                "drift": 0.25,
                "status": schema_pb2.STATUS_DETECTED,
                "columns": columns,
            }
            | values
        )
    )


USUAL = (
    column("calm", 0.01, schema_pb2.STATUS_NO_DETECTION),
    column("worried", 0.6, schema_pb2.STATUS_POTENTIAL, kind=schema_pb2.KIND_CATEGORICAL, nulls=99_999),
    column("predicted_probability", 0.9, schema_pb2.STATUS_DETECTED, role=schema_pb2.ROLE_PREDICTION),
    column("sparse", NAN, schema_pb2.STATUS_INSUFFICIENT_DATA, kind=schema_pb2.KIND_BOOLEAN),
    column("truth", NAN, schema_pb2.STATUS_UNSPECIFIED, role=schema_pb2.ROLE_LABEL),
)


def shown(view: RenderableType, width: int) -> str:
    """What a terminal without colour prints."""
    console = Console(file=StringIO(), width=width, no_color=True, force_terminal=False, highlight=False)
    console.print(view)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_every_verdict_reads_without_colour(width: int) -> None:
    text = shown(report_view(report(*USUAL), width), width)
    assert "shop/fraud/scorer:v3  ● detected" in text
    assert "123,456 rows · 1970-01-01 01:00–02:00 UTC" in text
    for word in ("no_detection", "potential", "detected", "insufficient", "0.010", "0.600", "0.900"):
        assert word in text
    assert max(map(len, text.splitlines())) <= width


def test_a_wide_terminal_gets_the_words_of_the_api() -> None:
    text = shown(report_view(report(*USUAL), 120), 120)
    for word in ("feature", "prediction", "label", "categorical", "numeric", "boolean", "hellinger", "insufficient_data"):
        assert word in text


def test_the_most_drifted_come_first_and_those_without_a_value_last() -> None:
    lines = shown(report_view(report(*USUAL), 120), 120).splitlines()
    names = [line.split()[0] for line in lines[4:]]
    assert names == ["predicted_probability", "worried", "calm", "sparse", "truth"]


@pytest.mark.parametrize("width", [80, 120])
def test_missing_columns_are_shown_when_there_are_any(width: int) -> None:
    gone = column("gone", NAN, schema_pb2.STATUS_INSUFFICIENT_DATA, missing=77_777)
    assert "missing" not in shown(report_view(report(*USUAL), width), width)
    text = shown(report_view(report(*USUAL, gone), width), width)
    assert "77,777" in text
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("stranger", ["[red]x[/red]", "\x1b[31mx", "a\nb", "x\u202ey", "[/]", "\x9b2J"])
def test_names_of_strangers_stay_text(stranger: str) -> None:
    text = shown(report_view(report(column(stranger, 0.1, schema_pb2.STATUS_NO_DETECTION), endpoint=stranger), 120), 120)
    assert not any(sign in text for sign in "\x1b\u202e\x9b")
    assert stranger.encode("unicode_escape").decode() in text


def test_rows_under_an_older_reference_and_an_empty_window_are_said() -> None:
    text = shown(report_view(report(rows=0, rows_other_reference=12_345), 80), 80)
    assert "12,345 more rows" in text
    assert "No row in this span yet" in text


def test_json_is_the_report_in_full() -> None:
    document = json.loads(json.dumps(report_document(report(*USUAL)), allow_nan=False))
    assert document["endpoint"] == "shop/fraud/scorer:v3"
    assert document["start"] == "1970-01-01T01:00:00+00:00"
    assert [row["column"] for row in document["columns"]] == ["calm", "worried", "predicted_probability", "sparse", "truth"]
    assert document["columns"][1]["nulls"] == 99_999
    assert document["columns"][3]["drift"] is None
    assert document["columns"][4]["status"] is None


@pytest.mark.parametrize("status", SIGNS)
def test_short_verdicts_have_at_most_12_signs(status: str) -> None:
    assert len(verdict(status, short=True).plain) <= 12


@pytest.mark.parametrize("width", [20, 40, 60, 72])
def test_a_narrow_terminal_gets_fewer_columns_and_whole_names(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    name = "average_amount_of_the_last_month"
    given = report(*USUAL, column(name, 0.8, schema_pb2.STATUS_DETECTED, missing=7), endpoint=f"shop/{name}/{name}:v3")
    print_whole(*report_parts(given, width))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"shop/{name}/{name}:v3  ● detected"
    assert [line.split()[-2:] for line in lines if line.startswith(f"{name} ")] == [["0.800", "detected"]]
    if width >= 60:
        table = lines[lines.index("") + 1 :]
        assert max(map(len, table)) <= width


def test_an_endpoint_is_shown_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    name = "average_amount_of_the_last_month_and_of_the_year_before_that"
    message = endpoint_pb2.Endpoint(name=f"shop/{name}:v3", columns=[schema_pb2.Column(name=name, role=schema_pb2.ROLE_FEATURE)])
    print_whole(*endpoint_parts(endpoint_from(message)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"shop/{name}:v3"
    assert any(line.startswith(f"{name}  feature") for line in lines)
