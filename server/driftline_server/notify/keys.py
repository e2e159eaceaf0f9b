"""A table of settings, read key by key: each checked as it is taken, and none left over at the end."""

import re
from collections.abc import Container, Mapping
from typing import Any, NoReturn

from driftline_core.alerts.durations import duration_us
from driftline_core.errors import InvalidInput
from driftline_server.notify.secret import Reference, reference
from driftline_server.notify.templates import check_template

TEXT_MAX = 2048
TABLE_MAX = 25
_SHOWN_MAX = 40
DURATION_MAX_US = 366 * 86400 * 10**6


class Keys:
    """Takes keys out of a mapping; `done` refuses what was not taken. Errors name the key, never its value: it may be a secret."""

    def __init__(self, mapping: object, *, where: str) -> None:
        self._where = where
        if not isinstance(mapping, Mapping) or not all(isinstance(key, str) for key in mapping):
            self.refuse("", "is no table; write key = value lines")
        self._left: dict[str, Any] = dict(mapping)
        self._known: list[str] = []

    def refuse(self, key: str, problem: str) -> NoReturn:
        field = f"{self._where}.{key}" if key else self._where
        raise InvalidInput(f"{field} {problem}", field=field)

    def field(self, key: str) -> str:
        return f"{self._where}.{key}"

    def take(self, key: str) -> Any:
        """The raw value, or None."""
        self._known.append(key)
        return self._left.pop(key, None)

    def text(self, key: str, default: str | None = None, *, like: str = r".+") -> str:
        value = self.optional_text(key, like=like)
        if value is not None:
            return value
        return self.refuse(key, "is missing") if default is None else default

    def optional_text(self, key: str, *, like: str = r".+") -> str | None:
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > TEXT_MAX or not value.isprintable() or not re.fullmatch(like, value):
            self.refuse(key, f"must be a printable text that matches {like}, at most {TEXT_MAX} characters")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.take(key)
        if value is not None and not isinstance(value, bool):
            self.refuse(key, "must be true or false")
        return default if value is None else value

    def whole(self, key: str) -> int | None:
        value = self.take(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**53):
            self.refuse(key, "must be a whole number above 0")
        return value

    def duration_us(self, key: str, default: str) -> int:
        value = self.take(key)
        us = duration_us(default if value is None else value, self.field(key))
        if not 0 <= us <= DURATION_MAX_US:
            self.refuse(key, "is no duration of at most a year")
        return us

    def optional_secret(self, key: str) -> Reference | None:
        value = self.take(key)
        if value is None:
            return None
        return reference(value if isinstance(value, str) else "", field=self.field(key))

    def secret(self, key: str) -> Reference:
        found = self.optional_secret(key)
        return self.refuse(key, "is missing; write where the secret is: 'env:NAME' or 'file:/path'") if found is None else found

    def templates(self, key: str) -> dict[str, str]:
        """A table of texts with `{field}`s in them."""
        value = self.take(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or len(value) > TABLE_MAX:
            self.refuse(key, f"must be a table of at most {TABLE_MAX} texts")
        for name, text in value.items():
            if not (isinstance(name, str) and isinstance(text, str) and name.isprintable() and len(name) + len(text) <= TEXT_MAX):
                self.refuse(key, "must hold printable names and texts")
            check_template(text, field=f"{self.field(key)}.{name}")
        return dict(value)

    def left(self, *, but: Container[str] = ()) -> list[str]:
        """The keys that were not taken, as they may be shown."""
        return [key if key.isprintable() and len(key) <= _SHOWN_MAX else "…" for key in self._left if key not in but]

    def done(self) -> None:
        """Raises InvalidInput where a key is left that nobody asked for."""
        for key in self.left():
            self.refuse(key, f"is no setting; there are: {', '.join(self._known)}")
