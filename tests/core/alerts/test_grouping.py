"""What is told together, and when."""

from tests.core.alerts.looking import SECOND, metric

from driftline_core.alerts import Board, Notification, Observation, Rule, groups
from driftline_core.alerts.grouping import Gathering
from driftline_core.alerts.rises import Rises

SLOW = Rule("slow", metric="latency_p99", above=0.2)


def told(endpoint: str, *, rule: Rule = SLOW) -> Notification:
    seen = metric("latency_p99", 0.5)
    (only,) = Board([rule]).evaluate(Observation(endpoint, 0, window_us=seen.window_us, metrics=seen.metrics)).notifications
    return only


def test_a_group_is_a_rule_on_an_endpoint() -> None:
    all_told = [told("a"), told("b"), told("a"), told("a", rule=Rule("other", metric="latency_p99", above=0.1))]
    assert [len(members) for members in groups(all_told).values()] == [2, 1, 1]


def test_the_first_of_a_group_goes_at_once_and_later_ones_are_gathered() -> None:
    gathering, one = Gathering(interval_us=30 * SECOND), told("a")
    released = [gathering.place(one, at * SECOND).release_us // SECOND for at in (0, 0, 1, 20, 30, 31, 59, 60, 200)]
    assert released == [0, 0, 30, 30, 30, 60, 60, 60, 200]


def test_a_storm_of_one_rule_makes_few_messages_and_loses_none() -> None:
    gathering = Gathering(groups_max=20)
    places = [
        gathering.place(told_of, i * SECOND // 200)
        for i, told_of in enumerate([told("a")] * 0 + [told(f"e{i}") for i in range(500)])
    ]
    assert len(set(places)) <= 22
    assert len(places) == 500
    gathering.expire(3600 * SECOND)
    assert (gathering.released_us, gathering.begun_us) == ({}, {})


def test_a_rise_is_what_came_within_the_window() -> None:
    rises = Rises(window_us=10 * SECOND)
    said = [rises.update(at * SECOND, total) for at, total in ((0, 100), (5, 103), (5, 104), (14, 104), (16, 104), (17, 110))]
    assert said == [0, 3, 4, 4, 0, 6]
    for at in range(100_000):
        rises.update(17 * SECOND + at * 1000, 110 + at)
    assert len(rises._points) <= 1002
