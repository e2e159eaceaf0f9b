"""Texts that an operator writes for a pipeline, with `{field}`s of a message in them: the same language as a rule's summary.

Nothing is evaluated: a template is read once by one pattern that cannot backtrack, and what it gives is cut at TEXT_MAX. Not
Jinja2's sandbox: that keeps a template from Python's insides, not from a loop within a loop, whose time and memory have no bound.
"""

import re
from collections.abc import Mapping

from driftline_core.errors import InvalidInput

TEMPLATE_MAX = 2000
TEXT_MAX = 2000
FIELDS = (
    *("key", "status", "title", "count", "alert", "rule", "event", "severity", "endpoint", "endpoints", "column", "value"),
    *("window_start", "window_end", "summary", "report_url", "report", "export"),
)
_FIELD = re.compile(r"\{([a-z_]{1,32})\}")


def check_template(template: str, *, field: str) -> None:
    """Raises InvalidInput unless every brace belongs to a field: asked when settings are read, not when an alert fires."""
    if len(template) > TEMPLATE_MAX:
        raise InvalidInput(f"{field} is longer than {TEMPLATE_MAX} characters; shorten it", field=field)
    rest = _FIELD.sub(lambda found: "" if found[1] in FIELDS else found[0], template)
    if "{" in rest or "}" in rest:
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        raise InvalidInput(f"{field} has a brace that is none of {known}; only these are filled in", field=field)


def render(template: str, told: Mapping[str, str]) -> str:
    """A template's text; what a field holds is text and not read again.

    >>> render("{column} of {endpoint}", {"endpoint": "shop/m", "column": "{rule}"})
    '{rule} of shop/m'
    """
    return _FIELD.sub(lambda found: told.get(found[1], ""), template[:TEMPLATE_MAX])[:TEXT_MAX]
