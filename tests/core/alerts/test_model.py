"""The life of an alert against the oracle: nothing lost, early, late or repeated, whatever happens in whatever order.

`make soak` runs it 5,000 times.
"""

import json
import math
import os
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.core.alerts.looking import ENDPOINT, HOUR, MINUTE, SECOND, columns
from tests.core.alerts.oracle import BAND, BREACH, CLEAR, UNKNOWN, Act, History, Look, expected

from driftline_core.alerts import AlertState, Board, Changes, Criteria, Notification, Phase, Rule, Silence
from driftline_core.alerts.rules import Reset
from driftline_core.alerts.state import from_dict, to_dict
from driftline_core.alerts.steady import Steady

START = 1_700_000_000 * SECOND
VALUES = {BREACH: 0.9, BAND: 0.3, UNKNOWN: math.nan, CLEAR: 0.1}
SIDES = st.sampled_from((BREACH, BREACH, CLEAR, CLEAR, BAND, UNKNOWN))
LAPSES = st.sampled_from((0, 1, 5, 10, 20, 30, 59)).map(lambda seconds: seconds * SECOND)
PERIODS = st.sampled_from((0, 10, 30, 60, 120)).map(lambda seconds: seconds * SECOND)


class Alerting(RuleBasedStateMachine):
    """One rule on one endpoint with two columns. True time is `now`; the server's clock is off by `skew`."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.skew, self.data, self.silences_made = START, 0, 0, 0
        self.came = START
        self.sides: dict[str, str] = {}
        self.history: History = []
        self.told: list[tuple[int, Notification]] = []
        self.stored: dict[Any, Any] = {}
        self.dropped = 0

    @initialize(
        count=st.integers(1, 3),
        within=PERIODS,
        window=st.sampled_from((MINUTE, HOUR)),
        hold=PERIODS,
        cooldown=PERIODS,
        reset=st.sampled_from(Reset),
        clear=st.booleans(),
    )
    def write_rule(self, count: int, within: int, window: int, hold: int, cooldown: int, reset: Reset, clear: bool) -> None:
        self.rule = Rule(
            "nulls",
            metric="null_share",
            above=0.5,
            clear=0.2 if clear else None,
            window_us=window,
            criteria=Criteria(count, within or MINUTE) if count > 1 else Criteria(),
            hold_us=hold,
            cooldown_us=cooldown,
            reset=reset,
        )
        self.board = Board([self.rule])
        self._tick()

    @rule(lapse=LAPSES, a=SIDES, b=SIDES)
    def rows_come(self, lapse: int, a: str, b: str) -> None:
        self.now += lapse
        self.data += 1
        self.came = self.now
        self.sides = {"a": a, "b": b}
        self._look()

    @rule(lapse=LAPSES)
    def it_clears_and_comes_again(self, lapse: int) -> None:
        for side in (CLEAR, BREACH):
            self.now, self.data = self.now + lapse, self.data + 1
            self.came, self.sides = self.now, {"a": side, "b": side}
            self._look()

    @rule(lapse=LAPSES)
    @precondition(lambda self: self.data)
    def it_is_looked_at_again(self, lapse: int) -> None:
        self.now += lapse
        self._look()

    @rule(ticks=st.integers(1, 5), lapse=LAPSES)
    def time_passes(self, ticks: int, lapse: int) -> None:
        for _ in range(ticks):
            self.now += lapse
            self._tick()

    @rule()
    def acknowledge(self) -> None:
        for alert in list(self.board.under_way().values()):
            if alert.state is Phase.FIRING:
                self.history.append(Act(self.now, "acknowledge"))
                self._take(self.board.acknowledge(alert.id, self._wall))

    @rule()
    def reset(self) -> None:
        for alert in list(self.board.under_way().values()):
            if alert.state in (Phase.FIRING, Phase.ACKNOWLEDGED):
                self.history.append(Act(self.now, "reset"))
                self._take(self.board.reset(alert.id, self._wall))

    @rule(period=PERIODS)
    def silence(self, period: int) -> None:
        self.silences_made += 1
        self.history.append(Act(self.now, "silence", self.now + period))
        name = str(self.silences_made)
        self.board.add_silence(name, "shop/*", rule="nulls", duration_us=period, reason="", at_us=self._wall)

    @rule()
    def end_silences(self) -> None:
        self.history.append(Act(self.now, "unsilence"))
        for silence in self.board.silences():
            self.board.remove_silence(silence.id)

    @rule(back=st.sampled_from((0, 0, 1)))
    def a_telling_is_withdrawn(self, back: int) -> None:
        """The newest or an older one went to nobody: it waited, and was known or over before it went."""
        firings = [each.alert.id for _, each in self.told if each.is_firing]
        if back < len(firings):
            nth = len(firings) - 1 - back
            self.history.append(Act(self.now, "withdraw", nth=nth))
            for state in self.board.take_back({firings[nth]}):
                self._store(state)

    @rule(minutes=st.integers(2, 60))
    def the_clock_is_set_back(self, minutes: int) -> None:
        self.skew -= minutes * MINUTE
        self._tick()

    @rule()
    def the_clock_is_set_right(self) -> None:
        self.skew = 0
        self._tick()

    @rule()
    @precondition(lambda self: self.data)
    def the_server_restarts(self) -> None:
        """What was stored comes back, through JSON; one evaluation follows."""
        states = [from_dict(json.loads(saved)) for saved in self.stored.values()]
        silences = [Silence.from_dict(each.to_dict()) for each in self.board.silences()]
        clock = Steady(self.board.clock.last_us, self.board.clock.behind_us)
        self.board = Board([self.rule], states, silences, clock=clock)
        self._look()

    @rule()
    @precondition(lambda self: self.data)
    def the_count_begins_anew(self) -> None:
        """A repair dropped what was counted, and nothing else."""
        self.dropped = self.data
        self.the_server_restarts()

    @invariant()
    def what_is_told_is_what_must_be(self) -> None:
        if self.history:
            told = [(at, "firing" if each.is_firing else "resolved") for at, each in self.told]
            assert told == expected(self.rule, self.history)

    @invariant()
    def each_is_told_once_and_a_resolve_after_its_firing(self) -> None:
        keys = [each.key for _, each in self.told]
        assert len(set(keys)) == len(keys)
        open_id = ""
        for _, each in self.told:
            assert each.is_firing == (open_id == "")
            assert each.is_firing or each.alert.id == open_id
            open_id = each.alert.id if each.is_firing else ""

    @property
    def _wall(self) -> int:
        return self.now + self.skew

    def _look(self) -> None:
        self.history.append(self._seen())
        values = {column: VALUES[side] for column, side in self.sides.items()}
        seen = columns("null_share", values, at_us=self._wall, tick=self.data - self.dropped, window_us=self.rule.window_us)
        self._take(self.board.evaluate(replace(seen, silent_us=self.now - self.came)))

    def _tick(self) -> None:
        if self.data:
            self.history.append(self._seen())
        self._take(self.board.advance(self._wall))

    def _seen(self) -> Look:
        """Without a level of its own to clear at, what lies below the other one is clear. No hold is held by rows of long ago."""
        sides = {column: CLEAR if side == BAND and self.rule.clear is None else side for column, side in self.sides.items()}
        if self.rule.hold_us and self.now - self.came >= self.rule.window_us:
            sides = {column: UNKNOWN if side == BREACH else side for column, side in sides.items()}
        return Look(self.now, sides, self.data)

    def _take(self, changes: Changes) -> None:
        """Stores and sends, as the shell does in one transaction."""
        for state in changes.states:
            assert state.endpoint == ENDPOINT
            self._store(state)
        for key in changes.forgotten:
            self.stored.pop(key, None)
        self.told += [(self.now, each) for each in changes.notifications]

    def _store(self, state: AlertState) -> None:
        self.stored[state.rule, state.endpoint, state.column] = json.dumps(to_dict(state), allow_nan=False)


RUNS = int(os.environ.get("DRIFTLINE_SOAK_RUNS", "150"))
TestAlerting = Alerting.TestCase
TestAlerting.settings = settings(
    max_examples=RUNS, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
