"""One hour of an endpoint: as it is saved, and as it is found again."""

from dataclasses import dataclass

from driftline_core.drift import Status
from driftline_core.query import Report


@dataclass(frozen=True, slots=True)
class Hour:
    """A closed hour, ready to be saved.

    through  the journal position up to which its rows are in it
    report   None for an hour without rows
    profile  its counts by reference version, encoded; None for an hour without rows
    counted  rows of the endpoint, ever, when it was closed; None where that is not known
    """

    uid: str
    start_us: int
    end_us: int
    revision: int
    through: int
    closed_us: int
    report: Report | None
    profile: bytes | None
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class StoredHour:
    """The newest revision of an hour."""

    start_us: int
    end_us: int
    revision: int
    through: int
    profile: bytes | None


@dataclass(frozen=True, slots=True)
class Point:
    """One metric in one hour; NaN where the hour has no value, `status` None for a label, which has none."""

    start_us: int
    end_us: int
    revision: int
    rows: int
    value: float
    status: Status | None
