"""From what people write to a rule: one reader for settings, command line and calls. A refusal names the field and the remedy."""

import difflib
import math
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from driftline_core.alerts import catalogue
from driftline_core.alerts.contradictions import CONTRADICTIONS, PERIOD_MAX_US
from driftline_core.alerts.durations import duration_text, duration_us
from driftline_core.alerts.rules import Criteria, Reset, Rule, Severity
from driftline_core.alerts.summary import check
from driftline_core.errors import InvalidInput
from driftline_core.names import COLUMN_NAME_BYTES_MAX, canonical
from driftline_core.panes import DAY_US, HOUR_US, SECOND_US

NAME_MAX = 100
PATTERN_MAX = 300
RECEIVERS_MAX = 16
COUNT_MAX = 1000
WINDOW_MIN_US = SECOND_US
WINDOW_MAX_US = 400 * DAY_US
KEYS = (
    *("name", "endpoint", "event", "metric", "above", "below", "clear", "window", "column", "criteria", "hold", "severity"),
    *("cooldown", "reset", "summary", "receivers", "template"),
)
# Words people know from elsewhere, and ours.
_OTHERS_WORDS = {"for": "hold", "within": "criteria", "count": "criteria", "period": "criteria", "threshold": "above"}
_GLOB = frozenset("*?[")

E = TypeVar("E", bound=StrEnum)


def parse(given: Mapping[str, Any], *, receivers: Collection[str] | None = None, evaluate_us: int = 0) -> Rule:
    """The rule that some keys describe; a value of None is as good as no key. Raises InvalidInput.

    `receivers` are the names there are; None where they are not known yet. `evaluate_us` is how far apart two events are at least.

    >>> parse({"name": "slow", "metric": "latency_p99", "above": 0.2, "window": "10m"}).window_us
    600000000
    >>> parse({"template": "drift-detected", "endpoint": "shop/*"}).event
    'data-drift-detected'
    """
    return _consistent(_rule(given, receivers=receivers, evaluate_us=evaluate_us))


def parse_kept(given: Mapping[str, Any]) -> Rule:
    """A rule that was accepted once and written down: one that would be refused by now is kept as it is, so that a server starts.

    >>> parse_kept({"name": "slow", "metric": "latency_p99", "above": -1}).above
    -1.0
    """
    return _rule(given, receivers=None, evaluate_us=0)


def _rule(given: Mapping[str, Any], *, receivers: Collection[str] | None, evaluate_us: int) -> Rule:
    """The rule of some keys, each of which is right by itself."""
    keys = _known(given)
    return Rule(
        name=_name(keys),
        endpoint=_endpoint(keys),
        event=_event(keys),
        metric=_metric(keys),
        above=_level(keys, "above"),
        below=_level(keys, "below"),
        clear=_level(keys, "clear"),
        window_us=_period(keys, "window", least_us=WINDOW_MIN_US, most_us=WINDOW_MAX_US, default_us=HOUR_US),
        column=_column(keys),
        criteria=_criteria(keys.get("criteria"), evaluate_us),
        hold_us=_period(keys, "hold"),
        severity=_choice(keys, "severity", Severity.WARNING),
        cooldown_us=_period(keys, "cooldown"),
        reset=_choice(keys, "reset", Reset.AUTO),
        summary=check(_text(keys, "summary", most=None)),
        receivers=_receivers(keys, receivers),
    )


def parse_all(given: object, *, receivers: Collection[str] | None = None, evaluate_us: int = 0) -> tuple[Rule, ...]:
    """The rules of a list, each with a name of its own. Raises InvalidInput, whose field begins with the place: `rules[2].`."""
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(isinstance(each, Mapping) for each in given):
        raise InvalidInput("rules is no list of tables; write each one under [[rules]]", field="rules")
    rules: dict[str, Rule] = {}
    for place, each in enumerate(given):
        try:
            rule = parse(each, receivers=receivers, evaluate_us=evaluate_us)
            if rule.name in rules:
                _refuse("name", f"{rule.name!r} stands twice; give each rule its own")
        except InvalidInput as error:
            raise InvalidInput(f"rules[{place}]: {error.reason}", field=f"rules[{place}].{error.field}") from None
        rules[rule.name] = rule
    return tuple(rules.values())


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    keys = {key: value for key, value in given.items() if value is not None}
    for key in keys:
        if key not in KEYS:
            near = _OTHERS_WORDS.get(str(key)) or next(iter(difflib.get_close_matches(str(key), KEYS, 1)), "")
            hint = f"did you mean {near!r}?" if near else f"a rule has {', '.join(KEYS)}"
            raise InvalidInput(f"a rule has no key {str(key)[:40]!r}; {hint}", field=str(key)[:40])
    template = keys.pop("template", None)
    if template is None:
        return keys
    if not isinstance(template, str) or template not in catalogue.TEMPLATES:
        _refuse("template", f"{template!r} is none of {', '.join(catalogue.TEMPLATES)}")
    return {"name": template, **catalogue.TEMPLATES[template], **keys}


def _name(keys: Mapping[str, Any]) -> str:
    name = _text(keys, "name", most=NAME_MAX)
    if not name:
        _refuse("name", "is empty; give the rule a name")
    if name != name.strip():
        _refuse("name", f"{name!r} begins or ends with a space; leave it out")
    return name


def endpoint_pattern(given: str) -> str:
    """A name in canonical form, or a glob as it is. Raises InvalidInput.

    >>> endpoint_pattern("scorer"), endpoint_pattern("shop/*")
    ('default/default/scorer:latest', 'shop/*')
    """
    return _endpoint({"endpoint": given})


