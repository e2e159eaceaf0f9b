"""What is told: one step of one alert's life, as it was then; and the message that carries one or many of them to a receiver."""

import json
from dataclasses import asdict, dataclass, replace

FIRING, RESOLVED = "firing", "resolved"
# The event of a message that tests a receiver: no alert is behind it.
TEST, TEST_ENDPOINT = "test", "driftline/test/model:latest"
# Of an alert over thousands of columns, so many are told; the report has them all.
EVIDENCE_MAX = 50


@dataclass(frozen=True, slots=True)
class Evidence:
    """One column's part in an alert."""

    column: str
    metric: str
    value: float | None = None
    status: str = ""
    level: float | None = None  # that it breaches


@dataclass(frozen=True, slots=True)
class Notification:
    """An alert that fired or resolved. `id` names this step of this alert and is the same however often it is evaluated anew.

    `first_seen_us` to `last_seen_us` and the window `[start_us, end_us)` are event time, `at_us` is the server's. What has one
    `group` belongs together in one message. `summary` is plain text, already rendered.
    """

    id: str
    alert: str
    status: str
    rule: str
    endpoint: str
    event: str
    group: str
    at_us: int
    first_seen_us: int
    last_seen_us: int
    start_us: int
    end_us: int
    severity: str = "warning"
    column: str | None = None
    value: float | None = None
    summary: str = ""
    evidence: tuple[Evidence, ...] = ()  # the worst first; `breaches` values there are
    breaches: int = 0
    fired_us: int | None = None

    def save(self) -> str:
        told = replace(self, evidence=self.evidence[:EVIDENCE_MAX])
        return json.dumps(asdict(told), separators=(",", ":"))

    @staticmethod
    def load(text: str) -> "Notification":
        fields = json.loads(text)
        fields["evidence"] = tuple(Evidence(**part) for part in fields["evidence"])
        return Notification(**fields)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way. `key` is the same at every attempt, before and after a restart; `count` notifications belong to it, of
    which it carries the first `notifications` (people are told how many more there are). It is tried since `since_us`."""

    key: str
    receiver: str
    group: str
    notifications: tuple[Notification, ...]
    count: int
    attempt: int = 1
    since_us: int = 0

    @property
    def status(self) -> str:
        """Resolved where all that begins in it ends in it too, as far as that can be told of one that is cut."""
        begins = any(each.status == FIRING for each in self.notifications)
        is_cut = self.count > len(self.notifications)
        return FIRING if self.standing or (begins and is_cut) else RESOLVED

    @property
    def standing(self) -> set[str]:
        """The alerts that begin in it and do not end in it."""
        ended = {each.alert for each in self.notifications if each.status != FIRING}
        return {each.alert for each in self.notifications if each.status == FIRING} - ended
