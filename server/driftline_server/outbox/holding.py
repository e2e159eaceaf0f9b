"""What waits in the outbox and is not to be told now: held while it is silenced, withdrawn where it is known or over.

Only what is in no message yet: one that was made keeps what is in it, and is sent until it arrives. Whom a beginning was withdrawn
from is not told the end either (see `outbox.enqueue`).
"""

import sqlite3
from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import dataclass

from driftline_server.notify.notification import FIRING
from driftline_server.notify.receivers import Receiver
from driftline_server.outbox.outbox import schedule

Covers = Callable[[str, str], bool]  # whether a rule on an endpoint is silenced


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A notification that waits for its group's next message."""

    sequence: int
    notification: str
    receiver: str
    group: str
    alert: str
    status: str
    rule: str
    endpoint: str


_UNSENT = """
SELECT sequence, notification, receiver, group_key, deliveries.alert,
    json_extract(body, '$.status'), json_extract(body, '$.rule'), json_extract(body, '$.endpoint')
FROM deliveries JOIN notifications ON notifications.id = notification WHERE message IS NULL
"""


def hold(connection: sqlite3.Connection, covers: Covers, *, firing: Container[str]) -> set[str]:
    """A silence begins: what waits of what it covers is held, or withdrawn: of alerts that are over (not `firing`) and untold.

    Returns the alerts whose beginning is told to nobody now.
    """
    covered = [each for each in _waiting(connection, "TRUE") if covers(each.rule, each.endpoint)]
    never = {(each.receiver, each.alert) for each in covered if each.status == FIRING and each.alert not in firing}
    connection.executemany(
        "INSERT OR IGNORE INTO held_deliveries (delivery, alert) VALUES (?, ?)", ((each.sequence, each.alert) for each in covered)
    )
    unheard = _withdraw(connection, [each for each in covered if (each.receiver, each.alert) in never])
    _rest(connection, covered)
    return unheard


def release(connection: sqlite3.Connection, covers: Covers, receivers: Iterable[Receiver], *, now_us: int) -> None:
    """A silence has ended: what no other `covers` is told now, or with what its group gathers."""
    intervals_us = {receiver.name: receiver.group_interval_us for receiver in receivers}
    held = _waiting(connection, "sequence IN (SELECT delivery FROM held_deliveries)")
    free = [each for each in held if not covers(each.rule, each.endpoint)]
    connection.executemany("DELETE FROM held_deliveries WHERE delivery = ?", ((each.sequence,) for each in free))
    for receiver, group in dict.fromkeys((each.receiver, each.group) for each in free):
        schedule(connection, receiver, group, now_us=now_us, interval_us=intervals_us.get(receiver, 0))


def withdraw_known(connection: sqlite3.Connection, alert: str) -> set[str]:
    """Somebody has acknowledged an alert: that it fires is told to nobody more. Returns it, if nobody was told before."""
    known = [each for each in _waiting(connection, "deliveries.alert = ?", alert) if each.status == FIRING]
    return _take_back(connection, known)


def withdraw_held(connection: sqlite3.Connection, alert: str) -> set[str]:
    """An alert has ended: where its beginning was held, it was never told. Returns it, if nobody was told."""
    held = _waiting(connection, "sequence IN (SELECT delivery FROM held_deliveries WHERE alert = ?)", alert)
    return _withdraw(connection, [each for each in held if each.status == FIRING])


def withdraw_absent(connection: sqlite3.Connection, alert: str, there: Container[str]) -> set[str]:
    """An alert has ended: its beginning is not told to who is not `there` and was not told yet. Returns it, if nobody was."""
    waiting = [each for each in _waiting(connection, "deliveries.alert = ?", alert) if each.receiver not in there]
    return _take_back(connection, [each for each in waiting if each.status == FIRING])


def withdraw_ends(connection: sqlite3.Connection, receiver: str) -> None:
    """A receiver is back, and wants no ends: those that waited for it are not told."""
    _take_back(connection, [each for each in _waiting(connection, "receiver = ?", receiver) if each.status != FIRING])


def forget(connection: sqlite3.Connection, *, receiver: str, before_us: int) -> int:
    """What has waited since before an instant for a receiver that is not there is not told; returns how many notifications."""
    old = _waiting(connection, "receiver = ? AND created_us < ?", receiver, before_us)
    _take_back(connection, old)
    return len(old)


def _take_back(connection: sqlite3.Connection, waiting: Collection[_Waiting]) -> set[str]:
    unheard = _withdraw(connection, waiting)
    _rest(connection, waiting)
    return unheard


def _waiting(connection: sqlite3.Connection, where: str, *parameters: str | int) -> list[_Waiting]:
    rows = connection.execute(f"{_UNSENT} AND {where}", parameters)
    return [_Waiting(*row) for row in rows]


def _withdraw(connection: sqlite3.Connection, untold: Collection[_Waiting]) -> set[str]:
    """Takes back what waits; returns the alerts whose beginning was for nobody else, nor went to anybody."""
    sequences = [(each.sequence,) for each in untold]
    connection.executemany("DELETE FROM held_deliveries WHERE delivery = ?", sequences)
    connection.executemany("DELETE FROM deliveries WHERE sequence = ?", sequences)
    begun = {each.notification: each.alert for each in untold if each.status == FIRING}
    return {alert for notification, alert in begun.items() if not _is_told(connection, notification)}


def _is_told(connection: sqlite3.Connection, notification: str) -> bool:
    found = connection.execute("SELECT 1 FROM deliveries WHERE notification = ? LIMIT 1", (notification,))
    return found.fetchone() is not None


def _rest(connection: sqlite3.Connection, taken: Iterable[_Waiting]) -> None:
    """Groups in which nothing is left to be told are not due."""
    groups = dict.fromkeys((each.receiver, each.group) for each in taken)
    connection.executemany(_GROUP_RESTS, ({"receiver": receiver, "group": group} for receiver, group in groups))


_GROUP_RESTS = """
UPDATE delivery_groups SET due_us = NULL WHERE receiver = :receiver AND group_key = :group
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE receiver = :receiver AND group_key = :group AND message IS NULL
        AND sequence NOT IN (SELECT delivery FROM held_deliveries))
"""
