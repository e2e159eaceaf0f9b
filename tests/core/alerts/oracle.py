"""What must be told of one rule on one endpoint, worked out anew from everything that ever happened, without any state.

A history is a list of what happened, in order, in true time. Every question is answered by looking over the whole list again: when
it fires is the first moment that qualifies, when it resolves the first moment after that, and so on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from driftline_core.alerts import Rule
from driftline_core.alerts.rules import Reset

BREACH, BAND, UNKNOWN, CLEAR = "breach", "between the levels", "too few rows", "clear"


@dataclass(frozen=True)
class Look:
    """A moment at which the alert is looked at, with the sides its columns are on, and which data that is."""

    at: int
    sides: dict[str, str]
    data: int

    @property
    def breached(self) -> bool:
        return BREACH in self.sides.values()


@dataclass(frozen=True)
class Act:
    """Something is done: "acknowledge", "reset", "silence" (until a time), "unsilence"; or "withdraw" (the n-th firing told)."""

    at: int
    what: str
    until: int = 0
    nth: int = 0


History = list[Look | Act]


def expected(rule: Rule, history: History) -> list[tuple[int, str]]:
    """When a firing is told and when a resolve, in order."""
    told: list[tuple[int, int, str]] = []
    firings: list[int] = []  # when each was told
    spans: list[range] = []  # the places of the history in which an alert fired
    place = 0
    while (fired := _first(k for k in range(place, len(history)) if _is_due(rule, history, k, spans, place))) is not None:
        resolved = _first(k for k in range(fired + 1, len(history)) if _is_over(rule, history, fired, k))
        end = len(history) if resolved is None else resolved
        spans.append(range(fired, end))
        known = _first(k for k in range(fired, end) if _is_act(history[k], "acknowledge"))
        at = _first(
            k
            for k in range(fired, end if known is None else known)
            if isinstance(history[k], Look) and not _silenced(history, k) and not _cools(rule, history, k, firings)
        )
        if at is not None:
            firings.append(history[at].at)
            told.append((at, 1, "firing"))
            if resolved is not None:
                until = _first(
                    k
                    for k in range(resolved, len(history))
                    if (isinstance(history[k], Look) or _is_act(history[k], "reset")) and not _silenced(history, k)
                )
                if until is not None:
                    told.append((until, 0, "resolved"))
        if resolved is None:
            break
        place = resolved
    return [(history[k].at, what) for k, _, what in sorted(told)]


def _first(places: Iterator[int]) -> int | None:
    return next(places, None)


def _is_act(each: Look | Act, what: str) -> bool:
    return isinstance(each, Act) and each.what == what


def _is_due(rule: Rule, history: History, k: int, spans: list[range], place: int) -> bool:
    """Whether it begins to fire here, not having fired since `place`."""
    now = history[k]
    if not isinstance(now, Look) or not now.breached or _is_old_news(history, k, place):
        return False
    since = now.at
    for before in reversed(history[:k]):
        if isinstance(before, Look):
            if not before.breached:
                break
            since = before.at
    if now.at - since < rule.hold_us:
        return False
    return rule.criteria.count == 1 or _events(rule, history, k, spans) >= rule.criteria.count


def _events(rule: Rule, history: History, k: int, spans: list[range]) -> int:
    """Breaches of different data that count here: each where first seen, if that was not while it fired nor too long ago."""
    firsts: dict[int, int] = {}
    for m, each in enumerate(history[: k + 1]):
        if isinstance(each, Look) and each.breached:
            firsts.setdefault(each.data, m)
    start = spans[-1].start if spans else -1
    fresh = [m for m in firsts.values() if m > start and not any(m in span for span in spans)]
    return sum(history[k].at - history[m].at < rule.criteria.within_us for m in fresh)


def _is_old_news(history: History, k: int, place: int) -> bool:
    """Whether it was reset at `place`, and nothing but the data of then has been seen since."""
    if not _is_act(history[place], "reset"):
        return False
    seen = [each for each in history[:place] if isinstance(each, Look)][-1]
    return all(each.breached and each.data == seen.data for each in history[place : k + 1] if isinstance(each, Look))


def _is_over(rule: Rule, history: History, fired: int, k: int) -> bool:
    """Whether it ends here: by hand; or no column breaches, and none was last known to."""
    now = history[k]
    if _is_act(now, "reset"):
        return True
    if not isinstance(now, Look) or rule.reset is Reset.MANUAL:
        return False
    last: dict[str, str] = {}
    for each in history[fired : k + 1]:
        if isinstance(each, Look):
            last |= {column: side for column, side in each.sides.items() if side in (BREACH, CLEAR)}
    return BREACH not in last.values()


def _cools(rule: Rule, history: History, k: int, firings: list[int]) -> bool:
    """Whether a firing was told too lately before this place, and not withdrawn by then."""
    withdrawn = {each.nth for each in history[:k] if isinstance(each, Act) and each.what == "withdraw"}
    return any(history[k].at - at < rule.cooldown_us for nth, at in enumerate(firings) if nth not in withdrawn)


def _silenced(history: History, k: int) -> bool:
    """Whether a silence that was begun and not ended before this place holds at its time."""
    standing: list[Act] = []
    for each in history[: k + 1]:
        if _is_act(each, "silence"):
            standing.append(each)
        elif _is_act(each, "unsilence"):
            standing.clear()
    return any(history[k].at < each.until for each in standing)
