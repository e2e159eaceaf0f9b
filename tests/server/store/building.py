"""Short ways to hours worth saving."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pyarrow as pa
from tests.core.building import reference_of, window_of

from driftline_core.query import Report, drift_report
from driftline_core.reference import Reference
from driftline_core.schema import EndpointSpec
from driftline_server.store import Hour, StoredEndpoint

HOUR_US = 3_600_000_000
SPEC = EndpointSpec("shop/fraud/scorer:v3", prediction="score", label="truth", rows_min=10)
TRUSTED = pa.table(
    {
        "amount": [float(i % 17) for i in range(200)],
        "country": ["DE", "FR"] * 100,
        "score": [i / 200 for i in range(200)],
        "truth": [i % 3 == 0 for i in range(200)],
    }
)
ENDPOINTS = ("shop/fraud/scorer:v3", "shop/fraud/scorer:v4")


@cache
def reference() -> Reference:
    """The reference of every endpoint here."""
    return reference_of(TRUSTED, SPEC)


@cache
def report(rows: int) -> Report:
    """The report of a window with the first rows of TRUSTED."""
    return drift_report(window_of(reference(), TRUSTED.slice(0, rows).to_batches()), SPEC)


def endpoint(uid: str, name: str = SPEC.name) -> StoredEndpoint:
    return StoredEndpoint(uid, name, replace(SPEC, name=name), reference().layout.columns, created_us=7)


def hour(at: int, *, rows: int = 100, revision: int = 1, through: int = 0, uid: str = "u") -> Hour:
    """The `at`-th hour since 1970."""
    made = report(rows) if rows else None
    profile = f"{uid}/{at}/{revision}/{through}".encode() if rows else None
    return Hour(uid, at * HOUR_US, (at + 1) * HOUR_US, revision, through, (at + 2) * HOUR_US, made, profile)


def measures(rows: int, column: str) -> Mapping[str, object]:
    """What a report says of a column, in the words of the table."""
    (said,) = [each for each in report(rows).columns if each.column.name == column]
    counts = {name: getattr(said, name) for name in ("rows", "nulls", "missing", "below", "above", "unseen")}
    moments = {"mean": said.moments.mean, "std": said.moments.std, "min": said.moments.low, "max": said.moments.high}
    return {**counts, **said.distances, "drift": said.drift, **moments}
