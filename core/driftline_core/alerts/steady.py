"""Server time that never runs back: what `hold`, `cooldown`, criteria and silences are measured in.

A clock that is set back an hour would make every one of them an hour late. So the step is remembered and added, and is taken off
again when the clock is set right. A gap otherwise is time that passed. It must be looked at every few seconds: while the clock is
behind, a gap of `LEAP_MIN_US` is taken for the clock being set right.
"""

from dataclasses import dataclass

from driftline_core.panes import FAR_PAST_US, MINUTE_US

# A leap this long, while the clock is known to have been set back, is the clock being set right.
LEAP_MIN_US = MINUTE_US


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment: `at_us` is what the clock said, for people; `steady_us` is for measuring."""

    at_us: int
    steady_us: int


@dataclass(slots=True)
class Steady:
    """The last steady time, and how far the clock has been set back.

    >>> steady = Steady()
    >>> [steady.update(at_us).steady_us for at_us in (10_000_000, 20_000_000, 5_000_000, 6_000_000)]
    [10000000, 20000000, 20000000, 21000000]
    """

    last_us: int = FAR_PAST_US
    behind_us: int = 0

    def update(self, at_us: int) -> Moment:
        """The moment at which the clock says `at_us`."""
        lapse_us = at_us + self.behind_us - self.last_us
        if lapse_us < 0:
            self.behind_us -= lapse_us
            lapse_us = 0
        elif self.behind_us and lapse_us >= LEAP_MIN_US:
            right_us = min(self.behind_us, lapse_us)
            self.behind_us -= right_us
            lapse_us -= right_us
        self.last_us += lapse_us
        return Moment(at_us, self.last_us)
