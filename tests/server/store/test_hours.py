"""Hours come back as they were saved, however often and in whatever order."""

import math
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.store.building import HOUR_US, endpoint, hour, measures, report

from driftline_core.drift import Status
from driftline_core.errors import InvalidInput, NotFound
from driftline_server.store import Hour, Point, Store, StoredHour
from driftline_server.store.hours import REVISIONS_MAX
from driftline_server.store.measures import COLUMN_METRICS

ALWAYS = {"since_us": -(2**61), "until_us": 2**61}


def stored(at: int, revision: int, through: int, uid: str = "u") -> StoredHour:
    """What `hour(at, ...)` is stored as."""
    return StoredHour(at * HOUR_US, (at + 1) * HOUR_US, revision, through, f"{uid}/{at}/{revision}/{through}".encode())


def everything(store: Store, uid: str = "u") -> list[tuple[object, ...]]:
    """All that is stored of an endpoint's hours, without the numbers of rows."""
    rows = store.connection.execute(
        "SELECT h.start_us, h.revision, h.end_us, h.rows, h.drift, h.status, h.through, h.closed_us, h.profile, "
        "(SELECT group_concat(d.name || ' ' || c.rows || ' ' || c.drift) FROM hour_columns c JOIN columns d ON d.id = c.column_id "
        "WHERE c.hour_id = h.id) FROM hours h WHERE h.endpoint_id = (SELECT id FROM endpoints WHERE uid = ?) "
        "ORDER BY h.start_us, h.revision",
        (uid,),
    )
    return rows.fetchall()


def test_an_hour_comes_back_whole(store: Store) -> None:
    store.save_hours([hour(5, rows=100, revision=1, through=9)])
    assert store.reader.hour("u", 5 * HOUR_US) == stored(5, 1, 9)
    assert list(store.reader.newest("u", 5 * HOUR_US, 6 * HOUR_US)) == [stored(5, 1, 9)]
    assert store.reader.hour("u", 6 * HOUR_US) is None
    said = report(100)
    assert store.reader.history("u", "drift", None, **ALWAYS) == [Point(5 * HOUR_US, 6 * HOUR_US, 1, 100, said.drift, said.status)]


@pytest.mark.parametrize("metric", COLUMN_METRICS)
@pytest.mark.parametrize("column", ["amount", "country", "score", "truth"])
def test_every_measure_of_every_column_comes_back_bit_for_bit(store: Store, metric: str, column: str) -> None:
    store.save_hours([hour(5, rows=60)])
    (point,) = store.reader.history("u", metric, column, **ALWAYS)
    expected = measures(60, column)[metric]
    assert point.value == expected or (math.isnan(point.value) and math.isnan(expected))
    (said,) = [each for each in report(60).columns if each.column.name == column]
    assert (point.rows, point.status) == (60, said.status)
    assert (point.status is None) == (column == "truth")


def test_an_hour_without_rows_is_one_row_and_a_point_of_every_history(store: Store) -> None:
    store.save_hours([hour(5, rows=0)])
    assert store.reader.hour("u", 5 * HOUR_US) == StoredHour(5 * HOUR_US, 6 * HOUR_US, 1, 0, None)
    assert store.connection.execute("SELECT count(*) FROM hour_columns").fetchone() == (0,)
    for metric, column in (("drift", None), ("drift", "amount"), ("nulls", "amount"), ("rows", None)):
        (point,) = store.reader.history("u", metric, column, **ALWAYS)
        assert (point.rows, point.status) == (0, Status.INSUFFICIENT_DATA)
        assert point.value == 0 if metric in ("nulls", "rows") else math.isnan(point.value)


def test_saving_again_after_a_crash_changes_nothing(store: Store) -> None:
    hours = [hour(at, revision=2, through=4) for at in range(3)]
    store.save_hours(hours)
    before = everything(store)
    store.save_hours(hours)
    assert everything(store) == before


def test_a_higher_revision_holds_and_the_older_one_stays_in_the_history(store: Store) -> None:
    store.save_hours([hour(5, rows=100, revision=1, through=3)])
    store.save_hours([hour(5, rows=150, revision=2, through=8)])
    assert store.reader.hour("u", 5 * HOUR_US) == stored(5, 2, 8)
    newest = store.reader.history("u", "rows", None, **ALWAYS)
    assert [(point.revision, point.value) for point in newest] == [(2, 150)]
    every = store.reader.history("u", "rows", "amount", **ALWAYS, revisions="all")
    assert [(point.revision, point.value) for point in every] == [(1, 100), (2, 150)]
    assert store.connection.execute("SELECT revision FROM hours WHERE profile IS NOT NULL").fetchall() == [(2,)]


@pytest.mark.parametrize("late", [hour(5, revision=1, through=3), hour(5, revision=3, through=7), hour(5, revision=2, through=7)])
def test_neither_an_older_revision_nor_one_that_covers_less_overwrites(store: Store, late: Hour) -> None:
    store.save_hours([hour(5, revision=2, through=8)])
    store.save_hours([late])
    assert store.reader.hour("u", 5 * HOUR_US) == stored(5, 2, 8)


