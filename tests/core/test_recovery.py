"""Recovery: checkpoint, stored hours and replayed frames give the counts of an engine that never stopped."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.building import NOW_US, counts_of, feed, frames, reference_of

from driftline_core.delivery import Losses
from driftline_core.engine import Engine, EngineSettings, Frame, HourClosed, Span
from driftline_core.facts import LossTold, Origin, StoredHour, Tombstone
from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US, SECOND_US, floor
from driftline_core.query import merge_window
from driftline_core.reference import decode_reference, encode_reference

TABLE = pa.table({"x": [0.0, 1.0, 2.0, None], "word": ["a", "b", "a", None], "flag": [True, False, None, True]})
REFERENCE = reference_of(TABLE)
SETTINGS = EngineSettings(has_store=True)
ALL = Span(start_us=-(2**60), end_us=2**60)


@dataclass
class World:
    """An engine, the journal before it, the store behind it, and a clock; `crash` leaves what was written."""

    random: Random
    now_us: int = floor(NOW_US, HOUR_US)
    journal: list[Frame | HourClosed] = field(default_factory=list)
    store: dict[int, StoredHour] = field(default_factory=dict)
    checkpoint: tuple[int, bytes | None] = (0, None)
    rows: Counter[int] = field(default_factory=Counter)  # by minute
    unconfirmed: list[HourClosed] = field(default_factory=list)
    revisions: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = Engine(SETTINGS)
        self.engine.create("u", REFERENCE, now_us=self.now_us)
        self.take_checkpoint()

    def push(self, ages_us: list[int]) -> None:
        """Rows of some ages arrive in one batch."""
        times = [self.now_us - age for age in ages_us]
        self.rows.update(floor(at, MINUTE_US) for at in times)
        batch = pa.record_batch(
            {"x": pa.array([float(at % 4) for at in times]), "timestamp": pa.array(times, pa.timestamp("us", "UTC"))}
        )
        (frame,) = frames("u", REFERENCE, [batch], at_us=self.now_us)
        self.journal.append(frame)
        self.apply(frame, len(self.journal))

    def apply(self, entry: Frame | HourClosed, position: int) -> None:
        if isinstance(entry, HourClosed):
            self.engine.close(entry, position)
            return
        for start in self.engine.absent(entry):
            if start in self.store:
                self.engine.restore("u", self.store[start])
        self.engine.feed(entry, position)

    def wait(self, length_us: int) -> None:
        """Time passes; hours close, and most are stored."""
        self.now_us += length_us
        while effects := self.engine.advance(self.now_us):
            self.journal += effects
            self.unconfirmed += effects
            for effect in effects:
                self.revisions.append((effect.start_us, effect.revision))
        self.save()

    def save(self) -> None:
        kept = []
        for effect in self.unconfirmed:
            if self.random.random() < 0.3:
                kept.append(effect)
                continue
            profiles = {version: profile.encode() for version, profile in effect.profiles.items()}
            before = self.store.get(effect.start_us)
            if before is None or before.through <= effect.through:
                self.store[effect.start_us] = StoredHour(effect.start_us, effect.revision, effect.through, profiles)
            if self.random.random() < 0.8:
                self.engine.saved([effect])
        self.unconfirmed = kept

    def save_all(self) -> None:
        """The store catches up."""
        while self.unconfirmed:
            self.save()

    def take_checkpoint(self) -> None:
        self.checkpoint = self.engine.save("u")

    def crash(self) -> None:
        """What was in memory is gone; the journal is replayed behind the checkpoint."""
        position, state = self.checkpoint
        assert state is not None
        self.engine = Engine(SETTINGS)
        self.engine.load("u", state, position)
        for index, entry in enumerate(self.journal, start=1):
            if index > position:
                self.apply(entry, index)
        self.unconfirmed = self.engine.unsaved()
        self.save()

    def check(self) -> None:
        """Every hour has the rows that were sent, wherever it is kept now."""
        live = self.engine.live("u", ALL, self.now_us)
        stored = [hour.profiles for start, hour in self.store.items() if start not in live.held]
        window = merge_window(live, stored)
        assert window.profile.rows == self.rows.total() == self.engine.totals("u").rows
        for hour in {floor(minute, HOUR_US) for minute in self.rows}:
            live = self.engine.live("u", Span(start_us=hour, end_us=hour + HOUR_US), self.now_us)
            found = merge_window(live, [self.store[hour].profiles] if hour in self.store and hour not in live.held else [])
            assert found.profile.rows == sum(rows for minute, rows in self.rows.items() if hour <= minute < hour + HOUR_US)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_crashes_at_any_moment_leave_every_count_equal(seed: int) -> None:
    random = Random(seed)
    world = World(random)
    for _ in range(random.randrange(5, 60)):
        match random.choices(["live", "late", "wait", "long", "checkpoint", "crash", "back"], [10, 4, 6, 2, 2, 2, 1])[0]:
            case "live":
                world.push([random.randrange(2 * MINUTE_US) for _ in range(random.randrange(1, 20))])
            case "late":
                world.push([random.randrange(3 * DAY_US) for _ in range(random.randrange(1, 20))])
            case "wait":
                world.wait(random.randrange(10 * MINUTE_US))
            case "long":
                world.wait(random.randrange(10 * HOUR_US))
            case "checkpoint":
                world.take_checkpoint()
            case "crash":
                world.crash()
            case "back":
                world.wait(-random.randrange(HOUR_US))
    world.check()
    world.crash()
    world.check()
    for _ in range(3):
        world.wait(HOUR_US)
    world.save_all()
    assert {start for start, _ in world.revisions} == world.store.keys()


def test_a_day_without_a_server_closes_every_hour_once() -> None:
    world = World(Random(0))
    start = world.now_us
    world.push([0])
    world.take_checkpoint()
    world.crash()
    world.wait(DAY_US + 6 * MINUTE_US)
    assert sorted(world.revisions) == [(start + hour * HOUR_US, 1) for hour in range(24)]
    world.wait(SECOND_US)
    assert len(world.revisions) == 24


def test_hours_without_rows_wait_until_they_are_stored() -> None:
    engine = Engine(SETTINGS)
    engine.create("u", REFERENCE, now_us=0)
    told: list[HourClosed] = []
    while effects := engine.advance(1000 * HOUR_US):
        told += effects
    assert len(told) < 300
    assert [(each.start_us, each.has_rows) for each in engine.unsaved()] == [(each.start_us, False) for each in told]
    assert len(engine.unsaved(10)) == 10
    engine.saved(told[:7])
    assert [each.start_us for each in engine.unsaved()] == [each.start_us for each in told[7:]]
    assert len(engine.advance(1000 * HOUR_US)) == 7


def test_a_late_row_finds_the_hour_that_was_let_go_of() -> None:
    world = World(Random(0))
    world.random = Random(1)
    for _ in range(40):
        world.push([0])
        world.wait(10 * MINUTE_US)
    for _ in range(10):
        world.save()
        world.wait(SECOND_US)
    state = world.engine.state("u")
    assert len(state.hours) <= 5
    world.push([5 * HOUR_US] * 3)
    world.check()


def test_a_closing_that_the_stored_hour_has_behind_it_changes_nothing() -> None:
    engine = Engine(SETTINGS)
    engine.create("u", REFERENCE, now_us=NOW_US)
    start = floor(NOW_US, HOUR_US)
    engine.restore("u", StoredHour(start, revision=3, through=50, profiles={1: REFERENCE.profile.encode()}))
    engine.close(HourClosed("u", start, start + HOUR_US, revision=2, closed_us=NOW_US, through=40, has_rows=True), 45)
    assert engine.state("u").hours[start].revision == 3
    assert engine.advance(NOW_US + HOUR_US) == []


def test_a_back_fill_of_two_months_is_one_revision_an_hour() -> None:
    world = World(Random(0))
    world.push([0])
    for day in range(60, 0, -1):
        world.push([day * DAY_US - minute * 7 * MINUTE_US for minute in range(200)])
        world.wait(20_000)
    for _ in range(30):
        world.wait(SECOND_US)
    per_hour = Counter(start for start, _ in world.revisions)
    assert set(per_hour.values()) == {1}
    world.check()


def test_an_engine_is_what_it_was_when_it_is_loaded() -> None:
    engine = Engine(SETTINGS)
    engine.create("u", REFERENCE, now_us=NOW_US)
    stream = pa.record_batch({"x": [0.5, 9.0, None], "word": ["a", "new", None], "flag": [True, None, False]})
    feed(engine, "u", REFERENCE, [stream])
    origin = Origin(b"p" * 16, 2, 7)
    engine.refuse(Tombstone("u", NOW_US, origin), 11)
    engine.hear(LossTold("u", NOW_US, origin, Losses(dropped=3)), 12)
    position, saved = engine.save("u")
    other = Engine(SETTINGS)
    other.load("u", saved, position)
    assert other.totals("u") == engine.totals("u")
    assert other.state("u").producers == engine.state("u").producers
    one, two = (each.window("u", ALL, NOW_US) for each in (engine, other))
    assert counts_of(one) == counts_of(two)
    assert one.profile.tally.moments.tolist() == two.profile.tally.moments.tolist()
    assert other.save("u") == (position, saved)


@pytest.mark.parametrize("cut", [0, 1, 20, -1])
def test_a_state_cut_short_is_refused(cut: int) -> None:
    engine = Engine(SETTINGS)
    engine.create("u", REFERENCE)
    with pytest.raises(ValueError, match="not a packed state"):
        Engine(SETTINGS).load("u", engine.save("u")[1][:cut], 0)


def test_a_reference_is_what_it_was_when_it_is_decoded() -> None:
    again = decode_reference(encode_reference(REFERENCE))
    assert (again.layout.columns, again.layout.bins, again.layout.shifts) == (
        REFERENCE.layout.columns,
        REFERENCE.layout.bins,
        REFERENCE.layout.shifts,
    )
    assert again.profile.tally.counts.tolist() == REFERENCE.profile.tally.counts.tolist()


@given(counts=st.lists(st.integers(0, 2**40), min_size=1, max_size=9), missing=st.integers(0, 3))
def test_profiles_of_any_width_merge_as_they_were(counts: list[int], missing: int) -> None:
    from driftline_core.profile import Profile

    one = Profile.empty(len(counts), 1)
    one.tally.counts[:] = counts
    one.missing[:] = missing
    two = one.copy()
    two.merge(Profile.decode(one.encode()))
    assert two.tally.counts.tolist() == [2 * count for count in counts]
    assert two.missing.tolist() == [2 * missing]
    assert np.array_equal(Profile.decode(two.encode()).tally.counts, two.tally.counts)
