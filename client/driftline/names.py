"""Column names as the server keeps them: text, in Unicode's composed form, whoever wrote them."""

import unicodedata
from collections.abc import Mapping
from typing import Any


def column_name(name: Any) -> str:
    """The name under which the server knows a column; of what is no text what Arrow makes of a DataFrame's names. Never raises.

    Half of a surrogate pair, which no text of the server's holds, is written as Python writes it.

    >>> column_name("cafe\\u0301") == "caf\\xe9", column_name(0), column_name((0, "a")), column_name("\\ud800") == r"\\ud800"
    (True, '0', "('0', 'a')", True)
    """
    try:
        text = name if isinstance(name, str) else _written(name)
    except Exception:  # the object's own
        return f"a {type(name).__name__}"
    return text if text.isascii() else unicodedata.normalize("NFC", text.encode(errors="backslashreplace").decode())


def by_name(record: Mapping[Any, Any]) -> dict[Any, Any]:
    """A row under the server's names for its columns, beside those it came with; a name that is spelt so already goes before.

    >>> by_name({0: 1.5, "0": 2.5, 1: 3.5})
    {'0': 2.5, '1': 3.5, 0: 1.5, 1: 3.5}
    """
    return {column_name(name): value for name, value in record.items()} | dict(record)


def _written(name: Any) -> str:
    if isinstance(name, bytes):
        return name.decode()
    return str(tuple(map(column_name, name))) if isinstance(name, tuple) else str(name)
