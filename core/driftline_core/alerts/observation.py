"""What a rule is evaluated on: an endpoint as one window and one moment show it, in plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from driftline_core.binning import CategoricalBins, NumericBins
from driftline_core.drift import Status
from driftline_core.engine import Totals, Window
from driftline_core.panes import FAR_FUTURE_US
from driftline_core.query import NAN, ColumnDrift, Report
from driftline_core.schema import Role


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column in a window: its metrics by name, absent where too few rows tell; `reference` has the reference's shares."""

    name: str
    role: Role = Role.FEATURE
    status: Status | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    reference: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """An endpoint as it is seen at `at_us` (the server's clock) over the window [start_us, end_us) of event time.

    created_us when the endpoint was created; 0: that is not known
    window_us  the window's length as rules ask for it; None where only the arrival of rows was looked at
    silent_us  for how long no row has come (since the endpoint was created, where none ever came)
    up_us      for how long anybody could have come, since the server's start
    tick       rises with what was counted: a breach counts as one event however often the same data is looked at
    status     None: no report was made
    metrics    of the endpoint as a whole, by name
    """

    endpoint: str
    at_us: int
    created_us: int = 0
    silent_us: int = 0
    up_us: int = FAR_FUTURE_US
    tick: int = 0
    window_us: int | None = None
    start_us: int = 0
    end_us: int = 0
    status: Status | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[ColumnView, ...] = ()


def observe_arrival(endpoint: str, totals: Totals, *, created_us: int, at_us: int) -> Observation:
    """What is seen without looking at the counts: enough for `no-data`."""
    last_us = totals.last_arrival_us if totals.last_arrival_us is not None else created_us
    return Observation(endpoint, at_us, created_us=created_us, silent_us=max(0, at_us - last_us), tick=totals.batches)


def observe(
    arrival: Observation, report: Report, *, window_us: int, rows_min: int, metrics: Mapping[str, float] | None = None
) -> Observation:
    """What is seen of a window: a drift report over `window_us`, beside metrics measured elsewhere (latencies, losses).

    Where a column has fewer than `rows_min` rows its metrics are absent, but for `rows` itself, and for `missing_share`, which
    needs that many rows sent at all.
    """
    window = report.window
    return replace(
        arrival,
        window_us=window_us,
        start_us=window.start_us,
        end_us=window.end_us,
        status=report.status,
        metrics={
            "drift": report.drift if window.profile.rows >= rows_min else NAN,
            "rows": float(window.profile.rows),
            **(metrics or {}),
        },
        columns=tuple(_view(window, index, each, rows_min) for index, each in enumerate(report.columns)),
    )


def _view(window: Window, index: int, drift: ColumnDrift, rows_min: int) -> ColumnView:
    sent = drift.rows + drift.missing
    metrics = {
        "rows": float(drift.rows),
        "missing_share": drift.missing / sent if sent >= max(rows_min, 1) else NAN,
    }
    if drift.rows >= max(rows_min, 1):
        metrics |= {
            "drift": drift.drift,
            **drift.distances,
            "null_share": drift.nulls / drift.rows,
            "out_of_range_share": (drift.below + drift.above) / drift.rows,
            "unseen_share": drift.unseen / drift.rows,
        }
    return ColumnView(drift.column.name, drift.column.role, drift.status, metrics, _reference_shares(window, index))


def _reference_shares(window: Window, index: int) -> dict[str, float]:
    """Shares of the reference itself; a column it has cannot be missing in it."""
    layout = window.reference.layout
    counts = layout.counts(window.reference.profile, index)
    rows = int(counts.sum()) or 1
    below, guard, null = int(counts[0]), int(counts[-2]), int(counts[-1])
    match layout.bins[index]:
        case NumericBins():
            return {"null_share": null / rows, "out_of_range_share": (below + guard) / rows}
        case CategoricalBins():
            return {"null_share": null / rows, "unseen_share": guard / rows}
    return {"null_share": null / rows}