def _endpoint(keys: Mapping[str, Any]) -> str:
    pattern = _text(keys, "endpoint", most=PATTERN_MAX, default="*")
    if _GLOB & set(pattern):
        return pattern
    try:
        return canonical(pattern)
    except InvalidInput as error:
        _refuse("endpoint", f'is neither a name nor a glob such as "shop/*": {error.reason}')


def _event(keys: Mapping[str, Any]) -> str:
    event = _text(keys, "event", most=None)
    if event and event not in catalogue.EVENTS:
        _refuse("event", f"{event[:60]!r} is unknown; {_nearest(event, catalogue.COMPUTED)}")
    if event and event not in catalogue.COMPUTED:
        _refuse("event", f": nothing computes {event} yet; there are {', '.join(sorted(catalogue.COMPUTED))}")
    return event


def _metric(keys: Mapping[str, Any]) -> str:
    metric = _text(keys, "metric", most=None)
    if metric and metric not in catalogue.METRICS:
        _refuse("metric", f": nothing computes {metric[:60]!r} yet; {_nearest(metric, catalogue.METRICS)}")
    return metric


def _nearest(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"


def _level(keys: Mapping[str, Any], field: str) -> float | None:
    value = keys.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _refuse(field, f"{str(value)[:40]!r} is no number; write a finite one, such as 0.2")
    return float(value)


def _period(keys: Mapping[str, Any], field: str, *, least_us: int = 0, most_us: int = PERIOD_MAX_US, default_us: int = 0) -> int:
    value = keys.get(field)
    if value is None:
        return default_us
    us = duration_us(value, field)
    if not least_us <= us <= most_us:
        shown = duration_text(us) if isinstance(value, timedelta) else str(value)[:40]
        _refuse(field, f"{shown!r} is impossible; it can be from {duration_text(least_us)} to {duration_text(most_us)}")
    return us


def _column(keys: Mapping[str, Any]) -> str:
    column = unicodedata.normalize("NFC", _text(keys, "column", most=None))
    if len(column.encode("utf-8", "replace")) > COLUMN_NAME_BYTES_MAX:
        _refuse("column", f"is longer than {COLUMN_NAME_BYTES_MAX} bytes, which no column's name is")
    return column


def _criteria(given: Any, evaluate_us: int) -> Criteria:
    if given is None:
        return Criteria()
    if isinstance(given, Criteria):
        given = {"count": given.count, "within": given.within_us / 1e6}
    if not isinstance(given, Mapping) or set(given) - {"count", "within"} or "count" not in given:
        _refuse("criteria", 'has other keys than it can; write { count = 3, within = "1h" }')
    count = given["count"]
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= COUNT_MAX:
        _refuse("criteria.count", f"{str(count)[:40]!r} is not a count; take a whole number from 1 to {COUNT_MAX}")
    if given.get("within") is None:
        if count > 1:
            _refuse("criteria.within", f'is missing; say within how long {count} events must come, as within = "1h"')
        return Criteria()
    within_us = duration_us(given["within"], "criteria.within")
    if not SECOND_US <= within_us <= PERIOD_MAX_US:
        _refuse("criteria.within", f"{str(given['within'])[:40]!r} is impossible; it can be from 1s to 30d")
    least_us = (count - 1) * evaluate_us
    if count > 1 and within_us <= least_us:
        often = f"an endpoint is evaluated at most every {evaluate_us / 1e6:g} s (evaluate_seconds)"
        _refuse("criteria.within", f"can never be met: {often}, so {count} events take more than {least_us / 1e6:g} s")
    return Criteria(count, within_us) if count > 1 else Criteria()


def _choice(keys: Mapping[str, Any], field: str, default: E) -> E:
    value, kind = keys.get(field, default), type(default)
    if value not in list(kind):
        _refuse(field, f"{str(value)[:40]!r} is none of {', '.join(kind)}")
    return kind(value)


def _receivers(keys: Mapping[str, Any], known: Collection[str] | None) -> tuple[str, ...]:
    given = keys.get("receivers", ())
    if isinstance(given, str) or not isinstance(given, Iterable):
        _refuse("receivers", 'is no list of names; write ["ops"]')
    given = list(given)
    if not all(isinstance(name, str) and name for name in given):
        _refuse("receivers", 'is no list of names; write ["ops"]')
    names = tuple(dict.fromkeys(given))
    if len(names) > RECEIVERS_MAX:
        _refuse("receivers", f"are {len(names)}; a rule can have {RECEIVERS_MAX}")
    for name in names:
        if known is not None and name not in known:
            there = f"there are {', '.join(sorted(known))}" if known else "there is none yet; add one under [[receivers]]"
            _refuse("receivers", f": no receiver {name[:60]!r}; {there}")
    return names


def _text(keys: Mapping[str, Any], field: str, *, most: int | None, default: str = "") -> str:
    value = keys.get(field, default)
    if not isinstance(value, str):
        _refuse(field, f"{str(value)[:40]!r} is no text")
    if most is not None and len(value) > most:
        _refuse(field, f"has {len(value)} characters; write at most {most}")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        _refuse(field, "has a control character; write plain text")
    return value


def _consistent(rule: Rule) -> Rule:
    """The rule, if its keys go together."""
    for refuses, field, problem in CONTRADICTIONS:
        if refuses(rule):
            _refuse(field, problem)
    return rule


def _refuse(field: str, problem: str) -> NoReturn:
    raise InvalidInput(f"{field}{'' if problem.startswith(':') else ' '}{problem}", field=field)
