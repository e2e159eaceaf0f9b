"""Silences: for a while nothing is told of some endpoints. State goes on; what is still so afterwards is told then."""

import fnmatch
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is told of endpoints matching the glob (and of one rule only, if named) until it ends.

    `created_us` and `until_us` are what the clock says, for people; it ends at `steady_until_us` of steady time.
    """

    id: str
    endpoint: str
    rule: str
    reason: str
    created_us: int
    until_us: int
    steady_until_us: int

    def covers(self, rule: str, endpoint: str) -> bool:
        """Whether it is about a rule on an endpoint."""
        return self.rule in ("", rule) and fnmatch.fnmatchcase(endpoint, self.endpoint)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "Silence":
        return cls(**saved)


def is_silenced(silences: Iterable[Silence], rule: str, endpoint: str, steady_us: int) -> bool:
    """Whether any silence holds for a rule on an endpoint.

    >>> night = Silence("s", "shop/*", "", "quiet hours", 0, 100, 100)
    >>> [is_silenced([night], "drift", "shop/f/m:1", at_us) for at_us in (99, 100)]
    [True, False]
    """
    return any(steady_us < each.steady_until_us and each.covers(rule, endpoint) for each in silences)
