"""What a producer could not deliver, as the server is told: totals, again when they change, and not too often."""

from dataclasses import dataclass

from driftline.buffer import Accounts
from driftline_proto.v1 import ingest_pb2 as pb

PERIOD_SECONDS = 1.0
UNSURE_SECONDS = 30.0  # what was told so shortly before a stream ended may not have arrived
NEVER = float("-inf")
NOTHING = (0, 0, 0)

Totals = tuple[int, int, int]  # dropped, unconvertible, lost rows


def totals_of(accounts: Accounts) -> Totals:
    return accounts.dropped, accounts.unconvertible, accounts.lost


@dataclass(slots=True)
class LossReport:
    """What was told last, and when; `_elsewhere` was told under earlier producer ids, or of an endpoint that was deleted since."""

    accounts: Accounts
    was_last: bool = False  # nothing was sent since it was told
    _told: Totals = NOTHING
    _before: Totals = NOTHING  # what was told before that
    _told_at: float = NEVER
    _is_unsure: bool = False  # who listens may not know it
    _elsewhere: Totals = NOTHING

    @property
    def is_pending(self) -> bool:
        """There is something the server was not told."""
        return self._totals != (NOTHING if self._is_unsure else self._told)

    def due_at(self) -> float | None:
        """When to tell it; None: nothing to tell."""
        return self._told_at + PERIOD_SECONDS if self.is_pending else None

    def message(self, handle: int, now: float) -> bytes:
        """Tells it."""
        self._before, self._told, self._told_at = self._told, self._totals, now
        self._is_unsure, self.was_last = False, True
        dropped, unconvertible, lost = self._told
        loss = pb.Loss(handle=handle, dropped_rows=dropped, unconvertible_rows=unconvertible, lost_rows=lost)
        return bytes(pb.PushRequest(loss=loss).SerializeToString())

    def hurry(self) -> None:
        """Lets the next report come at once."""
        self._told_at = NEVER

    def repeat(self) -> None:
        """Tells the totals again: who listens may have forgotten them."""
        self._is_unsure = True

    def on_refused(self) -> None:
        """What was sent last was refused; if this was it, it is still to be told."""
        if self.was_last:
            self._told = self._before

    def on_disconnected(self, now: float) -> None:
        if now - self._told_at < UNSURE_SECONDS:
            self.repeat()

    def move(self) -> None:
        """The endpoint is another one now: what the one before was told is no affair of its."""
        self._elsewhere = (
            self._elsewhere[0] + self._told[0],
            self._elsewhere[1] + self._told[1],
            self._elsewhere[2] + self._told[2],
        )
        self._told = self._before = NOTHING

    def restart(self) -> None:
        """From now on only what comes is told, under another producer id."""
        self._told, self._before, self._elsewhere = NOTHING, NOTHING, totals_of(self.accounts)

    @property
    def _totals(self) -> Totals:
        now, before = totals_of(self.accounts), self._elsewhere
        return now[0] - before[0], now[1] - before[1], now[2] - before[2]
