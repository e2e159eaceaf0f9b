"""How an engine cuts time, and how long it keeps it."""

from dataclasses import dataclass

from driftline_core.hours import CLOSING, ClosingRules
from driftline_core.panes import DAY_US, MINUTE_US, RULER, Ruler


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How time is cut and how long it is kept; all in microseconds. The hour is the ruler's widest pane."""

    ruler: Ruler = RULER
    closing: ClosingRules = CLOSING
    # Rows further ahead of their arrival are refused: a clock is wrong somewhere.
    future_max_us: int = 5 * MINUTE_US
    # Rows further behind their arrival are expired, as are panes behind `advance`.
    retention_us: int = 400 * DAY_US
    # Closed hours are stored: hours without rows are closed too, and hours that are old and stored are let go of.
    has_store: bool = False
    # Producers remembered of an endpoint; past it the idlest is forgotten.
    producers_max: int = 10_000

    @property
    def hour_us(self) -> int:
        return self.ruler.widest_us
