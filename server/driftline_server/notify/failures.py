"""How a delivery fails: in a way that passes, or for good. Neither ever holds a secret in its text."""


class Retryable(Exception):
    """Not delivered now; worth another attempt, after `retry_after_s` where the receiver named a time."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


class Permanent(Exception):
    """Not delivered, and the same attempt again would not be either: someone must change something."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
