"""Names strangers choose: of endpoints and of columns. A name is a label, never a path."""

import fnmatch
import re
import unicodedata
from collections.abc import Iterable

from driftline_core.errors import InvalidInput

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
COLUMN_NAME_BYTES_MAX = 256
PATTERN_CHARS_MAX = 1024


def canonical(name: str) -> str:
    """The full form `project/function/model:version` of an endpoint's name.

    Raises InvalidInput where a part does not match `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.

    >>> canonical("scorer"), canonical("shop/scorer"), canonical("shop/fraud/scorer:v3")
    ('default/default/scorer:latest', 'shop/default/scorer:latest', 'shop/fraud/scorer:v3')
    """
    path, colon, version = name.partition(":")
    parts = path.split("/")
    match parts:
        case [model]:
            parts = ["default", "default", model]
        case [project, model]:
            parts = [project, "default", model]
        case [_, _, _]:
            pass
        case _:
            raise _bad_name(name)
    version = version if colon else "latest"
    if not all(_PART.match(part) for part in (*parts, version)):
        raise _bad_name(name)
    return f"{parts[0]}/{parts[1]}/{parts[2]}:{version}"


def _bad_name(name: str) -> InvalidInput:
    shown = name if len(name) <= 80 else f"{name[:80]}…"
    return InvalidInput(
        f"{shown!a} names no endpoint; write model, project/model or project/function/model, each with or without :version, "
        "and each part of letters, digits, '.', '_' and '-', at most 63 of them, a letter or digit first",
        field="name",
    )


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """The canonical names a glob matches, sorted; `*` crosses `/`, an empty pattern matches all.

    Raises InvalidInput for one of more than 1,024 characters: a glob takes time by the square of its length.

    >>> matching(["a/b/m:1", "a/c/m:1", "d/b/m:1"], "a/*")
    ['a/b/m:1', 'a/c/m:1']
    """
    if len(pattern) > PATTERN_CHARS_MAX:
        raise InvalidInput(
            f"the pattern has {len(pattern)} characters, over {PATTERN_CHARS_MAX}; no name is as long: write a shorter one",
            field="pattern",
        )
    return sorted(name for name in names if not pattern or fnmatch.fnmatchcase(name, pattern))


def column_name(name: str) -> str:
    """A column's name in normal form (Unicode NFC), so that two spellings of one name are one column.

    Raises InvalidInput for a name that is empty, longer than 256 bytes, or holds control or bidirectional override characters.

    >>> column_name("cafe\\u0301") == "caf\\xe9"
    True
    """
    name = normal(name)
    if not name:
        raise InvalidInput("a column has an empty name; give it one", field="column")
    if len(name.encode("utf-8", "replace")) > COLUMN_NAME_BYTES_MAX:
        raise InvalidInput(
            f"column {name[:40]!a}… has a name longer than {COLUMN_NAME_BYTES_MAX} bytes; give it a shorter one", field=name[:40]
        )
    if any(unicodedata.category(char) in ("Cc", "Cs") or char in _BIDI_CONTROLS for char in name):
        raise InvalidInput(f"column {name!a} has a control character in its name; give it a plain one", field=ascii(name)[1:-1])
    return name


def normal(name: str) -> str:
    """A column's name as it is kept, whichever spelling of it is asked for; it may be the name of none."""
    return unicodedata.normalize("NFC", name)


def column_names(names: Iterable[str]) -> list[str]:
    """The names of a table's columns in normal form; raises InvalidInput where one is bad or stands twice."""
    seen: dict[str, None] = {}
    for name in names:
        normal = column_name(name)
        if normal in seen:
            raise InvalidInput(f"column {normal!r} stands twice; columns are matched by name, so give each its own", field=normal)
        seen[normal] = None
    return list(seen)
