"""The demo's script: which rows are sent when, on a clock of the demo's own choosing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from driftline.cli.incident import Fault, distorted, faults_at

if TYPE_CHECKING:
    import pyarrow as pa

# A survey year takes this long on the demo's clock, so that a window of an hour holds about 8,700 people.
YEAR = timedelta(hours=8)
STEP = timedelta(minutes=15)
INCIDENT = timedelta(minutes=120)
INCIDENT_STEP = timedelta(minutes=5)
# Longer than the window that is asked about, so that it holds none of the incident at the end.
REPAIRED = timedelta(minutes=75)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Step:
    """Rows that are sent together, their event times spread evenly over [start, end)."""

    chapter: str
    rows: "pa.Table"
    start: datetime
    end: datetime
    faults: tuple[Fault, ...] = ()

    def times(self) -> "pa.Array":
        """Event times of the rows: Arrow timestamps, microseconds, UTC."""
        import numpy as np
        import pyarrow as pa

        first = (self.start - datetime.fromtimestamp(0, tz=self.start.tzinfo)) // MICROSECOND
        length = (self.end - self.start) // MICROSECOND
        offsets = np.arange(self.rows.num_rows, dtype=np.int64) * length // max(1, self.rows.num_rows)
        return pa.array(first + offsets).cast(pa.timestamp("us", tz="UTC"))


def steps(people: "Mapping[int, pa.Table]", *, until: datetime) -> Iterator[Step]:
    """The years one after another, then people of the last one again: through a broken pipeline, and through the mended one.

    The last step ends at `until`.
    """
    start = floor(until, INCIDENT_STEP) - REPAIRED - INCIDENT - YEAR * len(people)
    for year, rows in people.items():
        for at, piece in _pieces(rows, YEAR, STEP):
            yield Step(str(year), piece, start + at, start + at + STEP)
        start += YEAR
    for at, piece in _pieces(_last_year_again(people), INCIDENT + REPAIRED, INCIDENT_STEP):
        faults = faults_at(at // timedelta(minutes=1)) if at < INCIDENT else ()
        chapter = "incident" if faults else "mended"
        yield Step(chapter, distorted(piece, faults), start + at, start + at + INCIDENT_STEP, faults)


def rows_of(people: "Mapping[int, pa.Table]") -> int:
    """Rows that `steps` sends in all."""
    return sum(rows.num_rows for rows in (*people.values(), _last_year_again(people)))


def floor(when: datetime, period: timedelta) -> datetime:
    """The multiple of `period` since the epoch at or before `when`."""
    return when - (when - datetime.fromtimestamp(0, tz=when.tzinfo)) % period


def _last_year_again(people: "Mapping[int, pa.Table]") -> "pa.Table":
    rows = people[max(people)]
    return rows.slice(0, int(rows.num_rows * ((INCIDENT + REPAIRED) / YEAR)))


def _pieces(rows: "pa.Table", length: timedelta, step: timedelta) -> "Iterator[tuple[timedelta, pa.Table]]":
    parts = length // step
    for part in range(parts):
        first, last = (rows.num_rows * edge // parts for edge in (part, part + 1))
        yield step * part, rows.slice(first, last - first)