REVISIONS = st.lists(
    st.builds(hour, st.integers(0, 2), rows=st.sampled_from([0, 60, 100]), revision=st.integers(1, 5), through=st.integers(0, 5)),
    max_size=12,
    unique_by=lambda each: (each.start_us, each.revision, each.through),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for many endpoints, quick because it need not survive a power loss."""
    opened = Store.open(tmp_path_factory.mktemp("data"))
    opened.connection.execute("PRAGMA synchronous = OFF")
    yield opened
    opened.close()


NUMBERS = count()


@given(REVISIONS, st.data())
@settings(max_examples=200, deadline=None)
def test_any_order_of_saves_ends_equal(shared: Store, hours: list[Hour], data: st.DataObject) -> None:
    ends = []
    for order in (hours, data.draw(st.permutations(hours))):
        uid = str(next(NUMBERS))
        shared.save_endpoint(endpoint(uid, f"order{uid}/f/m:1"))
        split = data.draw(st.integers(0, len(order)))
        for part in (order[:split], order[split:]):
            shared.save_hours([replace(each, uid=uid) for each in part])
        ends.append(everything(shared, uid))
    assert ends[0] == ends[1]


def test_revisions_of_an_hour_are_bounded_the_first_and_the_newest_stay(store: Store) -> None:
    for revision in range(1, 3 * REVISIONS_MAX):
        store.save_hours([hour(5, revision=revision, through=revision)])
    kept = [point.revision for point in store.reader.history("u", "drift", None, **ALWAYS, revisions="all")]
    assert kept == [1, *range(2 * REVISIONS_MAX + 1, 3 * REVISIONS_MAX)]
    assert len(kept) == REVISIONS_MAX
    columns = store.connection.execute("SELECT count(*) FROM hour_columns").fetchone()
    assert columns == (4 * REVISIONS_MAX,)


def test_history_is_of_the_hours_that_begin_in_the_span(store: Store) -> None:
    store.save_hours([hour(at) for at in range(10)])
    points = store.reader.history("u", "drift", None, since_us=3 * HOUR_US, until_us=6 * HOUR_US)
    assert [point.start_us // HOUR_US for point in points] == [3, 4, 5]
    assert (store.reader.oldest_us("u"), store.reader.oldest_us("w")) == (0, None)


def test_newest_reads_any_span_in_order(store: Store) -> None:
    store.save_hours([hour(at, revision=1 + at % 2, through=at) for at in range(600)])
    assert list(store.reader.newest("u", 0, 600 * HOUR_US)) == [stored(at, 1 + at % 2, at) for at in range(600)]


def test_what_is_unknown_is_named_with_what_is_known(store: Store) -> None:
    with pytest.raises(
        InvalidInput, match=r"no metric 'tdv'; there are rows, rows_other_reference, drift, and of one column .*tvd"
    ):
        store.reader.history("u", "tdv", None, **ALWAYS)
    with pytest.raises(InvalidInput, match="'amount' out"):
        store.reader.history("u", "rows_other_reference", "amount", **ALWAYS)
    with pytest.raises(InvalidInput, match=r"tvd is a metric of one column, .*; name it: --column COL"):
        store.reader.history("u", "tvd", None, **ALWAYS)
    with pytest.raises(InvalidInput, match=r"no metric 'x; DROP TABLE hours'; there are .*hellinger"):
        store.reader.history("u", "x; DROP TABLE hours", "amount", **ALWAYS)
    with pytest.raises(NotFound, match="no column 'nope'; there are amount, country, score, truth"):
        store.reader.history("u", "drift", "nope", **ALWAYS)
    with pytest.raises(NotFound, match="no endpoint has uid 'w'"):
        store.save_hours([hour(1, uid="w")])
    assert store.reader.history("w", "drift", None, **ALWAYS) == []


def test_a_save_that_fails_saves_nothing(store: Store) -> None:
    with pytest.raises(NotFound):
        store.save_hours([hour(1), hour(2, uid="w")])
    assert everything(store) == []


def test_hours_expire_with_their_columns(store: Store) -> None:
    store.save_hours([hour(at, revision=revision, through=revision) for at in range(10) for revision in (1, 2)])
    assert store.expire(4 * HOUR_US, hours_max=5) == 5
    assert store.expire(4 * HOUR_US) == 3
    assert [each.start_us // HOUR_US for each in store.reader.newest("u", 0, 2**61)] == list(range(4, 10))
    assert store.connection.execute("SELECT count(*) FROM hour_columns").fetchone() == (6 * 2 * 4,)
    assert store.expire(4 * HOUR_US) == 0


def test_progress_only_rises_and_is_saved_with_the_hours(store: Store) -> None:
    assert store.reader.closed_until_us() == {}
    store.save_hours([hour(1)], closed_until_us={"u": 2 * HOUR_US})
    store.save_hours([], closed_until_us={"u": HOUR_US})
    assert store.reader.closed_until_us() == {"u": 2 * HOUR_US}


def test_the_reader_sees_only_what_is_committed(store: Store) -> None:
    with store.atomic():
        store.save_hours([hour(5)])
        assert store.reader.hour("u", 5 * HOUR_US) is None
    assert store.reader.hour("u", 5 * HOUR_US) == stored(5, 1, 0)


def test_readers_never_hold_the_writer_up(store: Store, tmp_path: Path) -> None:
    store.save_hours([hour(5)])
    reading = sqlite3.connect(f"{(tmp_path / 'data' / 'driftline.sqlite').as_uri()}?mode=ro", uri=True)
    reading.execute("BEGIN")
    assert reading.execute("SELECT count(*) FROM hours").fetchone() == (1,)
    store.save_hours([hour(6)])
    assert reading.execute("SELECT count(*) FROM hours").fetchone() == (1,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reading.execute("DELETE FROM hours")
    reading.close()
    assert len(list(store.reader.newest("u", 0, 2**61))) == 2
