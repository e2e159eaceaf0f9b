"""What the pages ask of the server: the same windows that gRPC's questions are answered from."""

from dataclasses import dataclass

from driftline_core.alerts import Alert
from driftline_core.engine import Span, Totals
from driftline_core.errors import NotFound
from driftline_core.panes import HOUR_US, MINUTE_US
from driftline_core.query import Report, drift_report
from driftline_server.alerting.alerting import Alerting
from driftline_server.clock import Clock
from driftline_server.owner import Owner
from driftline_server.past import Answers
from driftline_server.registration import Registration, is_stale
from driftline_server.registry import Registry

ENDPOINTS_A_PAGE = 50
ALERTS_MAX = 50


@dataclass(frozen=True, slots=True)
class Standing:
    """How an endpoint stands: its report of the last hour of event time, and all that was counted."""

    report: Report
    name: str
    totals: Totals
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """The report of a window of an endpoint, and the alerts about times in it, the newest first; made at `at_us`.

    The window is what was asked for, widened to the steps of time that are kept.
    """

    endpoint: str
    asked: Span
    report: Report
    alerts: tuple[Alert, ...]
    at_us: int

    @property
    def start_us(self) -> int:
        return self.report.window.start_us

    @property
    def end_us(self) -> int:
        return self.report.window.end_us

    @property
    def is_widened(self) -> bool:
        """Whether it holds rows of times that were not asked for, by more than the finest step."""
        asked = self.asked
        before_us = 0 if asked.start_us is None else asked.start_us - self.start_us
        after_us = 0 if asked.end_us is None else self.end_us - asked.end_us
        return max(before_us, after_us) > MINUTE_US


class Questions:
    """Asks a server. Safe to call from many threads."""

    def __init__(self, registry: Registry, answers: Answers, owner: Owner, alerting: Alerting, clock: Clock) -> None:
        self._registry = registry
        self._answers = answers
        self._owner = owner
        self._alerting = alerting
        self._clock = clock

    def endpoints(self) -> list[Registration]:
        """The endpoints, by name."""
        return [each.registration for each in self._registry.entries("") if each.registration]

    def standings(self, registrations: list[Registration]) -> list[Standing]:
        """How endpoints stand, without those that were deleted meanwhile."""
        totals = self._owner.call(lambda engine: {r.uid: engine.totals(r.uid) for r in registrations if r.uid in engine})
        now_us = self._clock.now_us()
        found = []
        for each in registrations:
            report = self._last_hour(each) if each.uid in totals else None
            if report is not None:
                counted = totals[each.uid]
                found.append(Standing(report, each.name, counted, is_stale(each, counted, now_us=now_us)))
        return found

    def report(self, name: str, span: Span) -> Seen:
        """The report of a span of an endpoint, by any form of its name. Raises NotFound, InvalidInput."""
        registration = self._registry.entry(name).current()
        report = drift_report(self._answers.window(registration, span), registration.spec)
        alerts = self._alerting.alerts(endpoint=registration.name, state=None, most=ALERTS_MAX)
        start_us, end_us = report.window.start_us, report.window.end_us
        within = tuple(each for each in alerts if each.start_us < end_us and each.end_us > start_us)
        return Seen(registration.name, span, report, within, self._clock.now_us())

    def _last_hour(self, registration: Registration) -> Report | None:
        try:
            return drift_report(self._answers.window(registration, Span(window_us=HOUR_US)), registration.spec)
        except NotFound:
            return None
