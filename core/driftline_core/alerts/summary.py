"""The sentence an alert is told in: plain text with `{names}` put in from a fixed list, and nothing evaluated."""

import re
from collections.abc import Sequence

from driftline_core.alerts.catalogue import EVENTS
from driftline_core.errors import InvalidInput

FIELDS = ("rule", "endpoint", "column", "columns", "event", "value", "severity", "window")
TEMPLATE_MAX = 500
TEXT_MAX = 1000
_COLUMNS_MAX = 8
_FIELD = re.compile(r"\{([a-z]+)\}")


def check(template: str) -> str:
    """The template, if every brace in it belongs to one of `FIELDS`. Raises InvalidInput.

    >>> check("{columns} moved on {endpoint}")
    '{columns} moved on {endpoint}'
    """
    if len(template) > TEMPLATE_MAX:
        raise InvalidInput(f"summary has {len(template)} characters; write at most {TEMPLATE_MAX}", field="summary")
    rest = _FIELD.sub(lambda found: "" if found[1] in FIELDS else found[0], template)
    if "{" in rest or "}" in rest:
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        raise InvalidInput(f"summary has a brace that is none of {known}; only these are filled in", field="summary")
    return template


def render(template: str, values: dict[str, str]) -> str:
    """A checked template with its fields put in once: what a value holds is text and not looked at again.

    >>> render("{column} is {value}", {"column": "{value}", "value": "0.9"})
    '{value} is 0.9'
    """
    text = _FIELD.sub(lambda found: values.get(found[1], ""), template)
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"


def default_template(event: str, metric: str, *, of_columns: bool) -> str:
    """What is said where a rule has no summary of its own.

    >>> default_template("", "null_share", of_columns=True)
    'null_share of {columns} is {value} on {endpoint}'
    """
    return EVENTS[event] if event else f"{metric}{' of {columns}' if of_columns else ''} is {{value}} on {{endpoint}}"


def value_text(value: float) -> str:
    """A value as people read it.

    >>> value_text(0.912345), value_text(1234.0), value_text(45_040.0)
    ('0.9123', '1234', '45,040')
    """
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def listed(columns: Sequence[str]) -> str:
    """Columns by name, the last ones counted where there are many.

    >>> listed(["a", "b"]), listed([f"c{i}" for i in range(10)])[-13:]
    ('a, b', 'c7 and 2 more')
    """
    shown = ", ".join(columns[:_COLUMNS_MAX])
    return shown if len(columns) <= _COLUMNS_MAX else f"{shown} and {len(columns) - _COLUMNS_MAX} more"
