"""When an hour of an endpoint is complete: once after its end, and again after rows that came late.

The "hour" is the period of event time that is snapshotted; an hour unless it was set otherwise.
"""

from dataclasses import dataclass

from driftline_core.panes import MINUTE_US, SECOND_US

NEVER = -1


@dataclass(frozen=True, slots=True)
class ClosingRules:
    """All in microseconds."""

    # An hour closes this long after its end …
    grace_us: int = 5 * MINUTE_US
    # … once the watermark is past that, or the clock is and no row came for the hour for this long.
    quiet_us: int = 5 * SECOND_US
    # An hour that late rows reach is closed once the endpoint's late rows stop (those of a back-fill come in any order), if it was
    # closed before at most this often …
    restate_min_us: int = 10 * SECOND_US
    # … and at the latest this long after the first of them.
    restate_max_us: int = 10 * MINUTE_US
    # It stays in memory for so long after the last of them.
    held_us: int = MINUTE_US


CLOSING = ClosingRules()


@dataclass(slots=True)
class Hour:
    """An hour that is held in memory. Positions are those of frames: what is at or below one is covered by it."""

    first_arrival_us: int  # of the rows that no closing has told of
    last_arrival_us: int
    is_late: bool  # its first rows came when it should have been closed, or with others from when it should
    is_dirty: bool = True  # rows came since it was last closed
    last_position: int = NEVER
    base_position: int = NEVER  # frames up to here are in the stored profile that this one grew from
    saved_position: int = NEVER  # the store holds every frame up to here
    revision: int = 0
    closed_us: int = 0

    @property
    def is_saved(self) -> bool:
        """The store holds all of its rows."""
        return self.saved_position >= self.last_position

    def on_rows(self, arrival_us: int, position: int) -> None:
        """Rows came."""
        if not self.is_dirty:
            self.is_dirty, self.first_arrival_us = True, arrival_us
        self.last_arrival_us = arrival_us
        self.last_position = max(self.last_position, position)

    def on_closed(self, revision: int, closed_us: int, through: int) -> None:
        """It was closed, all frames up to `through` told of."""
        self.revision, self.closed_us = revision, closed_us
        self.is_dirty = self.last_position > through

    def is_due(self, end_us: int, watermark_us: int, late_us: int, now_us: int, rules: ClosingRules) -> bool:
        """Whether to close a dirty hour now; late rows of its endpoint came last at `late_us`.

        A clock that stepped back counts as time that has passed.
        """
        quiet = abs(now_us - self.last_arrival_us) >= rules.quiet_us
        closes_us = end_us + rules.grace_us
        if not self.revision and not self.is_late:
            return watermark_us >= closes_us or (now_us >= closes_us and quiet)
        quiet &= abs(now_us - late_us) >= rules.quiet_us
        waited = abs(now_us - self.first_arrival_us) >= rules.restate_max_us
        return (quiet or waited) and (not self.revision or abs(now_us - self.closed_us) >= rules.restate_min_us)
