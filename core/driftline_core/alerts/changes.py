"""What one call on the board did, gathered for one transaction."""

from dataclasses import dataclass, field

from driftline_core.alerts.alert import Alert, Notification, Transition
from driftline_core.alerts.evaluation import Verdict
from driftline_core.alerts.state import AlertState

Key = tuple[str, str, str]  # rule, endpoint, column


@dataclass(frozen=True, slots=True)
class Changes:
    """What a call did: states to store, keys of states to forget, alerts as they are now, their steps, and what is to be told."""

    states: tuple[AlertState, ...] = ()
    forgotten: tuple[Key, ...] = ()
    alerts: tuple[Alert, ...] = ()
    transitions: tuple[Transition, ...] = ()
    notifications: tuple[Notification, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.states or self.forgotten)


@dataclass(slots=True)
class Entry:
    """A state on a board, and what need not be stored of it."""

    state: AlertState
    verdict: Verdict | None = None  # the last one, by which time alone may make it due
    steady_stored_us: int = 0


@dataclass(slots=True)
class Gathered:
    """Changes on their way: a state that changes twice is stored once."""

    states: dict[Key, AlertState] = field(default_factory=dict)
    forgotten: list[Key] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)

    def changes(self) -> Changes:
        return Changes(
            tuple(self.states.values()),
            tuple(self.forgotten),
            tuple(self.alerts.values()),
            tuple(self.transitions),
            tuple(self.notifications),
        )


def key_of(state: AlertState) -> Key:
    """What a state is about: rule, endpoint, column."""
    return state.rule, state.endpoint, state.column
