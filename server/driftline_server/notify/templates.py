"""Summary templates: text with `{{ field }}` in it, each field one of an alert's own, and nothing else.

Not Jinja2's sandbox: it keeps a template from Python's insides, not from `{% for %}` within `{% for %}`, whose time and memory have
no bound, and a summary needs no loop. Here a template is read once by one pattern that cannot backtrack, and what it gives is cut
at SUMMARY_MAX. The result is plain text, whatever it holds: each channel escapes it whole (see escaping).
"""

import re
from collections.abc import Collection, Mapping

from driftline_core.errors import InvalidInput

TEMPLATE_MAX = 2000
FIELD_MAX = 500
SUMMARY_MAX = 2000
FIELDS = ("rule", "endpoint", "column", "columns", "event", "severity", "status", "value", "window", "start", "end", "first_seen")
# Of a message, for the inputs of a pipeline it starts.
MESSAGE_FIELDS = (
    *("key", "status", "title", "count", "alert", "rule", "event", "severity", "endpoint", "endpoints", "column", "value"),
    *("window_start", "window_end", "summary", "report", "export"),
)
_FIELD = re.compile(r"\{\{ ?([a-z_]{1,32}) ?\}\}")


def check_template(template: str, *, known: Collection[str] = FIELDS, field: str = "summary") -> None:
    """Raises InvalidInput unless a template can be rendered: asked when a rule is made, not when an alert fires."""
    if len(template) > TEMPLATE_MAX:
        raise InvalidInput(f"{field} is longer than {TEMPLATE_MAX} characters; shorten it", field=field)
    unknown = [name for name in _FIELD.findall(template) if name not in known]
    rest = _FIELD.sub("", template)
    if unknown or any(mark in rest for mark in ("{{", "}}", "{%", "{#")):
        what = f"the field {unknown[0]!r}" if unknown else "an expression"
        raise InvalidInput(f"{field} has {what}, and takes only {{{{ field }}}} with a field of: {', '.join(known)}", field=field)


def render(template: str, fields: Mapping[str, str]) -> str:
    """A template's text. A field the alert does not have is written as a dash; nothing is read twice.

    >>> render("{{ column }} of {{endpoint}}: {{ value }}", {"endpoint": "shop/m", "column": "{{ rule }}"})
    '{{ rule }} of shop/m: –'
    """
    return _FIELD.sub(lambda match: _cut(fields.get(match[1]) or "–", FIELD_MAX), template[:TEMPLATE_MAX])[:SUMMARY_MAX]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
