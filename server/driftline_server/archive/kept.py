"""Which hours' rows are not kept, and the setting that keeps them: what was counted beside what is there."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

from driftline_server.archive.policy import Policy
from driftline_server.registration import Registration

_PERHAPS = "came while archive was off or archive_share smaller, or a full journal or a repair dropped them"
_OTHER_SHARE = "these came while archive_share was another: weigh them by what was counted and what is kept"
_DEVIATIONS = 6  # by which a sample may fall short of its share by chance


@dataclass(frozen=True, slots=True)
class Gap:
    """Hours that follow one another, of which rows are missing for one reason."""

    start_us: int
    end_us: int
    counted: int  # rows
    kept: int
    setting: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why rows of an endpoint are not there."""

    registration: Registration
    policy: Policy
    hour_us: int
    now_us: int
    has_dropped: Callable[[int], bool]  # whether rows of the hour with a start were dropped before they were archived

    def of(self, start_us: int) -> tuple[str, str]:
        """The setting that keeps the rows of an hour, and what to do."""
        if not self.policy.share_of(self.registration):
            return "archive", 'rows of this endpoint are not archived: set archive = "on" (auto archives endpoints with a label)'
        if start_us < self.policy.oldest_us(self.now_us, self.hour_us):
            return "archive_days", f"rows are kept for {self.policy.days} days: set archive_days higher"
        if self.has_dropped(start_us):
            return "journal_bytes_max", "rows were dropped before they were archived: set journal_bytes_max higher"
        return "archive", f"what comes now is kept; these {_PERHAPS}"


def share_of(counted: Mapping[int, int], kept: Mapping[int, int], share: float) -> float:
    """The share of all rows that is kept: the given one, that of today, unless all of them are there."""
    return 1.0 if all(kept.get(at, 0) >= rows for at, rows in counted.items()) else share


def gaps(counted: Mapping[int, int], kept: Mapping[int, int], share: float, reasons: Reasons) -> list[Gap]:
    """The hours (by start) of which other rows are kept than a share of those counted."""
    found = []
    for at, rows in sorted(counted.items()):
        there = kept.get(at, 0)
        if _is_short(there, rows, share):
            found.append(Gap(at, at + reasons.hour_us, rows, there, *reasons.of(at)))
        elif share < 1 and _is_short(rows - there, rows, 1 - share):
            found.append(Gap(at, at + reasons.hour_us, rows, there, "archive_share", _OTHER_SHARE))
    return list(_joined(found))


def forgotten(start_us: int, end_us: int, snapshot_days: int) -> Gap:
    """A span so old that not even counts are kept of it."""
    remedy = f"nothing is kept for more than {snapshot_days} days: set snapshot_days higher"
    return Gap(start_us, end_us, 0, 0, "snapshot_days", remedy)


def _is_short(kept: int, counted: int, share: float) -> bool:
    return kept < share * counted - _DEVIATIONS * sqrt(counted * share * (1 - share))


def _joined(each: Iterable[Gap]) -> Iterable[Gap]:
    last: Gap | None = None
    for gap in each:
        if last is not None and (last.end_us, last.setting) == (gap.start_us, gap.setting):
            last = Gap(last.start_us, gap.end_us, last.counted + gap.counted, last.kept + gap.kept, gap.setting, gap.remedy)
            continue
        if last is not None:
            yield last
        last = gap
    if last is not None:
        yield last
