"""Laws of the demo's script: everybody once, in time, and faults only where they are announced."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from driftline.cli import census, story
from driftline.cli.incident import FAULTS, ages_in_months, faults_at, never_married_not_sent

UNTIL = datetime(2026, 3, 29, 1, 58, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def people() -> dict[int, pa.Table]:
    return census.people()


@pytest.fixture(scope="module")
def steps(people: dict[int, pa.Table]) -> list[story.Step]:
    return list(story.steps(people, until=UNTIL))


def test_the_people_are_the_census(people: dict[int, pa.Table]) -> None:
    assert {year: rows.num_rows for year, rows in people.items()} == {2016: 69_126, 2017: 69_635, 2018: 70_131}
    assert census.reference().num_rows == 68_785
    assert set(people[2016].column_names) == set(census.MEANING)


def test_everybody_is_sent_once_and_the_last_year_starts_again(people: dict[int, pa.Table], steps: list[story.Step]) -> None:
    for year, rows in people.items():
        assert pa.concat_tables([step.rows for step in steps if step.chapter == str(year)]).equals(rows)
    again = [sum(step.rows.num_rows for step in steps if step.chapter == chapter) for chapter in ("incident", "mended")]
    assert min(again) > 0
    assert sum(again) < people[2018].num_rows
    assert sum(step.rows.num_rows for step in steps) == story.rows_of(people)


def test_time_runs_on_without_a_gap_and_ends_at_the_last_five_minutes(steps: list[story.Step]) -> None:
    assert all(one.end == next_.start for one, next_ in pairwise(steps))
    assert steps[-1].end == datetime(2026, 3, 29, 1, 55, tzinfo=UTC)
    assert steps[-1].end - steps[0].start == story.YEAR * 3 + story.INCIDENT + story.REPAIRED


def test_event_times_are_even_inside_their_step(steps: list[story.Step]) -> None:
    times = np.concatenate([step.times().to_numpy(zero_copy_only=False) for step in steps])
    assert (np.diff(times) > np.timedelta64(0)).all()
    for step in steps:
        first, last = step.times()[0].as_py(), step.times()[-1].as_py()
        assert step.start == first
        assert last < step.end


def test_an_hour_holds_a_sensible_number_of_rows(steps: list[story.Step]) -> None:
    for step in steps:
        an_hour = step.rows.num_rows * (timedelta(hours=1) / (step.end - step.start))
        assert 8_000 < an_hour < 9_500


def test_faults_come_one_after_another_and_only_in_the_incident(steps: list[story.Step]) -> None:
    assert {step.faults for step in steps if step.chapter != "incident"} == {()}
    counts = [len(step.faults) for step in steps if step.chapter == "incident"]
    assert counts == sorted(counts)
    assert set(counts) == set(range(1, len(FAULTS) + 1))
    assert faults_at(0)[0].column == "AGEP"


def test_faults_change_their_own_column_only(people: dict[int, pa.Table]) -> None:
    rows = people[2018]
    for fault in FAULTS:
        after = fault.distort(rows)
        assert after.drop_columns([fault.column]).equals(rows.drop_columns([fault.column]))
        assert after.column_names == rows.column_names


def test_ages_in_months(people: dict[int, pa.Table]) -> None:
    assert pc.max(ages_in_months(people[2018])["AGEP"]).as_py() == 12 * pc.max(people[2018]["AGEP"]).as_py()


def test_never_married_is_null_where_it_was(people: dict[int, pa.Table]) -> None:
    rows = people[2018]
    after = never_married_not_sent(rows)["MAR"]
    assert after.null_count == pc.sum(pc.equal(pc.cast(rows["MAR"], pa.string()), "5")).as_py()
    assert "5" not in pc.unique(after).to_pylist()
