"""A rule as people write it and as the server keeps it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from driftline import meant
from driftline.alert import SEVERITIES
from driftline.errors import InvalidInput
from driftline.request import request_of
from driftline.spans import MICROSECOND, Duration, duration_us
from driftline_proto.v1 import alert_pb2 as pb

RESETS = {pb.RESET_POLICY_AUTO: "auto", pb.RESET_POLICY_MANUAL: "manual"}


@dataclass(frozen=True, slots=True)
class Criteria:
    """`count` events, each of which counts for `within` after it was seen."""

    count: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in force, with its template's keys and all defaults filled in; keys it does not have are None.

    `in_settings`: it comes from the server's settings and cannot be deleted by a call. `missing_receivers`: those of its receivers
    that no longer exist; if none is left, the default ones are told.
    """

    name: str
    endpoint: str
    event: str | None
    metric: str | None
    above: float | None
    below: float | None
    clear: float | None
    window: timedelta
    column: str | None
    criteria: Criteria | None
    hold: timedelta
    severity: str
    cooldown: timedelta
    reset: str
    summary: str | None
    receivers: tuple[str, ...]
    in_settings: bool = False
    missing_receivers: tuple[str, ...] = ()


def rule_from(message: pb.Rule) -> Rule:
    """The rule of a wire message."""
    criteria = Criteria(message.criteria.count, _span(message.criteria.within_us)) if message.HasField("criteria") else None
    return Rule(
        name=message.name,
        endpoint=message.endpoint,
        event=message.event or None,
        metric=message.metric or None,
        above=message.above if message.HasField("above") else None,
        below=message.below if message.HasField("below") else None,
        clear=message.clear if message.HasField("clear") else None,
        window=_span(message.window_us),
        column=message.column or None,
        criteria=criteria,
        hold=_span(message.hold_us),
        severity=SEVERITIES.get(message.severity, ""),
        cooldown=_span(message.cooldown_us),
        reset=RESETS.get(message.reset, ""),
        summary=message.summary or None,
        receivers=tuple(message.receivers),
        in_settings=message.in_settings,
        missing_receivers=tuple(message.missing_receivers),
    )


def rule_message(
    name: str,
    *,
    window: Duration | None,
    criteria: Mapping[str, Any] | None,
    hold: Duration | None,
    cooldown: Duration | None,
    severity: str | None,
    reset: str | None,
    receivers: Iterable[str],
    **plain: Any,
) -> pb.Rule:
    """The wire message for a rule; what is None is the server's to fill in. Raises InvalidInput for what cannot be said."""
    if isinstance(receivers, str):
        raise InvalidInput(f"receivers: {receivers!r} is no list of names; write [{receivers!r}]")
    for field, text in plain.items():
        if text == "":  # as a shell makes of a variable that is not set: it must not widen the rule
            raise InvalidInput(f"{field}: is empty; leave it out, or give it a value")
    return request_of(
        pb.Rule,
        name=name,
        window_us=_period_us(window, "window"),
        criteria=_criteria(criteria),
        hold_us=_period_us(hold, "hold"),
        cooldown_us=_period_us(cooldown, "cooldown"),
        severity=_code(severity, SEVERITIES, "severity"),
        reset=_code(reset, RESETS, "reset"),
        receivers=list(receivers),
        **plain,
    )


def period_us(given: Duration) -> int:
    """Microseconds of a duration that may be none at all: 0, "0s". Raises InvalidInput."""
    return 0 if given in (0, "0", "0s", timedelta(0)) else duration_us(given)


def _period_us(given: Duration | None, field: str, read: Callable[[Duration], int] = period_us) -> int | None:
    """Microseconds of a key; whether zero is possible the server says."""
    if given is None:
        return None
    try:
        return read(given)
    except InvalidInput as error:
        raise InvalidInput(f"{field}: {error}") from None


def _criteria(given: Mapping[str, Any] | None) -> pb.Criteria | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) - {"count", "within"} or "count" not in given:
        raise InvalidInput(f'criteria: {given!r} is none; write {{"count": 3, "within": "1h"}}')
    count = meant.whole(given["count"])
    if count is None or not 0 <= count < 2**32:
        raise InvalidInput(f"criteria.count: {given['count']!r} is none; take a whole number")
    return pb.Criteria(count=count, within_us=_period_us(given.get("within"), "criteria.within", duration_us))


def _code(word: str | None, words: Mapping[Any, str], field: str) -> Any:
    if word is None:
        return 0
    for code, known in words.items():
        if word == known:
            return code
    raise InvalidInput(f"{field}: {word!r} is none of {', '.join(words.values())}")


def _span(us: int) -> timedelta:
    return us * MICROSECOND
