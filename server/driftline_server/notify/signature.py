"""Signatures of webhooks: `t=<epoch seconds>,v1=<hex HMAC-SHA256 of "t.body">`: who sent a body, and when."""

import hashlib
import hmac

HEADER = "X-Driftline-Signature"


def sign(secret: str, body: bytes, *, at_s: int) -> str:
    """The header's value for a body sent at a time.

    >>> sign("s", b"{}", at_s=7)[:14]
    't=7,v1=b12cae8'
    """
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"
