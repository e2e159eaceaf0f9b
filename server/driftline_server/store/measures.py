"""What is stored of a column's hour: the measures of a report as columns of a table."""

from driftline_core.drift import DISTANCES, Status
from driftline_core.query import ColumnDrift

COUNTS = ("rows", "nulls", "missing", "below", "above", "unseen")
VALUES = (*DISTANCES, "drift", "mean", "std", "min", "max")
# Of a column, in the order of `measures_of`; of an endpoint as a whole.
COLUMN_METRICS = (*COUNTS, *VALUES)
ENDPOINT_METRICS = ("rows", "rows_other_reference", "drift")

# As tables keep them. Numbers never change their meaning; `statuses` in the database says the words.
STATUS_IDS = {Status.NO_DETECTION: 0, Status.POTENTIAL: 1, Status.DETECTED: 2, Status.INSUFFICIENT_DATA: 3}
STATUSES = {number: status for status, number in STATUS_IDS.items()}


def measures_of(column: ColumnDrift) -> tuple[float | None, ...]:
    """The values of COLUMN_METRICS; NaN becomes NULL when SQLite stores it."""
    moments = column.moments
    return (
        column.rows,
        column.nulls,
        column.missing,
        column.below,
        column.above,
        column.unseen,
        *[column.distances[name] for name in DISTANCES],
        column.drift,
        moments.mean,
        moments.std,
        moments.low,
        moments.high,
    )
