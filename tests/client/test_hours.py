"""A history as the client asks for it, and as it hands it over."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from driftline import InvalidInput, hours
from driftline_proto.v1 import metrics_pb2 as pb
from driftline_proto.v1 import schema_pb2

DAY_US = 86_400_000_000
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOON_US = 1_769_860_800_000_000


@pytest.mark.parametrize("since", ["1d", "24h", timedelta(days=1), 86_400, 86_400.0])
def test_a_duration_is_back_from_now_or_from_until(since: str | timedelta | float) -> None:
    assert hours.span_us(since, None, NOON_US) == (NOON_US - DAY_US, None)
    assert hours.span_us(since, NOON - timedelta(days=3), NOON_US) == (NOON_US - 4 * DAY_US, NOON_US - 3 * DAY_US)


@pytest.mark.parametrize("since", ["2026-01-31T12:00:00", "2026-01-31T13:00:00+01:00", "2026-01-31 12:00Z", NOON])
def test_an_instant_is_itself(since: str | datetime) -> None:
    assert hours.span_us(since, None, 0) == (NOON_US, None)


def test_a_date_is_its_midnight_and_nothing_is_all() -> None:
    assert hours.span_us(date(2026, 1, 31), None, 0) == (NOON_US - DAY_US // 2, None)
    assert hours.span_us(None, None, 0) == (None, None)


@pytest.mark.parametrize("since", ["yesterday", "", "7", "-7d", "d", True, 0, float("nan"), 10**30, "9" * 400 + "d", timedelta.max])
def test_what_is_neither_is_refused_in_the_clients_words(since: object) -> None:
    with pytest.raises(InvalidInput):
        hours.span_us(since, None, 0)


@pytest.mark.parametrize("since", ["tomorrow", "yesterday", "midnights", "last week", "-7d", ""])
def test_text_that_is_neither_is_told_of_both(since: str) -> None:
    with pytest.raises(InvalidInput, match="is neither a duration, as 7d, nor an instant, as 2026-01-31T12:00:00Z"):
        hours.span_us(since, None, 0)


def test_a_duration_that_cannot_be_meant_is_told_as_one() -> None:
    with pytest.raises(InvalidInput, match="'7x d' is no duration"):
        hours.span_us("7x d", None, 0)


@pytest.mark.parametrize(("since", "unit"), [("1h1h", "h"), ("1d2h1d", "d")])
def test_a_unit_that_stands_twice_is_a_slip(since: str, unit: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{since}' has {unit} twice; write each unit once, as 1h30m"):
        hours.span_us(since, None, NOON_US)


def test_unknown_revisions_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidInput, match="revisions: 'old' is neither 'newest' nor 'all'"):
        hours.request("m", metric="drift", column=None, since_us=0, until_us=None, revisions="old")


def test_a_question_says_only_what_was_asked() -> None:
    asked = hours.request("m", metric="rows", column=None, since_us=0, until_us=None, revisions="newest")
    assert asked == pb.GetHistoryRequest(endpoint="m", metric="rows", since_us=0, revisions=pb.REVISIONS_NEWEST)
    assert not asked.HasField("until_us")


def test_an_answer_is_a_table_with_aware_times() -> None:
    points = [
        pb.HistoryPoint(start_us=0, end_us=3600_000_000, revision=2, rows=9, value=0.5, status=schema_pb2.STATUS_POTENTIAL),
        pb.HistoryPoint(start_us=3600_000_000, end_us=7200_000_000, revision=1, rows=0, value=1.5),
    ]
    made = hours.hours_from(pb.GetHistoryResponse(endpoint="a/b/c:d", metric="mean", column="x", points=points))
    assert made.to_pylist() == [
        {
            "start": datetime(1970, 1, 1, tzinfo=UTC),
            "end": datetime(1970, 1, 1, 1, tzinfo=UTC),
            "revision": 2,
            "rows": 9,
            "value": 0.5,
            "status": "potential",
        },
        {
            "start": datetime(1970, 1, 1, 1, tzinfo=UTC),
            "end": datetime(1970, 1, 1, 2, tzinfo=UTC),
            "revision": 1,
            "rows": 0,
            "value": 1.5,
            "status": None,
        },
    ]
    assert made.schema.field("start").type == pa.timestamp("us", tz="UTC")
    assert made.schema.metadata == {b"endpoint": b"a/b/c:d", b"metric": b"mean", b"column": b"x"}
    assert hours.hours_from(pb.GetHistoryResponse()).num_rows == 0
