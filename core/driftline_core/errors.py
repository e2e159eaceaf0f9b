"""What can be wrong with a request, by who can fix it; the server maps each to a status, and nothing else to one."""


class CoreError(Exception):
    """A refusal a stranger can act on: which field, what is wrong with it, what to do."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


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
