"""An alert as others see it: what it is now, the steps it took, what is told of it. All facts; `lifecycle` makes them."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from driftline_core.alerts.evaluation import Evidence


class Phase(StrEnum):
    """Where an alert is in its life."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


ACTIVE = (Phase.FIRING, Phase.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: a rule's condition holding on an endpoint (or a column of it), from its onset to its end.

    event          a kind of event, or the condition on a metric (`latency_p99 > 0.2`)
    value          the worst value when it was last breached; NaN where there is none
    breaches       how many values breached then; `evidence` holds the worst of them
    first_seen_us  the server's clock at the first breach; `last_seen_us` at the last
    start_us       the window, event time, in which it was last breached, to `end_us`
    summary        a sentence in plain text, with names that strangers chose in it
    """

    id: str
    rule: str
    endpoint: str
    column: str
    event: str
    state: Phase
    severity: str
    value: float
    evidence: tuple[Evidence, ...]
    start_us: int
    end_us: int
    first_seen_us: int
    last_seen_us: int
    fired_us: int | None
    acknowledged_us: int | None
    resolved_us: int | None
    summary: str
    receivers: tuple[str, ...]
    breaches: int = 0

    @property
    def group(self) -> str:
        """What is told together: a rule's alerts on one endpoint."""
        return f"{self.rule}\n{self.endpoint}"


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of an alert, with its reason."""

    alert_id: str
    before: Phase
    after: Phase
    at_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class Notification:
    """What is to be told, once: that an alert fires, or that it has resolved. `key` is the same however often it is sent.

    An alert fires once and resolves once, and a resolve is told of those only whose firing was.
    """

    alert: Alert
    at_us: int
    reason: str

    @property
    def is_firing(self) -> bool:
        return self.alert.state is not Phase.RESOLVED

    @property
    def key(self) -> str:
        return f"{self.alert.id}-{'firing' if self.is_firing else 'resolved'}"


def alert_id(rule: str, endpoint: str, column: str, onset_us: int) -> str:
    """The id of an alert: 16 hexadecimal digits, from what it is about and when it began.

    >>> alert_id("input drift", "shop/fraud/scorer:v3", "", 0)
    'e8b0e8ddfc234053'
    """
    return hashlib.sha256("\0".join((rule, endpoint, column, str(onset_us))).encode("utf-8", "surrogatepass")).hexdigest()[:16]
