"""All the alerts of a server: rules, their states and silences. Observations in, changes out.

The one rule: no clock, no IO. `evaluate` takes in what is seen of an endpoint, `advance` lets time pass; both say what is to be
stored and told, in one transaction. Nothing is evaluated during a replay; afterwards every endpoint is observed once, which tells
nothing anew.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from driftline_core.alerts.alert import ACTIVE, Alert, Phase
from driftline_core.alerts.catalogue import NO_DATA
from driftline_core.alerts.changes import Changes, Entry, Gathered, Key, key_of
from driftline_core.alerts.evaluation import Verdict, evaluate
from driftline_core.alerts.lifecycle import Outcome, acknowledge, close, is_idle, reset, settle, step
from driftline_core.alerts.observation import Observation
from driftline_core.alerts.rules import Rule
from driftline_core.alerts.silences import Silence
from driftline_core.alerts.state import AlertState
from driftline_core.alerts.steady import Moment, Steady
from driftline_core.errors import AlreadyExists, NotFound, ResourceExhausted
from driftline_core.panes import FAR_PAST_US, MINUTE_US


@dataclass(frozen=True, slots=True)
class Limits:
    """What a board holds at most; more is refused, or, for alerts, not begun and counted in `Board.overflow`."""

    rules_max: int = 1000
    silences_max: int = 1000
    alerts_max: int = 50_000


@dataclass(slots=True)
class _Arrival:
    """Which batches were seen of an endpoint, the steady time of the last one, and how long before it none was known to come."""

    tick: int
    steady_us: int
    lapse_us: int = 0


class Board:
    """Owns rules, alerts and silences. One thread at a time."""

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        states: Iterable[AlertState] = (),
        silences: Iterable[Silence] = (),
        *,
        clock: Steady | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`clock` is the one the last board had, stored now and then: so a clock that was set back is known after a start."""
        self._limits = limits or Limits()
        self._rules = {rule.name: rule for rule in rules}
        self._entries = {key_of(state): Entry(state) for state in states}
        self._silences = {silence.id: silence for silence in silences}
        self._columns: dict[tuple[str, str], set[str]] = {}
        for rule, endpoint, column in self._entries:
            self._columns.setdefault((rule, endpoint), set()).add(column)
        self._watching: dict[str, tuple[Rule, ...]] = {}
        self._arrivals: dict[str, _Arrival] = {}
        self._waiting: set[Key] = set(self._entries)  # those that time alone may move
        self.clock = clock or Steady()
        self.clock.last_us = max(self.clock.last_us, *(entry.state.newest_us() for entry in self._entries.values()), FAR_PAST_US)
        self._ticked_us = FAR_PAST_US  # steady time of the last time that passed
        self._begun_us: int | None = None  # steady time of the first observation, or of the first time that passed
        self.overflow = 0  # times that an alert could not begin, since so many there are

    # Rules and silences.

    def rules(self) -> list[Rule]:
        """All rules, in the order they came."""
        return list(self._rules.values())

    def add_rule(self, rule: Rule) -> None:
        """Raises AlreadyExists, ResourceExhausted."""
        if rule.name in self._rules:
            raise AlreadyExists(f"rule {rule.name!r} exists; delete it first, or take another name", field="name")
        if len(self._rules) >= self._limits.rules_max:
            raise ResourceExhausted(f"the server keeps {self._limits.rules_max} rules; delete one first", field="name")
        self._rules[rule.name] = rule
        self._watching.clear()

    def remove_rule(self, name: str, at_us: int) -> Changes:
        """Forgets a rule and ends its alerts. Raises NotFound."""
        if name not in self._rules:
            raise NotFound(f"no rule {name!r}; there are {', '.join(self._rules) or 'none'}", field="name")
        del self._rules[name]
        self._watching.clear()
        return self._over([key for key in self._entries if key[0] == name], at_us, "its rule was deleted")

    def forget_endpoint(self, endpoint: str, at_us: int) -> Changes:
        """Ends the alerts of an endpoint that was deleted; one created later under the name begins anew."""
        self._watching.pop(endpoint, None)
        self._arrivals.pop(endpoint, None)
        return self._over([key for key in self._entries if key[1] == endpoint], at_us, "its endpoint was deleted")

    def retain(self, endpoints: Mapping[str, int], at_us: int) -> Changes:
        """Ends the alerts that no rule looks at, or whose endpoint is gone (`endpoints`: when each was created): for a start."""
        there = {key for key, entry in self._entries.items() if entry.state.created_us in (0, endpoints.get(key[1]))}
        gone = [key for key in self._entries if not (key in there and key[1] in endpoints and self._is_watched(key))]
        return self._over(gone, at_us, "its endpoint is gone, or its rule looks at it no more")

    def silences(self) -> list[Silence]:
        """The silences there are; `advance` drops those that have ended."""
        return list(self._silences.values())

    def add_silence(self, id_: str, endpoint: str, *, rule: str, duration_us: int, reason: str, at_us: int) -> Silence:
        """Begins a silence. Raises ResourceExhausted."""
        if len(self._silences) >= self._limits.silences_max:
            raise ResourceExhausted(f"the server keeps {self._limits.silences_max} silences; end one first")
        until_us = self.clock.update(at_us).steady_us + duration_us
        silence = Silence(id_, endpoint, rule, reason, at_us, at_us + duration_us, until_us)
        self._silences[id_] = silence
        return silence

    def remove_silence(self, id_: str) -> Silence:
        """Ends a silence before its time; what is owed is told at the next `advance`. Raises NotFound."""
        if id_ not in self._silences:
            raise NotFound(f"no silence {id_!r}; list them with client.silences()", field="id")
        return self._silences.pop(id_)

    # What is asked of the one who observes.

    def windows(self, endpoint: str) -> frozenset[int]:
        """The windows over which an endpoint is to be observed when rows have come; `no-data` needs none."""
        return frozenset(rule.window_us for rule in self._rules_of(endpoint) if rule.event != NO_DATA)

    def clock_windows(self, endpoint: str) -> frozenset[int | None]:
        """The windows over which it is to be observed as time passes, rows or none; None: its arrival alone (`observe_arrival`)."""
        return frozenset(None if rule.event == NO_DATA else rule.window_us for rule in self._rules_of(endpoint) if rule.is_by_clock)

    # Steps.

    def evaluate(self, seen: Observation) -> Changes:
        """Takes in what is seen of an endpoint: every rule on it that the observation shows is evaluated once."""
        moment = self.clock.update(seen.at_us)
        seen = replace(seen, silent_us=self._silent_us(seen, moment), up_us=self._up_us(moment))
        gathered = Gathered()
        for rule in self._rules_of(seen.endpoint):
            if rule.event == NO_DATA or rule.window_us == seen.window_us:
                verdicts = evaluate(rule, seen)
                for verdict in verdicts:
                    self._take(rule, seen, verdict, moment, gathered)
                if rule.column and seen.columns:
                    gone = self._columns.get((rule.name, seen.endpoint), set()) - {each.column for each in verdicts}
                    self._close([(rule.name, seen.endpoint, column) for column in gone], moment, "its column is gone", gathered)
        return gathered.changes()

    def advance(self, at_us: int) -> Changes:
        """Lets time pass: what is held, cooled down or silenced long enough moves, by the last verdict on it."""
        moment = self.clock.update(at_us)
        self._ticked_us = moment.steady_us
        self._up_us(moment)
        for silence in [each for each in self._silences.values() if each.steady_until_us <= moment.steady_us]:
            del self._silences[silence.id]
        gathered = Gathered()
        for key in list(self._waiting):
            entry, rule = self._entries[key], self._rules.get(key[0])
            if rule is None or entry.verdict is None:
                told = settle(entry.state, None, moment, self._silences.values())
                outcome = Outcome((), told, is_changed=bool(told))
            else:
                verdict = self._known(rule, key[1], entry.verdict, moment)
                outcome = step(entry.state, rule, verdict, moment, self._silences.values())
            self._keep(key, entry, outcome, moment, gathered)
        return gathered.changes()

    # Alerts.

    def acknowledge(self, id_: str, at_us: int) -> Changes:
        """Somebody has seen an alert. Raises NotFound, FailedPrecondition."""
        moment, (key, entry), gathered = self.clock.update(at_us), self._find(id_), Gathered()
        self._keep(key, entry, acknowledge(entry.state, moment), moment, gathered)
        return gathered.changes()

    def reset(self, id_: str, at_us: int) -> Changes:
        """Ends an alert by hand. Raises NotFound, FailedPrecondition."""
        moment, (key, entry), gathered = self.clock.update(at_us), self._find(id_), Gathered()
        self._keep(key, entry, reset(entry.state, moment, self._silences.values()), moment, gathered)
        return gathered.changes()

    def take_back(self, ids: Container[str]) -> tuple[AlertState, ...]:
        """That these alerts fire went to nobody: the cooldowns it began are over. Returns the states to store; again the same."""
        taken = [entry.state for entry in self._entries.values() if entry.state.told_id in ids]
        for state in taken:
            state.steady_told_us = None
        return tuple(taken)

    def under_way(self) -> dict[str, Alert]:
        """The alerts that have not ended, by id, as they are now: what is stored of their values may be a minute older."""
        states = [entry.state for entry in self._entries.values()]
        return {state.id: state.alert() for state in states if state.phase in (Phase.PENDING, *ACTIVE)}

    def _is_watched(self, key: Key) -> bool:
        """Whether there is a rule that would have just this alert."""
        rule = self._rules.get(key[0])
        if rule is None or not rule.watches(key[1]) or bool(rule.column) is not bool(key[2]):
            return False
        return not key[2] or rule.watches_column(key[2])

    def _rules_of(self, endpoint: str) -> tuple[Rule, ...]:
        rules = self._watching.get(endpoint)
        if rules is None:
            rules = self._watching[endpoint] = tuple(rule for rule in self._rules.values() if rule.watches(endpoint))
        return rules

    def _silent_us(self, seen: Observation, moment: Moment) -> int:
        """For how long no row has come, in steady time."""
        arrival = self._arrivals.get(seen.endpoint)
        if arrival is None or arrival.tick != seen.tick:
            lapse_us = self._ticked_us - arrival.steady_us if arrival else 0
            arrival = self._arrivals[seen.endpoint] = _Arrival(seen.tick, moment.steady_us - seen.silent_us, lapse_us)
        return moment.steady_us - arrival.steady_us

    def _known(self, rule: Rule, endpoint: str, verdict: Verdict, moment: Moment) -> Verdict:
        """A verdict; where the rule is held by rows and none came for its whole window, one that does not know."""
        if not rule.is_held_by_rows or moment.steady_us - self._arrivals[endpoint].steady_us < rule.window_us:
            return verdict
        return replace(verdict, breaching=(), unclear=verdict.unclear | verdict.parts)

    def _take(self, rule: Rule, seen: Observation, verdict: Verdict, moment: Moment, gathered: Gathered) -> None:
        key = (rule.name, seen.endpoint, verdict.column)
        verdict = self._known(rule, seen.endpoint, verdict, moment)
        entry = self._entries.get(key)
        if entry is None:
            if not verdict.breaching:
                return
            if len(self._entries) >= self._limits.alerts_max:
                self.overflow += 1
                return
            entry = self._entries[key] = Entry(AlertState(*key))
            self._columns.setdefault(key[:2], set()).add(verdict.column)
        if rule.is_held_by_rows and verdict.tick > entry.state.tick and self._arrivals[seen.endpoint].lapse_us >= rule.window_us:
            entry.state.steady_breached_us = None  # while it fires, time that passes does not look at it
        entry.verdict, entry.state.created_us = verdict, seen.created_us
        self._keep(key, entry, step(entry.state, rule, verdict, moment, self._silences.values()), moment, gathered)

    def _keep(self, key: Key, entry: Entry, outcome: Outcome, moment: Moment, gathered: Gathered) -> None:
        """Gathers what a step did, and what of it is to be stored."""
        gathered.transitions += outcome.transitions
        gathered.notifications += outcome.notifications
        state, rule = entry.state, self._rules.get(key[0])
        if outcome.transitions:
            gathered.alerts[state.id] = state.alert()
        if is_idle(state, rule, moment):
            self._forget(key, gathered)
            return
        if state.phase in ACTIVE and not (state.is_owed or state.owed_resolve):
            self._waiting.discard(key)
        else:
            self._waiting.add(key)
        is_stale = state.phase is not Phase.INACTIVE and moment.steady_us - entry.steady_stored_us >= MINUTE_US
        if outcome.is_changed or is_stale:
            entry.steady_stored_us = moment.steady_us
            gathered.states[key] = state
            gathered.alerts[state.id] = state.alert()

    def _forget(self, key: Key, gathered: Gathered) -> None:
        del self._entries[key]
        self._columns[key[:2]].discard(key[2])
        if not self._columns[key[:2]]:
            del self._columns[key[:2]]
        self._waiting.discard(key)
        gathered.states.pop(key, None)
        gathered.forgotten.append(key)

    def _up_us(self, moment: Moment) -> int:
        """For how long time is looked at."""
        self._begun_us = moment.steady_us if self._begun_us is None else self._begun_us
        return moment.steady_us - self._begun_us

    def _over(self, keys: list[Key], at_us: int, reason: str) -> Changes:
        """Ends alerts of a rule or an endpoint that is no more: what comes under its name begins anew."""
        changes = self._closed(keys, at_us, reason)
        for state in changes.states:  # those that still have an end to tell
            state.tick, state.steady_told_us = -1, None
        return changes

    def _closed(self, keys: list[Key], at_us: int, reason: str) -> Changes:
        gathered = Gathered()
        self._close(keys, self.clock.update(at_us), reason, gathered)
        return gathered.changes()

    def _close(self, keys: list[Key], moment: Moment, reason: str, gathered: Gathered) -> None:
        """Ends what is under way and forgets it, but for a resolve that is still to be told."""
        for key in keys:
            entry = self._entries[key]
            entry.verdict = None
            self._keep(key, entry, close(entry.state, moment, reason, self._silences.values()), moment, gathered)
            if key in self._entries and not entry.state.owed_resolve:
                self._forget(key, gathered)

    def _find(self, id_: str) -> tuple[Key, Entry]:
        for key, entry in self._entries.items():
            if entry.state.id == id_:
                return key, entry
        raise NotFound(f"no alert {id_!r} is under way; list them with client.alerts()", field="id")
