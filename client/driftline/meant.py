"""Checks of arguments: what makes no sense is refused with an explanation at once, not met later as rows that never leave."""

import math
import re
import threading
from numbers import Integral, Real
from typing import Any

import numpy as np

from driftline.errors import InvalidInput

PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
ENDPOINT = re.compile(rf"(?:{PART}/){{0,2}}{PART}(?::{PART})?")  # as the server has it
NO_NUMBERS = (bool, np.bool_, np.timedelta64)  # though Python or numpy says so


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
    found = whole(value)
    if found is None or found < 1:
        raise InvalidInput(f"{field}={_shown(value)}: it is a whole number, at least 1")
    return found


def seconds(value: Any, field: str) -> float:
    """A length of time, at least 0. Raises InvalidInput."""
    found = number(value)
    if not 0 <= found < math.inf:
        raise InvalidInput(f"{field}={_shown(value)}: it is a number of seconds, at least 0")
    return found


def wait(timeout: Any) -> float | None:
    """How long to wait: seconds (0 if below 0), or without limit (None). Raises InvalidInput.

    >>> wait(5), wait(-1.0), wait(None), wait(float("inf"))
    (5.0, 0.0, None, None)
    """
    if timeout is None:
        return None
    found = number(timeout)
    if math.isnan(found):
        raise InvalidInput(f"timeout={_shown(timeout)}: it is a number of seconds, or None to wait without limit")
    return None if found > threading.TIMEOUT_MAX else max(0.0, found)


def whole(value: Any) -> int | None:
    """A value as a whole number, Python's or numpy's; None if it is none, as booleans and fractions are.

    >>> whole(np.int64(5)), whole(5.0), whole(True)
    (5, None, None)
    """
    return None if isinstance(value, NO_NUMBERS) or not isinstance(value, Integral) else int(value)


def number(value: Any) -> float:
    """A value as a number, Python's or numpy's; NaN if it is none."""
    return math.nan if isinstance(value, NO_NUMBERS) or not isinstance(value, Real) else float(value)


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
