"""The DRIFTLINE_* of an environment that nobody reads: a setting misspelt must not pass for one that is set."""

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

PREFIX = "DRIFTLINE_"
# What others than the server read: the command line; a pipeline that a receiver started (notify/senders); the tests
# (docs/testing.md).
_ELSEWHERE = frozenset(
    {
        *("SERVER", "SOAK_RUNS", "CRASH_SEEDS", "EVERY_BYTE"),
        *("KEY", "STATUS", "TITLE", "COUNT", "ALERT", "RULE", "EVENT", "SEVERITY", "ENDPOINT", "ENDPOINTS", "COLUMN", "VALUE"),
        *("WINDOW_START", "WINDOW_END", "SUMMARY", "REPORT", "REPORT_URL", "EXPORT"),
    }
)
# Kubernetes and Docker tell every container of a service `driftline` or `driftline-…` in variables like these.
_LINK = re.compile(r"([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_LINK_PORT = re.compile(r"([A-Z0-9_]+_)?PORT")
_URL = re.compile(r"(tcp|udp|sctp)://")


def unknown(environ: Mapping[str, str], settings: Collection[str]) -> list[str]:
    """The variables, in order, that look like settings and are none, of these names, and are of no other known use.

    >>> unknown({"DRIFTLINE_DATA": ".", "DRIFTLINE_DATTA": ".", "driftline_listen": "", "HOME": "/"}, ["data", "listen"])
    ['DRIFTLINE_DATTA']
    """
    known = {name.upper() for name in settings} | _ELSEWHERE
    names = {variable: variable.upper().removeprefix(PREFIX) for variable in environ if variable.upper().startswith(PREFIX)}
    return sorted(variable for variable, name in names.items() if name not in known and not _is_link(name, environ[variable]))


def variable(setting: str) -> str:
    """The variable of a setting."""
    return PREFIX + setting.upper()


def setting(variable: str) -> str:
    """The name that a variable has as a setting, whether there is one or not."""
    return variable[len(PREFIX) :].lower()


def set_by(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables by the setting that they set."""
    return {setting(name): name for name in environ if name.upper().startswith(PREFIX)}


def meant(name: str, known: Collection[str], written: Callable[[str], str] = str) -> str:
    """What to say of a name that is none: the names most like it, as they are written; nothing where none is.

    >>> meant("payload_byte_max", ["payload_bytes_max", "upload_bytes_max", "data"])
    '; did you mean payload_bytes_max or upload_bytes_max?'
    """
    near = get_close_matches(name, known, n=3, cutoff=0.75)
    return f"; did you mean {' or '.join(map(written, near))}?" if near else ""


def _is_link(name: str, value: str) -> bool:
    return bool(_LINK.fullmatch(name) or (_LINK_PORT.fullmatch(name) and _URL.match(value)))
