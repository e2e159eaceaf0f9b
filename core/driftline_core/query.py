"""Answers about a window: how far each column has moved from its reference, and its bins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from driftline_core.binning import BooleanBins, CategoricalBins, NumericBins
from driftline_core.drift import CONVENTIONS, Status, status_of, worst
from driftline_core.errors import InvalidInput
from driftline_core.facts import Live, Window
from driftline_core.layout import Layout
from driftline_core.names import normal
from driftline_core.profile import Profile
from driftline_core.schema import Column, EndpointSpec, Kind, Role, Thresholds

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Moments:
    """Of the finite values of a numeric column; NaN where there are none."""

    mean: float = NAN
    std: float = NAN
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """What a window says of one column; counts are rows. `status` is None for a label, which has none."""

    column: Column
    rows: int
    nulls: int
    missing: int
    below: int
    above: int
    unseen: int
    distances: Mapping[str, float]
    drift: float
    status: Status | None
    moments: Moments
    reference_moments: Moments


@dataclass(frozen=True, slots=True)
class Report:
    """Drift of an endpoint over a window; `drift` is the mean over the feature columns that have a value."""

    window: Window
    drift: float
    status: Status
    columns: tuple[ColumnDrift, ...]
    convention: str


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a column: with bounds where it is numeric, else with a category; the guards `other` and `null` have neither."""

    name: str
    lower: float | None
    upper: float | None
    category: str | None
    reference: int
    current: int


def merge_window(live: Live, stored: Iterable[Mapping[int, bytes]] = ()) -> Window:
    """What an engine holds of a span, with the stored hours of it (encoded profiles by reference version) that it does not hold.

    Takes `live` over: its profiles are merged into. The window is under the newest reference that counted rows in it.
    """
    profiles = live.profiles
    for hour in stored:
        for version, encoded in hour.items():
            profile = Profile.decode(encoded)
            if version in profiles:
                profiles[version].merge(profile)
            else:
                profiles[version] = profile.copy()
    version = max(profiles, default=live.reference.version)
    reference = live.references[version]
    profile = profiles.pop(version) if version in profiles else reference.layout.empty()
    return Window(live.start_us, live.end_us, reference, profile, sum(other.rows for other in profiles.values()))


def drift_report(window: Window, spec: EndpointSpec, convention: str = "") -> Report:
    """Compares a window with its reference. Raises InvalidInput for an unknown convention.

    The verdict is the worse of the mean's and of the feature and prediction columns'; in MLRun's convention the mean's alone.
    """
    convention = convention or "driftline"
    if convention not in CONVENTIONS:
        raise InvalidInput(f"convention {convention!r} is unknown; take one of {', '.join(CONVENTIONS)}", field="convention")
    judged = [index for index, column in enumerate(window.reference.layout.columns) if column.role is not Role.LATENCY]
    columns = tuple(_column(window, index, spec, convention) for index in judged)
    drifts = np.array([each.drift for each in columns if each.column.role is Role.FEATURE])
    if convention == "mlrun":
        mean = float(drifts.mean())
        return Report(window, mean, status_of(mean, spec.thresholds), columns, convention)
    known = drifts[~np.isnan(drifts)]
    mean = float(known.mean()) if len(known) else NAN
    overall = _status(mean, window.profile.rows, spec.rows_min, spec.thresholds)
    return Report(window, mean, worst([overall, *(each.status for each in columns if each.status)]), columns, convention)


def histogram(window: Window, name: str) -> tuple[Column, list[Bin]]:
    """The bins of a column in order, guards included; raises NotFound."""
    layout = window.reference.layout
    index = layout.index(normal(name))
    bins = layout.bins[index]
    current = layout.counts(window.profile, index).tolist()
    reference = layout.counts(window.reference.profile, index).tolist()
    rows = zip(bins.names, reference, current, strict=True)
    match bins:
        case NumericBins(edges):
            lower = [-np.inf, *edges, None]
            upper = [*edges, np.inf, None]
            return layout.columns[index], [Bin(n, lo, up, None, r, c) for (n, r, c), lo, up in zip(rows, lower, upper, strict=True)]
        case CategoricalBins(categories):
            labels = [*categories, None, None]
        case BooleanBins():
            labels = ["false", "true", None]
    return layout.columns[index], [Bin(n, None, None, label, r, c) for (n, r, c), label in zip(rows, labels, strict=True)]


def _column(window: Window, index: int, spec: EndpointSpec, convention: str) -> ColumnDrift:
    layout = window.reference.layout
    column, bins = layout.columns[index], layout.bins[index]
    current, reference = layout.counts(window.profile, index), layout.counts(window.reference.profile, index)
    distances = {name: distance(current, reference) for name, distance in CONVENTIONS[convention].items()}
    drift = (distances["tvd"] + distances["hellinger"]) / 2
    rows = int(current.sum())
    status = None if column.role is Role.LABEL else _status(drift, rows, spec.rows_min, spec.thresholds_of(column.name))
    numeric, categorical = column.kind is Kind.NUMERIC, isinstance(bins, CategoricalBins)
    return ColumnDrift(
        column,
        rows=rows,
        nulls=int(current[-1]),
        missing=int(window.profile.missing[index]),
        below=int(current[0]) if numeric else 0,
        above=int(current[-2]) if numeric else 0,
        unseen=int(current[-2]) if categorical else 0,
        distances=distances,
        drift=drift,
        status=status,
        moments=_moments(window.profile, layout, index) if numeric else Moments(),
        reference_moments=_moments(window.reference.profile, layout, index) if numeric else Moments(),
    )


def _status(value: float, rows: int, rows_min: int, thresholds: Thresholds) -> Status:
    return status_of(value, thresholds) if rows >= rows_min else Status.INSUFFICIENT_DATA


def _moments(profile: Profile, layout: Layout, index: int) -> Moments:
    n, total, squares, low, high = profile.tally.moments[index].tolist()
    if low > high:
        return Moments()
    if not n:
        return Moments(low=low, high=high)
    # Variance about the mean from sums about the shift; rounding must not make it negative.
    variance = max(squares - total * total / n, 0.0) / (n - 1) if n > 1 else NAN
    return Moments(layout.shifts[index] + total / n, float(np.sqrt(variance)), low, high)
