"""Rises of counters over a window."""

from hypothesis import given
from hypothesis import strategies as st
from tests.core.alerts.looking import SECOND

from driftline_core.alerts import Rises
from driftline_core.alerts.rises import POINTS_MAX


def test_a_rise_is_what_came_within_the_window() -> None:
    rises = Rises(window_us=10 * SECOND)
    said = [rises.update(at * SECOND, total) for at, total in ((0, 100), (5, 103), (5, 104), (14, 104), (16, 104), (17, 110))]
    assert said == [0, 3, 4, 4, 0, 6]


def test_points_are_bounded_however_often_it_is_looked_at() -> None:
    rises = Rises(window_us=10 * SECOND)
    for at in range(100_000):
        rises.update(at * 1000, at)
    assert len(rises._points) <= POINTS_MAX + 2


@given(st.lists(st.tuples(st.integers(0, 4 * SECOND), st.integers(0, 9)), max_size=50))
def test_no_recent_rise_is_left_out_and_an_old_one_only_for_a_moment(steps: list[tuple[int, int]]) -> None:
    rises, window_us = Rises(window_us=10 * SECOND), 10 * SECOND
    at, total, seen = 0, 0, []
    for lapse, rise in steps:
        at, total = at + lapse, total + rise
        seen.append((at, rise if seen else 0))
        said = rises.update(at, total)
        slack = window_us // POINTS_MAX
        least = sum(each for when, each in seen if when > at - window_us)
        most = sum(each for when, each in seen if when > at - window_us - slack)
        assert least <= said <= most
