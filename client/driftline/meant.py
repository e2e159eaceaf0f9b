"""What a monitor is made with and asked, checked: what cannot be meant is refused in words, and not met later as rows that stay."""

import math
import operator
import re
import threading
from numbers import Real
from typing import Any

from driftline.errors import InvalidInput

PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
ENDPOINT = re.compile(rf"(?:{PART}/){{0,2}}{PART}(?::{PART})?")  # as the server has it


def endpoint_name(name: Any) -> str:
    """The name of an endpoint, canonical or short. Raises InvalidInput.

    >>> endpoint_name("../x")
    Traceback (most recent call last):
    driftline.errors.InvalidInput: endpoint='../x': it is a name, as 'model' or 'project/function/model:version', each part of \
letters, digits, '.', '_' and '-', at most 63 of them, a letter or digit first
    """
    if isinstance(name, str) and ENDPOINT.fullmatch(name):
        return name
    raise InvalidInput(
        f"endpoint={_shown(name)}: it is a name, as 'model' or 'project/function/model:version', each part of letters, digits, "
        "'.', '_' and '-', at most 63 of them, a letter or digit first"
    )


def one_of(words: tuple[str, ...], value: Any, field: str) -> str:
    """One of some words. Raises InvalidInput."""
    if isinstance(value, str) and value in words:
        return value
    raise InvalidInput(f"{field}={_shown(value)}: it is {' or '.join(map(repr, words))}")


def count(value: Any, field: str) -> int:
    """A whole number of at least 1. Raises InvalidInput.

    >>> count("a", "batch_rows")
    Traceback (most recent call last):
    driftline.errors.InvalidInput: batch_rows='a': it is a whole number, at least 1
    """
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise InvalidInput(f"{field}={_shown(value)}: it is a whole number, at least 1")
    return number


def seconds(value: Any, field: str) -> float:
    """A length of time, at least 0. Raises InvalidInput."""
    number = _number(value)
    if not 0 <= number < math.inf:
        raise InvalidInput(f"{field}={_shown(value)}: it is a number of seconds, at least 0")
    return number


def wait(timeout: Any) -> float | None:
    """How long to wait: seconds, none where they are below 0, or without limit (None). Raises InvalidInput.

    >>> wait(5), wait(-1.0), wait(None), wait(float("inf"))
    (5.0, 0.0, None, None)
    """
    if timeout is None:
        return None
    number = _number(timeout)
    if math.isnan(number):
        raise InvalidInput(f"timeout={_shown(timeout)}: it is a number of seconds, or None to wait without limit")
    return None if number > threading.TIMEOUT_MAX else max(0.0, number)


def _number(value: Any) -> float:
    """NaN for what is none."""
    return math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
