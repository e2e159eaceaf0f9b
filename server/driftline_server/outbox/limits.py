"""How long and how often delivery is tried, and the waits between."""

import random
from dataclasses import dataclass

from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US, SECOND_US


@dataclass(frozen=True, slots=True)
class Limits:
    """A message that was tried `attempts_max` times, or for `age_max_us`, is given up: a dead letter, kept and re-sendable."""

    attempts_max: int = 5000
    age_max_us: int = DAY_US
    # Waits double from the first to the longest.
    delay_first_us: int = SECOND_US
    delay_max_us: int = MINUTE_US
    # A receiver that asks for more patience than this is asked again all the same.
    retry_after_max_us: int = HOUR_US

    def delay_us(self, failures: int, chance: random.Random, *, retry_after_s: float | None = None) -> int:
        """The wait after so many failures in a row, up to half taken off at random, yet never less than the receiver asked for."""
        longest = min(self.delay_max_us, self.delay_first_us << min(failures - 1, 30))
        asked = min(self.retry_after_max_us, round((retry_after_s or 0) * SECOND_US))
        return max(asked, round(longest * chance.uniform(0.5, 1.0)))


USUAL = Limits()
