"""How long to wait before the next attempt: longer each time, and never in step with others."""

import random
from dataclasses import dataclass, field

FIRST_SECONDS, SECONDS_MAX = 0.1, 5.0


@dataclass(slots=True)
class Backoff:
    """Doubles from 0.1 s to 5 s, each with up to half taken off at random."""

    _failures: int = 0
    _random: random.Random = field(default_factory=random.Random)

    def next_seconds(self) -> float:
        seconds = min(SECONDS_MAX, FIRST_SECONDS * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        return seconds * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._failures = 0
