"""Secrets by reference: the settings name an environment variable or a file, and the value is read when a message is sent.

A value lives in a Secret, whose repr and str are masked and which does not pickle; only `reveal` gives it, to the code that puts it
on the wire. It is never written to the store, a log or an answer.
"""

import base64
import contextlib
import html
import os
import re
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from driftline_core.errors import InvalidInput
from driftline_server.notify.failures import Retryable

MASK = "***"
_FILE_BYTES_MAX = 64 * 1024
_PART_MIN = 6


class Secret:
    """A text that shows itself to nobody.

    >>> print(Secret("hunter2"), [Secret("hunter2")])
    *** [Secret('***')]
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is: `env:NAME` or `file:/path`."""

    source: str
    name: str

    def __str__(self) -> str:
        return f"{self.source}:{self.name}"

    def reveal(self) -> str:
        """The value now. Raises Retryable where it is not there: a file may yet be mounted."""
        value = os.environ.get(self.name, "") if self.source == "env" else self._read()
        if not value:
            raise Retryable(f"the secret {self} is not set or empty; set it in the server's environment, or write the file")
        return value

    def _read(self) -> str:
        try:
            with Path(self.name).open("rb") as file:
                content = file.read(_FILE_BYTES_MAX + 1)
            if len(content) > _FILE_BYTES_MAX:
                raise Retryable(f"the secret {self} is longer than {_FILE_BYTES_MAX} bytes; is it the right file?")
            return content.decode().strip()
        except OSError as error:
            raise Retryable(f"the secret {self} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Retryable(f"the secret {self} is not UTF-8 text; is it the right file?") from None


Value = Secret | Reference


def is_reference(text: str) -> bool:
    return text.startswith(("env:", "file:")) and not text.startswith("file://")


def reference(text: str, *, field: str) -> Reference:
    """A reference as written. Raises InvalidInput, without the text: it may be the secret itself.

    >>> reference("env:OPS_URL", field="secret")
    Reference(source='env', name='OPS_URL')
    """
    source, _, name = text.partition(":")
    if not is_reference(text) or not name or not name.isprintable() or len(name) > 4096:
        raise InvalidInput(
            f"{field} is a secret: write where it is, 'env:NAME' or 'file:/path', never the secret itself", field=field
        )
    return Reference(source, name)


def parts(url: str) -> list[str]:
    """What of an address may be a secret, for `masked`: all of it, and every part that is long enough to be one.

    >>> parts("slack://tokenA12/B1/secret9")
    ['slack://tokenA12/B1/secret9', 'tokenA12', 'secret9']
    """
    found = re.split(r"[/?&=:@;,]+", url.partition("://")[2])
    return [url, *(part for text in found for part in {text, urllib.parse.unquote(text)} if len(part) >= _PART_MIN)]


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, in whatever form a library or a peer may have written them.

    Nothing is left of a text that holds one with characters escaped, as JSON and HTML have it.

    >>> masked("no such token: s3cr3t+x, s3cr3t%2Bx", ["s3cr3t+x"])
    'no such token: ***, ***'
    >>> masked(r'{"error": "no such token: s3cr3t\\/x"}', ["s3cr3t/x"])
    '***'
    """
    forms = sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)
    for form in forms:
        text = text.replace(form, MASK)
    bare = _unescaped(text)
    return MASK if any(form in bare for form in forms) else text


def _forms(secret: str) -> set[str]:
    """A secret as it may be written; of credentials in base64, what they say and the password by itself too."""
    forms = {secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret), repr(secret)[1:-1]}
    forms.add(base64.b64encode(secret.encode()).decode())
    with contextlib.suppress(ValueError):
        said = base64.b64decode(secret.rpartition(" ")[2], validate=True).decode()
        forms |= {part for part in (said, said.partition(":")[2]) if len(part) >= _PART_MIN}
    return forms


def _unescaped(text: str) -> str:
    """What JSON or HTML would read."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), html.unescape(text))
    return re.sub(r"\\(.)", r"\1", text)
