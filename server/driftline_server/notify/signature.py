"""Signatures of webhooks: `t=<epoch seconds>,v1=<hex HMAC-SHA256 of "t.body">`: who sent a body, and when."""

import hashlib
import hmac
import re

HEADER = "X-Driftline-Signature"
_FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})\Z")


def sign(secret: str, body: bytes, *, at_s: int) -> str:
    """The header's value for a body sent at a time.

    >>> sign("s", b"{}", at_s=7)[:14]
    't=7,v1=b12cae8'
    """
    return f"t={at_s},v1={_digest(secret, body, at_s)}"


def is_signed(secret: str, body: bytes, header: str, *, now_s: int, tolerance_s: int = 300) -> bool:
    """Whether a header signs a body, and did so within `tolerance_s` of now: what a receiver asks."""
    match = _FORM.match(header)
    if match is None or abs(now_s - int(match[1])) > tolerance_s:
        return False
    return hmac.compare_digest(_digest(secret, body, int(match[1])), match[2])


def _digest(secret: str, body: bytes, at_s: int) -> str:
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
