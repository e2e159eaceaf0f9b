"""What the pages ask of the server: the same windows that gRPC's questions are answered from."""

from collections import Counter
from dataclasses import dataclass

from driftline_core.alerts import Alert, Phase
from driftline_core.alerts.alert import ACTIVE
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
ALERTS_MAX = 500  # looked through, of each state that is not over and of all
FIRING_MAX = 5000


@dataclass(frozen=True, slots=True)
class Standing:
    """How an endpoint stands: its report of the last hour of event time, all that was counted, its alerts that fire."""

    report: Report
    name: str
    totals: Totals
    is_stale: bool
    firing: int


@dataclass(frozen=True, slots=True)
class Seen:
    """The report of a window of an endpoint, with all that was counted of it; made at `at_us`.

    The window is what was asked for, widened to the steps of time that are kept. `alerts` are about times in it, those that are
    not over first, then the newest first; `elsewhere` those that are not over and about other times.
    """

    endpoint: str
    asked: Span
    report: Report
    alerts: tuple[Alert, ...]
    elsewhere: tuple[Alert, ...]
    totals: Totals
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
        firing = Counter(each.endpoint for each in self._alerting.alerts(endpoint=None, state=Phase.FIRING, most=FIRING_MAX))
        now_us = self._clock.now_us()
        found = []
        for each in registrations:
            report = self._last_hour(each) if each.uid in totals else None
            if report is not None:
                counted = totals[each.uid]
                stale = is_stale(each, counted, now_us=now_us)
                found.append(Standing(report, each.name, counted, stale, firing[each.name]))
        return found

    def report(self, name: str, span: Span) -> Seen:
        """The report of a span of an endpoint, by any form of its name. Raises NotFound, InvalidInput."""
        registration = self._registry.entry(name).current()
        report = drift_report(self._answers.window(registration, span), registration.spec)
        totals = self._owner.call(lambda engine: engine.totals(registration.uid))
        alerts = self._alerts(registration.name)
        start_us, end_us = report.window.start_us, report.window.end_us
        within = tuple(each for each in alerts if each.start_us < end_us and each.end_us > start_us)
        elsewhere = tuple(each for each in alerts if each.state in ACTIVE and each not in within)
        return Seen(registration.name, span, report, within, elsewhere, totals, self._clock.now_us())

    def _alerts(self, name: str) -> list[Alert]:
        """An endpoint's alerts: those that are not over, however old, then the others, the newest first."""
        read = [alert for state in (*ACTIVE, None) for alert in self._alerting.alerts(endpoint=name, state=state, most=ALERTS_MAX)]
        found = {alert.id: alert for alert in read}  # the last reading holds: one may have moved on meanwhile
        return sorted(found.values(), key=lambda each: (each.state not in ACTIVE, -each.first_seen_us))

    def _last_hour(self, registration: Registration) -> Report | None:
        try:
            return drift_report(self._answers.window(registration, Span(window_us=HOUR_US)), registration.spec)
        except NotFound:
            return None
