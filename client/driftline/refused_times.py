"""Rows that a server acknowledged but refused for their event time: how many it reported, and what to say of them."""

from dataclasses import dataclass

from driftline.buffer import Accounts
from driftline.problems import Problems
from driftline.spans import moment
from driftline_proto.v1 import ingest_pb2 as pb

DAY_US = 86_400 * 10**6
# Epoch seconds of our time, taken for seconds though they are finer: at or above these. Milliseconds since 1978 are beyond any
# datetime.
MILLISECONDS_US = 253_402_300_800 * 10**6
MICROSECONDS_US = 2 * 10**12 * 10**6
# Epoch seconds of our time, taken for milliseconds or finer: in the first months of 1970.
SECONDS_US = 120 * DAY_US

Totals = tuple[int, int]  # rows in the future, rows that are expired


@dataclass(slots=True)
class RefusedTimes:
    """What the server has told: totals of this producer, which begin anew where the server does."""

    accounts: Accounts
    problems: Problems
    _known: Totals = (0, 0)

    def on_opened(self, told: pb.RefusedByTime) -> None:
        if told.future_rows < self._known[0] or told.expired_rows < self._known[1]:
            self._known = (0, 0)
        self.on_ack(told)

    def on_ack(self, told: pb.RefusedByTime) -> None:
        before, self._known = self._known, (max(self._known[0], told.future_rows), max(self._known[1], told.expired_rows))
        future, expired = self._known[0] - before[0], self._known[1] - before[1]
        if future or expired:
            self.accounts.refused_by_time += future + expired
            why = too_new(told.example_us) if future else too_old(told.example_us)
            self.problems.add(f"rejected: timestamp {bool(future)}", f"rows are rejected: timestamp: {why}")


def too_new(event_us: int) -> str:
    """Why an event time is in the future, and what to do.

    >>> too_new(1_767_225_600_000 * 10**6)
    'they lie in the future: epoch seconds are expected, got what looks like milliseconds; divide by 1000, or give datetimes'
    """
    if event_us >= MILLISECONDS_US:
        unit, factor = ("microseconds or nanoseconds", "10**6 or 10**9")
        if event_us < MICROSECONDS_US:
            unit, factor = "milliseconds", "1000"
        return (
            f"they lie in the future: epoch seconds are expected, got what looks like {unit}; divide by {factor}, or give datetimes"
        )
    return (
        f"they lie in the future, as {moment(event_us).isoformat()}, more than 5 minutes ahead of the server's clock; "
        "give UTC, or datetimes with their zone, and see whether the clocks are right"
    )


def too_old(event_us: int) -> str:
    """Why an event time is expired, and what to do.

    >>> too_old(1_767_225_600 * 10**3)
    'they lie in 1970: got what looks like epoch seconds in a column of a finer unit; give plain epoch seconds, or datetimes'
    """
    if 0 <= event_us < SECONDS_US:
        looks_like = "epoch seconds in a column of a finer unit"
        return f"they lie in 1970: got what looks like {looks_like}; give plain epoch seconds, or datetimes"
    return f"they are older than what the server keeps, as {moment(event_us).isoformat()}; its setting snapshot_days keeps more"
