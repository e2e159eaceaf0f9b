"""What is not kept is named: hour by hour what was counted beside what is there, for the reason that holds."""

import pytest
from tests.server.archive.test_crashes import REGISTRATION

from driftline_core.panes import DAY_US, HOUR_US
from driftline_server.archive.kept import Gap, Reasons, gaps, share_of
from driftline_server.archive.policy import Policy

NOW_US = 100 * DAY_US


def found(counted: dict[int, int], kept: dict[int, int], policy: Policy) -> list[tuple[int, int, int, int, str]]:
    """Gaps as (first hour, hours, counted, kept, setting); hours are counted back from now."""
    at = lambda hours: {NOW_US - back * HOUR_US: rows for back, rows in hours.items()}  # noqa: E731
    reasons = Reasons(REGISTRATION, policy, HOUR_US, NOW_US, has_dropped=lambda hour: True)
    made = gaps(at(counted), at(kept), policy.share_of(REGISTRATION) or 1.0, reasons)
    return [((NOW_US - g.start_us) // HOUR_US, (g.end_us - g.start_us) // HOUR_US, g.counted, g.kept, g.setting) for g in made]


def test_hours_that_are_whole_or_had_no_rows_are_no_gap() -> None:
    assert found({3: 10, 1: 5}, {3: 10, 1: 5}, Policy("on")) == []
    assert found({}, {2: 7}, Policy("on")) == []


def test_hours_in_a_row_are_one_gap_and_others_are_their_own() -> None:
    counted = {9: 10, 8: 10, 7: 10, 5: 10, 4: 10}
    assert found(counted, {8: 3, 5: 10}, Policy("on")) == [
        (9, 3, 30, 3, "journal_bytes_max"),
        (4, 1, 10, 0, "journal_bytes_max"),
    ]


@pytest.mark.parametrize(
    ("policy", "setting"), [(Policy("off"), "archive"), (Policy("auto"), "archive"), (Policy("on", 0.0), "archive")]
)
def test_where_nothing_is_archived_that_is_the_reason(policy: Policy, setting: str) -> None:
    assert found({5: 10}, {}, policy) == [(5, 1, 10, 0, setting)]


def test_an_hour_is_of_age_when_it_ended_archive_days_ago() -> None:
    policy = Policy("on", days=2)
    assert found({49: 10, 48: 10}, {}, policy) == [(49, 1, 10, 0, "archive_days"), (48, 1, 10, 0, "journal_bytes_max")]


def test_a_sample_may_fall_short_by_chance_and_not_by_more() -> None:
    assert found({5: 10_000}, {5: 9_00}, Policy("on", 0.1)) == []
    assert found({5: 10_000}, {5: 700}, Policy("on", 0.1)) == [(5, 1, 10_000, 700, "journal_bytes_max")]


def test_hours_of_which_more_is_kept_than_the_share_are_told_unless_all_is() -> None:
    counted = {5: 10_000, 4: 10_000, 3: 10_000}
    assert found(counted, {5: 10_000, 4: 1_000, 3: 7_700}, Policy("on", 0.1)) == [
        (5, 1, 10_000, 10_000, "archive_share"),
        (3, 1, 10_000, 7_700, "archive_share"),
    ]
    assert found({5: 100}, {5: 130}, Policy("on")) == []
    assert share_of(counted, {5: 10_000, 4: 1_000, 3: 7_700}, 0.1) == 0.1
    assert share_of(counted, counted, 0.1) == 1.0


def test_a_gap_says_what_to_set() -> None:
    reasons = Reasons(REGISTRATION, Policy("on", days=2), HOUR_US, NOW_US, has_dropped=lambda hour: True)
    (gap,) = gaps({0: 10}, {}, 1.0, reasons)
    assert gap == Gap(0, HOUR_US, 10, 0, "archive_days", "rows are kept for 2 days: set archive_days higher")


def test_what_was_dropped_in_no_known_way_is_not_laid_upon_the_journal_s_size() -> None:
    (gap,) = gaps({0: 10}, {}, 1.0, Reasons(REGISTRATION, Policy("on"), HOUR_US, HOUR_US, has_dropped=lambda hour: False))
    assert (gap.setting, gap.remedy.startswith("what comes now is kept")) == ("archive", True)
