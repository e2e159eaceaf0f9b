"""A request that is a delivery: posted where the receiver's settings say, and judged by its status."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from driftline_core.errors import InvalidInput
from driftline_server.notify.addresses import Target, parse_url
from driftline_server.notify.escaping import plain
from driftline_server.notify.exchange import Answer, Route, post, retry_after_s
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.secret import masked, parts

_PASSES = frozenset((408, 425, 429))
_EXCERPT = 200
JSON = {"Content-Type": "application/json"}


def written(body: Any) -> bytes:
    """JSON as it goes out."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def send(url: str, body: bytes, headers: Mapping[str, str], route: Route, *, secrets: Iterable[str] = (), now_us: int) -> None:
    """POSTs a body; returns when it was taken (2xx).

    Raises Retryable for 5xx, 408, 425, 429, a redirect (never followed, yet a service under maintenance answers so) and any refusal
    that names a time to come back; Permanent for other refusals and for an address that cannot be used. What a server answered is
    quoted without the secrets.
    """
    try:
        target = parse_url(url, field="the address")
    except InvalidInput as error:
        raise Permanent(error.reason) from None
    answer = post(target, body, headers, route)
    if 200 <= answer.status < 300:
        return
    reason = _reason(target, answer, (*parts(url), *secrets))
    after_s = retry_after_s(answer.retry_after, now_us=now_us)
    if answer.status < 400 or answer.status >= 500 or answer.status in _PASSES or after_s is not None:
        raise Retryable(reason, retry_after_s=after_s)
    raise Permanent(reason)


def _reason(target: Target, answer: Answer, secrets: Iterable[str]) -> str:
    if 300 <= answer.status < 400:
        return f"{target.shown} answered {answer.status}, a redirect, which is never followed; give the address it leads to"
    said = masked(plain(answer.body.decode("utf-8", "replace"), is_long=False), secrets).strip()[:_EXCERPT]
    return f"{target.shown} answered {answer.status}{f': {said}' if said else ''}"
