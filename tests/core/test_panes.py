"""Event time: panes nest, age behind the watermark, and windows are made of whole ones."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.building import ALL, NOW_US, feed, frames, reference_of

from driftline_core.engine import Engine, EngineSettings, HourClosed, Span
from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US, SECOND_US, Ruler, floor, ruler_of

RULER = Ruler()
TABLE = pa.table({"x": [0.0, 1.0]})
moments = st.integers(NOW_US - 30 * DAY_US, NOW_US + 4 * MINUTE_US)


@given(at=moments, watermark=moments, later=st.integers(0, 10 * HOUR_US))
def test_a_pane_lies_in_exactly_one_pane_of_any_later_watermark(at: int, watermark: int, later: int) -> None:
    young, old = RULER.pane(at, watermark), RULER.pane(at, watermark + later)
    assert young.start_us <= at < young.end_us
    assert old.start_us <= young.start_us
    assert young.end_us <= old.end_us


@given(times=st.lists(moments, min_size=1, max_size=40), watermark=moments)
def test_panes_of_many_times_are_those_of_each(times: list[int], watermark: int) -> None:
    starts = RULER.starts(np.array(times), watermark)
    assert starts.tolist() == [RULER.pane(at, watermark).start_us for at in times]


@given(at=moments, watermark=moments, ages=st.tuples(st.integers(1, 300), st.integers(1, 300)))
def test_panes_nest_whatever_their_ages(at: int, watermark: int, ages: tuple[int, int]) -> None:
    ruler = ruler_of(HOUR_US, *(age * MINUTE_US for age in ages))
    young, old = ruler.pane(at, watermark), ruler.pane(at, watermark + 10 * HOUR_US)
    assert old.start_us <= young.start_us <= at < young.end_us <= old.end_us
    is_minute = at >= watermark - ages[0] * MINUTE_US
    assert young.width_us == MINUTE_US or not is_minute


def timed(times: list[int]) -> list[pa.RecordBatch]:
    stamps = pa.array(times, pa.timestamp("us", "UTC"))
    return [pa.record_batch({"x": pa.array([float(i % 2) for i in range(len(times))]), "timestamp": stamps})]


def engine_of(reference) -> Engine:
    engine = Engine()
    engine.create("u", reference)
    return engine


@settings(max_examples=50, deadline=None)
@given(times=st.lists(moments, min_size=1, max_size=60), cut=st.integers(0, 60), start=moments, length=st.integers(1, 3 * DAY_US))
def test_a_window_holds_the_rows_of_its_span_in_whatever_order_they_came(
    times: list[int], cut: int, start: int, length: int
) -> None:
    reference = reference_of(TABLE)
    one, two = engine_of(reference), engine_of(reference)
    feed(one, "u", reference, timed(times))
    for part in (times[cut:], times[:cut]):
        if part:
            feed(two, "u", reference, timed(part[::-1]))
    for engine in (one, two):
        window = engine.window("u", Span(start_us=start, end_us=start + length), NOW_US)
        assert window.start_us <= start
        assert window.end_us >= start + length
        assert window.profile.rows == sum(window.start_us <= at < window.end_us for at in times)
        assert engine.window("u", ALL, NOW_US).profile.rows == len(times)


def test_a_window_ends_at_the_pane_boundary_after_the_newest_row() -> None:
    reference = reference_of(TABLE)
    engine = engine_of(reference)
    newest = floor(NOW_US, MINUTE_US) + 20 * SECOND_US
    feed(engine, "u", reference, timed([newest, newest - 5 * MINUTE_US, newest - 61 * MINUTE_US]))
    window = engine.window("u", Span(window_us=10 * MINUTE_US), NOW_US)
    assert (window.end_us, window.end_us - window.start_us) == (newest + 40 * SECOND_US, 10 * MINUTE_US)
    assert window.profile.rows == 2


def test_rows_from_the_future_and_from_beyond_retention_are_counted_apart() -> None:
    reference = reference_of(TABLE)
    engine = engine_of(reference)
    edge, old = NOW_US + 5 * MINUTE_US, NOW_US - 400 * DAY_US
    feed(engine, "u", reference, timed([edge, edge + 1, old, old - 1, NOW_US]))
    totals = engine.totals("u")
    assert (totals.rows, totals.future_rows, totals.expired_rows, totals.watermark_us) == (3, 1, 1, edge)


def test_rows_without_a_time_are_counted_at_their_arrival() -> None:
    reference = reference_of(TABLE)
    engine = engine_of(reference)
    stamps = pa.array([None, NOW_US - HOUR_US], pa.timestamp("us"))
    feed(engine, "u", reference, [pa.record_batch({"x": [0.0, 1.0], "timestamp": stamps})])
    assert engine.window("u", Span(window_us=MINUTE_US), NOW_US).profile.rows == 1
    assert engine.totals("u").watermark_us == NOW_US


def closed(engine: Engine, now_us: int) -> list[tuple[int, int, int]]:
    return [
        (e.start_us, e.revision, sum(p.rows for p in e.profiles.values()))
        for e in engine.advance(now_us)
        if isinstance(e, HourClosed)
    ]


def test_an_hour_closes_once_by_watermark_or_by_clock_and_again_after_late_rows() -> None:
    reference = reference_of(TABLE)
    engine = engine_of(reference)
    hour = floor(NOW_US, HOUR_US)
    late = hour + HOUR_US + 10 * MINUTE_US
    feed(engine, "u", reference, timed([hour + 5]), at_us=hour + 5)
    assert closed(engine, hour + HOUR_US + 5 * MINUTE_US - 1) == []
    assert closed(engine, hour + HOUR_US + 5 * MINUTE_US) == [(hour, 1, 1)]
    assert closed(engine, late) == []
    feed(engine, "u", reference, timed([hour + 6, hour + 7]), at_us=late)
    assert closed(engine, late + 4 * SECOND_US) == []  # more may be on their way
    assert closed(engine, late + 5 * SECOND_US) == [(hour, 2, 3)]
    feed(engine, "u", reference, timed([hour + 8]), at_us=late + 6 * SECOND_US)
    assert closed(engine, late + 14 * SECOND_US) == []  # restated at most every ten seconds
    assert closed(engine, late + 15 * SECOND_US) == [(hour, 3, 4)]


def test_late_rows_that_never_stop_are_told_every_ten_minutes() -> None:
    reference = reference_of(TABLE)
    engine = engine_of(reference)
    hour = floor(NOW_US, HOUR_US)
    start = hour + 3 * HOUR_US
    feed(engine, "u", reference, timed([start]), at_us=start)
    told = []
    for second in range(1, 1_261):
        feed(engine, "u", reference, timed([hour + second]), at_us=start + second * SECOND_US)
        told += closed(engine, start + second * SECOND_US)
    assert told == [(hour, 1, 601), (hour, 2, 1202)]


def test_a_back_fill_in_any_order_is_one_revision_an_hour() -> None:
    reference = reference_of(TABLE)
    engine = Engine(EngineSettings(has_store=True))
    start = floor(NOW_US, HOUR_US)
    engine.create("u", reference, now_us=start)
    hours = [start - back * HOUR_US for back in range(2, 102)]
    feed(engine, "u", reference, timed([start]), at_us=start)
    told, fetched = [], 0
    for second in range(120):
        rows = timed([hour + second for hour in random.Random(second).sample(hours, 60)])
        for frame in frames("u", reference, rows, at_us=start + second * SECOND_US):
            fetched += len(engine.absent(frame))
            engine.feed(frame)
        told += stored(engine, start + second * SECOND_US)
    assert told == []
    told += stored(engine, start + 130 * SECOND_US)
    assert (sorted(hour for hour, *_ in told), {revision for _, revision, _ in told}) == (sorted(hours), {1})
    assert sum(rows for *_, rows in told) == 120 * 60
    assert fetched <= len(hours)  # each once, to see whether it was stored


def test_an_hour_stays_in_memory_while_late_rows_come_for_it() -> None:
    reference = reference_of(TABLE)
    engine = Engine(EngineSettings(has_store=True))
    start = floor(NOW_US, HOUR_US)
    engine.create("u", reference, now_us=start)
    feed(engine, "u", reference, timed([start - 5 * HOUR_US, start]), at_us=start)
    assert [hour for hour, *_ in stored(engine, start + 10 * SECOND_US)] == [start - 5 * HOUR_US]
    late = frames("u", reference, timed([start - 5 * HOUR_US]), at_us=start + 11 * SECOND_US)[0]
    assert engine.absent(late) == []
    stored(engine, start + 70 * SECOND_US)
    assert engine.absent(late) == [start - 5 * HOUR_US]


def stored(engine: Engine, now_us: int) -> list[tuple[int, int, int]]:
    """As closed(), of all hours with rows, which are stored at once."""
    told = engine.advance(now_us, 1_000)
    engine.saved(told)
    engine.advance(now_us)
    return [(each.start_us, each.revision, sum(p.rows for p in each.profiles.values())) for each in told if each.has_rows]


def test_an_hour_closes_early_when_the_watermark_is_past_it() -> None:
    reference = reference_of(TABLE)
    engine = engine_of(reference)
    hour = floor(NOW_US, HOUR_US)
    for at in (hour - 30 * MINUTE_US, hour + 5 * MINUTE_US):
        feed(engine, "u", reference, timed([at]), at_us=hour + MINUTE_US)
    assert closed(engine, hour + MINUTE_US) == [(hour - HOUR_US, 1, 1)]


@pytest.mark.parametrize("is_stored", [False, True])
def test_a_span_is_widened_to_what_was_kept_under_other_settings(is_stored: bool) -> None:
    reference = reference_of(TABLE)
    engine = Engine(EngineSettings(has_store=True))
    newest = floor(NOW_US, HOUR_US) + 30 * MINUTE_US
    engine.create("u", reference, now_us=newest)
    feed(engine, "u", reference, timed([newest - back * MINUTE_US for back in range(360)]))
    if is_stored:
        stored(engine, NOW_US + HOUR_US)
        stored(engine, NOW_US + 2 * HOUR_US)
    position, saved = engine.save("u")
    finer = Engine(EngineSettings(has_store=True, ruler=ruler_of(HOUR_US, 1_440 * MINUTE_US, 1_440 * MINUTE_US)))
    finer.load("u", saved, position)
    live = finer.live("u", Span(start_us=newest - 200 * MINUTE_US, end_us=newest - 190 * MINUTE_US), NOW_US)
    hour = floor(newest - 200 * MINUTE_US, HOUR_US)
    assert (live.start_us, live.end_us) == (hour, hour + HOUR_US)
    assert sum(profile.rows for profile in live.profiles.values()) == (0 if is_stored else 60)  # the store has them


def test_a_new_reference_is_reported_and_the_rows_under_others_are_told() -> None:
    first, second = reference_of(TABLE), reference_of(pa.table({"x": [5.0, 6.0]}), version=2)
    engine = engine_of(first)
    feed(engine, "u", first, timed([NOW_US] * 3))
    engine.set_reference("u", second)
    before = engine.window("u", Span(window_us=HOUR_US), NOW_US)
    assert (before.reference.version, before.profile.rows, before.rows_other_reference) == (1, 3, 0)
    feed(engine, "u", second, timed([NOW_US] * 2))
    after = engine.window("u", Span(window_us=HOUR_US), NOW_US)
    assert (after.reference.version, after.profile.rows, after.rows_other_reference) == (2, 2, 3)


def test_memory_is_bounded_by_time_and_not_by_rows() -> None:
    reference = reference_of(TABLE)
    engine = engine_of(reference)
    for step in range(600):
        at = NOW_US + step * MINUTE_US
        feed(engine, "u", reference, timed([at]), at_us=at)
    panes = engine._endpoints["u"].panes
    assert all(len(panes[width]) <= most for width, most in ((MINUTE_US, 15), (5 * MINUTE_US, 36), (HOUR_US, 11)))
    engine.advance(NOW_US + 500 * DAY_US)
    assert not any(panes.values())


def test_a_span_that_ends_before_the_first_row_holds_none() -> None:
    reference = reference_of(TABLE)
    engine = engine_of(reference)
    feed(engine, "u", reference, timed([NOW_US]))
    window = engine.window("u", Span(end_us=NOW_US - DAY_US), NOW_US)
    assert (window.profile.rows, window.end_us <= NOW_US - DAY_US + HOUR_US) == (0, True)
