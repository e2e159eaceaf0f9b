"""Which endpoints' rows are archived, how many of them, and for how long."""

from dataclasses import dataclass
from typing import Literal

from driftline_core.panes import DAY_US
from driftline_server.registration import Registration

Mode = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator set. Auto: endpoints with a label are archived, since a model is reviewed on rows whose truth is known."""

    mode: Mode = "auto"
    share: float = 1.0
    days: int = 30

    def share_of(self, registration: Registration) -> float:
        """The share of an endpoint's rows that is archived; 0: none."""
        is_on = self.mode == "on" or (self.mode == "auto" and bool(registration.spec.label))
        return self.share if is_on else 0.0

    def oldest_us(self, now_us: int, hour_us: int) -> int:
        """Hours that begin before this moment have ended so long ago that they are not kept."""
        return now_us - self.days * DAY_US - hour_us + 1
