"""What can be wrong with a request, by who can fix it; the server maps each to a status, and nothing else to one."""

REASON_BYTES_MAX = 1000
FIELD_BYTES_MAX = 256


class CoreError(Exception):
    """A refusal a stranger can act on: which field, what is wrong with it, what to do.

    Both are cut where they quote what a stranger sent at length: they travel in headers, whose size ends a connection.
    """

    def __init__(self, reason: str, *, field: str = "") -> None:
        self.reason = _cut(reason, REASON_BYTES_MAX)
        self.field = _cut(field, FIELD_BYTES_MAX)
        super().__init__(self.reason)


class InvalidInput(CoreError):
    """The request is wrong; the one who sent it can put it right."""


class NotFound(CoreError):
    """What the request names does not exist."""


class AlreadyExists(CoreError):
    """What the request would create exists."""


class FailedPrecondition(CoreError):
    """The request is right and the state is not; sending it again does not help."""


class Unavailable(CoreError):
    """Nobody can be served this now, and the one who asks is not at fault; `reason` says whether waiting helps."""


class ResourceExhausted(CoreError):
    """A limit of the server; `retry_after_s` is how long to wait, None where waiting does not help."""

    def __init__(self, reason: str, *, field: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(reason, field=field)
        self.retry_after_s = retry_after_s


def _cut(text: str, bytes_max: int) -> str:
    """Shortened in the middle: what is wrong is said first, and what to do last."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= bytes_max:
        return text
    ends = encoded[: bytes_max // 2], encoded[-bytes_max // 4 :]
    return " … ".join(end.decode("utf-8", "ignore") for end in ends)
