"""Event time cut into panes: one minute when young, five minutes after ten, an hour after two hours.

Ages are measured behind the watermark (the newest event time of an endpoint), never by a clock, so that a replay cuts as live does.
Both borders between widths are themselves multiples of the wider width, so every pane lies in exactly one wider one.
All times are epoch microseconds, all spans half open.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Micros = npt.NDArray[np.int64]

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

# Beyond any retention, and far enough from the ends of int64 that sums with spans of time do not wrap.
FAR_PAST_US = -(2**61)
FAR_FUTURE_US = 2**61


@dataclass(frozen=True, slots=True)
class Pane:
    """A span of event time that is kept as one profile."""

    start_us: int
    width_us: int

    @property
    def end_us(self) -> int:
        return self.start_us + self.width_us


def floor(at_us: int, width_us: int) -> int:
    """The multiple of `width_us` at or before `at_us`.

    >>> floor(-1, 60), floor(60, 60)
    (-60, 60)
    """
    return at_us - at_us % width_us


@dataclass(frozen=True, slots=True)
class Ruler:
    """How wide panes are, as seen from a watermark: ((age, width), …), then the widest.

    Ages and widths rise, each width is a multiple of the one before, each age of the finest width.
    """

    steps: tuple[tuple[int, int], ...] = ((10 * MINUTE_US, MINUTE_US), (2 * HOUR_US, 5 * MINUTE_US))
    widest_us: int = HOUR_US
    _bands: tuple[tuple[int, int, int], ...] = field(init=False, repr=False, compare=False)  # (age, width, the next wider width)

    def __post_init__(self) -> None:
        wider = (*(width for _, width in self.steps[1:]), self.widest_us)
        bands = tuple((age, width, next_) for (age, width), next_ in zip(self.steps, wider, strict=True))
        object.__setattr__(self, "_bands", bands)

    @property
    def finest_us(self) -> int:
        return self.steps[0][1] if self.steps else self.widest_us

    def width(self, at_us: int, watermark_us: int) -> int:
        """Width of the pane that holds `at_us`."""
        for age, width, wider in self._bands:
            if at_us >= floor(watermark_us - age, wider):
                return width
        return self.widest_us

    def pane(self, at_us: int, watermark_us: int) -> Pane:
        """The pane that holds `at_us`.

        >>> Ruler().pane(90 * SECOND_US, 90 * SECOND_US)
        Pane(start_us=60000000, width_us=60000000)
        """
        width = self.width(at_us, watermark_us)
        return Pane(floor(at_us, width), width)

    def starts(self, at_us: Micros, watermark_us: int) -> Micros:
        """Start of the pane of each time; what `pane` says, for many at once."""
        starts = at_us - at_us % self.widest_us
        for age, width, wider in reversed(self._bands):
            young = at_us >= floor(watermark_us - age, wider)
            starts = np.where(young, at_us - at_us % width, starts)
        return starts

    def widen(self, start_us: int, end_us: int, watermark_us: int) -> tuple[int, int]:
        """The smallest span of whole panes that covers [start, end)."""
        return self.pane(start_us, watermark_us).start_us, self.pane(max(end_us - 1, start_us), watermark_us).end_us


def ruler_of(hour_us: int, minutes_us: int = 10 * MINUTE_US, fives_us: int = 2 * HOUR_US) -> Ruler:
    """The ruler of hours of another length: what is not narrower than them falls away.

    Panes are a minute wide up to an age of `minutes_us`, and five minutes up to one of `fives_us`, which is no less.

    >>> ruler_of(5 * MINUTE_US).steps == ((10 * MINUTE_US, MINUTE_US),)
    True
    """
    steps = (minutes_us, MINUTE_US), (max(minutes_us, fives_us), 5 * MINUTE_US)
    return Ruler(tuple((age, width) for age, width in steps if width < hour_us), hour_us)


RULER = Ruler()
