"""Remedies in the client's Python, as what a person at a command line can type."""

import re
import shlex

NAME = r"(?:'([^']*)'|\"([^\"]*)\")"  # as repr writes it
SPOKEN = (
    (re.compile(rf"exclude=\[{NAME}\]"), "--exclude {}"),
    (re.compile(rf"reserved=\{{{NAME}: None\}}"), "--reserved {}="),
    (re.compile(r"client\.\w+\([^`]*\) or (?=`driftline )"), ""),
    (re.compile(r"client\.alerts\(\)"), "`driftline alerts list`"),
    (re.compile(r"client\.silences\(\)"), "`driftline alerts silences`"),
    (re.compile(r"with set_reference\b"), "with `driftline endpoints set-reference`"),
)


def in_flags(message: str) -> str:
    """A message whose remedy is a call, with the flag or the command instead.

    >>> in_flags("it has no value; leave it out (exclude=['day off'])")
    "it has no value; leave it out (--exclude 'day off')"
    >>> in_flags("reserved={'id': None} makes it one"), in_flags("list them with client.alerts() or `driftline alerts list`")
    ('--reserved id= makes it one', 'list them with `driftline alerts list`')
    """
    for pattern, spoken in SPOKEN:
        message = pattern.sub(lambda found, spoken=spoken: spoken.format(*_named(found)), message)  # type: ignore[misc]
    return message


def _named(found: "re.Match[str]") -> list[str]:
    return [shlex.quote(name) for name in found.groups() if name is not None]
