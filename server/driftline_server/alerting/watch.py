"""Looking at endpoints for their rules' sake: which have news, and what is seen of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from driftline_core.alerts import Board, Observation, Rises, Rule, observe, observe_arrival
from driftline_core.engine import Engine, Span, Totals
from driftline_core.errors import InvalidInput
from driftline_core.latency import QUANTILES, latency_quantile
from driftline_core.query import drift_report
from driftline_core.schema import Role
from driftline_server.owner import Owner
from driftline_server.past import Answers
from driftline_server.registration import Registration
from driftline_server.registry import Registry

_NAMES_SHOWN = 20


@dataclass(slots=True)
class Watch:
    """Remembers the losses of each endpoint, of which rules ask how much they rose."""

    registry: Registry
    owner: Owner
    answers: Answers
    _rises: dict[tuple[str, str, int], Rises] = field(default_factory=dict)

    def news(self) -> set[str]:
        """The uids of endpoints that were counted into, or had an hour closed, since this was last asked."""
        return self.owner.call_now(lambda _: self.owner.take_changed())

    def served(self, uids: set[str] | None = None) -> list[Registration]:
        """The endpoints there are; of some uids, those of them."""
        found = ((uid, entry.registration) for uid, entry in self.registry.by_uid().items())
        return [registration for uid, registration in found if registration is not None and (uids is None or uid in uids)]

    def require_column(self, rule: Rule) -> None:
        """Raises InvalidInput for a rule on columns of which no endpoint it watches has one, where it watches some yet."""
        watched = [each for each in self.served() if rule.watches(each.name)]
        columns = [column for each in watched for column in each.reference.layout.columns]
        names = dict.fromkeys(column.name for column in columns if column.role is not Role.LATENCY)
        if rule.column and watched and not any(map(rule.watches_column, names)):
            known = ", ".join(list(names)[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
            is_latency = any(column.role is Role.LATENCY and rule.watches_column(column.name) for column in columns)
            remedy = '; of how long answers took there is metric = "latency_p99", without column' if is_latency else ""
            raise InvalidInput(
                f"column {rule.column!r}: no endpoint that {rule.endpoint!r} names has one; they have {known}{remedy}",
                field="column",
            )

    def totals(self, uids: set[str]) -> dict[str, Totals]:
        """Counters of endpoints, all at one moment."""

        def read(engine: Engine) -> dict[str, Totals]:
            return {uid: engine.totals(uid) for uid in uids if uid in engine}

        return self.owner.call_now(read)

    def seen(
        self, board: Board, registration: Registration, totals: Totals, *, at_us: int, by_clock: bool
    ) -> Iterator[Observation]:
        """What rules want to see of an endpoint: a window each, or, as time passes, only what time changes."""
        arrival = observe_arrival(registration.name, totals, created_us=registration.created_us, at_us=at_us)
        wanted = board.clock_windows(registration.name) if by_clock else board.windows(registration.name)
        for window_us in sorted(wanted, key=lambda each: each or 0):
            if window_us is None:
                yield arrival
            else:
                yield self._window(board, registration, totals, arrival, window_us)
        if not by_clock and None in board.clock_windows(registration.name):
            yield arrival

    def forget(self, uid: str) -> None:
        """An endpoint is gone."""
        for key in [key for key in self._rises if key[0] == uid]:
            del self._rises[key]

    def _window(
        self, board: Board, registration: Registration, totals: Totals, arrival: Observation, window_us: int
    ) -> Observation:
        window = self.answers.window(registration, Span(window_us=window_us), now=True)
        report = drift_report(window, registration.spec)
        layout = window.reference.layout
        metrics = {name: latency_quantile(window.profile, layout, share) for name, share in QUANTILES.items()}
        steady_us = board.clock.update(arrival.at_us).steady_us
        refused = totals.future_rows + totals.expired_rows + totals.losses.unconvertible
        counted = {"refused_rows": refused, "dropped_rows": totals.losses.dropped}
        for name, total in counted.items():
            rises = self._rises.setdefault((registration.uid, name, window_us), Rises(window_us))
            metrics[name] = float(rises.update(steady_us, total))
        return observe(arrival, report, window_us=window_us, rows_min=registration.spec.rows_min, metrics=metrics)
