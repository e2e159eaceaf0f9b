"""The page of a report beside alerts: it is not all green, it says what was seen, and where rows are wanting it leads to some."""

from dataclasses import replace

import pyarrow as pa
import pytest
from tests.core.building import NOW_US, reference_of, window_of
from tests.server.web.test_markup import HOSTILE

from driftline_core.alerts import Alert, Evidence, Phase
from driftline_core.delivery import Losses
from driftline_core.engine import Span, Totals
from driftline_core.panes import MINUTE_US
from driftline_core.query import drift_report
from driftline_core.schema import EndpointSpec
from driftline_server.notify.links import Links
from driftline_server.web.alerts import ALERTS_SHOWN_MAX, ELSEWHERE_MAX
from driftline_server.web.questions import Seen
from driftline_server.web.report import report_page

TABLE = pa.table({"x": [1.0, 2.0] * 500})
TOTALS = Totals(1000, 1, 0, 0, 0, NOW_US, NOW_US - 5_000_000, Losses())
WINDOW = window_of(reference_of(TABLE), TABLE.to_batches())
SLOW = Alert(
    id="6cc7f87d416d5b3a",
    rule="slow",
    endpoint="m",
    column="",
    event="latency_p99 > 0.2",
    state=Phase.FIRING,
    severity="critical",
    value=1.037,
    evidence=(Evidence("", "latency_p99", 1.037, 0.2),),
    start_us=WINDOW.start_us,
    end_us=WINDOW.end_us,
    first_seen_us=NOW_US,
    last_seen_us=NOW_US,
    fired_us=NOW_US,
    acknowledged_us=None,
    resolved_us=None,
    summary="latency_p99 is 1.037 on m",
    receivers=(),
)
GREEN = '<span class="status no_detection">✓ no_detection</span> · drift'


def seen_of(*alerts: Alert, elsewhere: tuple[Alert, ...] = (), span: Span | None = None, rows: pa.Table = TABLE) -> Seen:
    report = drift_report(window_of(reference_of(TABLE), rows.to_batches()), EndpointSpec("m"))
    return Seen("m", span or Span(window_us=60 * MINUTE_US), report, alerts, elsewhere, TOTALS, NOW_US)


def page_of(seen: Seen) -> str:
    return report_page(seen, Links(server="127.0.0.1:7433"), root="../")


def test_without_alerts_the_verdict_is_the_status() -> None:
    assert GREEN in page_of(seen_of())
    assert 'id="alerts"' not in page_of(seen_of())


def test_a_command_that_cannot_work_is_not_named() -> None:
    assert "driftline export m --start" in page_of(seen_of())
    kept_nowhere = report_page(seen_of(), Links(server="127.0.0.1:7433", keeps_rows=False), root="../")
    assert "driftline drift m --start" in kept_nowhere
    assert "driftline export" not in kept_nowhere


@pytest.mark.parametrize("state", [Phase.FIRING, Phase.ACKNOWLEDGED, Phase.RESOLVED])
def test_beside_an_alert_no_headline_is_green(state: Phase) -> None:
    text = page_of(seen_of(replace(SLOW, state=state)))
    assert GREEN not in text
    assert "<title>m: no_detection, 1 alert</title>" in text
    assert "no drift detected now" in text
    assert f"1 alert in this window ({state})" in text
    assert text.index("latency_p99 is 1.037 on m") < text.index("latency_p99 1.037 (level 0.2)") < text.index("<h2>Columns</h2>")
    assert "driftline alerts show 6cc7f87d416d5b3a --server 127.0.0.1:7433" in text
    assert ("driftline alerts ack 6cc7f87d416d5b3a --server" in text) == (state is Phase.FIRING)


def test_alerts_are_counted_by_state_and_what_is_pending_is_none_yet() -> None:
    alerts = [replace(SLOW, state=state) for state in (Phase.FIRING, Phase.RESOLVED, Phase.RESOLVED, Phase.PENDING)]
    assert "3 alerts in this window (1 firing, 2 resolved)" in page_of(seen_of(*alerts))
    pending = page_of(seen_of(replace(SLOW, state=Phase.PENDING)))
    assert GREEN in pending
    assert "6cc7f87d416d5b3a" in pending


def test_what_fires_about_other_times_is_linked() -> None:
    other = replace(SLOW, start_us=0, end_us=MINUTE_US)
    text = page_of(seen_of(elsewhere=(other,) * (ELSEWHERE_MAX + 2)))
    assert GREEN in text
    assert text.count('href="?start=1970-01-01T00:00:00Z&amp;end=1970-01-01T00:01:00Z">slow</a> (firing)') == ELSEWHERE_MAX
    assert ", and 2 more" in text
    assert '<p id="alerts">' in text


def test_alerts_are_bounded_and_texts_of_strangers_are_texts() -> None:
    evil = replace(SLOW, rule=HOSTILE, summary=HOSTILE, evidence=(Evidence(HOSTILE, "null_share", 1.0),))
    text = page_of(seen_of(*[evil] * (ALERTS_SHOWN_MAX + 1), elsewhere=(evil,)))
    assert "<script" not in text
    assert f"The first {ALERTS_SHOWN_MAX} of {ALERTS_SHOWN_MAX + 1} alerts" in text


@pytest.mark.parametrize(("wider_us", "says"), [(0, False), (MINUTE_US - 1, False), (2 * MINUTE_US, True)])
def test_only_a_span_that_is_widened_noticeably_says_so(wider_us: int, says: bool) -> None:
    for span in (
        Span(start_us=WINDOW.start_us + wider_us, end_us=WINDOW.end_us),
        Span(start_us=WINDOW.start_us, end_us=WINDOW.end_us - wider_us),
        Span(end_us=WINDOW.end_us - wider_us),
    ):
        assert ("Widened" in page_of(seen_of(span=span))) == says


def test_an_empty_window_leads_to_rows() -> None:
    empty = seen_of(rows=TABLE.slice(0, 0))
    text = page_of(empty)
    assert "No row in this span. The newest row is of " in text
    assert '2023-11-14 22:13:15</time> UTC, and the last rows came at <time datetime="2023-11-14T22:13:20Z">' in text
    assert '<a href="?window=1h">the last hour that has rows</a>' in text
    none = replace(empty, totals=replace(TOTALS, watermark_us=None, last_arrival_us=None))
    assert "No row has been counted yet" in page_of(none)


def test_a_silence_says_when_the_newest_row_was_though_the_window_has_rows() -> None:
    assert "The newest row is of" not in page_of(seen_of(SLOW))
    silence = replace(
        SLOW, event="no-data", summary="no row has come for 1h on m", evidence=(Evidence("", "silent_seconds", 3600.0),)
    )
    text = page_of(seen_of(silence))
    assert "The newest row is of" in text
    assert "No row in this span" not in text
