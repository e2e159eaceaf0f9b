"""The outbox's one truth, in SQLite: what waits, what is on its way, what arrived. All within the caller's transaction.

A notification waits in its group; the group makes a message of all that waits when it is due (the first at once, the next not
before the group interval is over, and never while one is unsettled, so that an alert's end does not overtake its beginning). A
message has its key from what is in it, and keeps both whatever happens. What is held (see `holding`) waits and is not due.
"""

import hashlib
import sqlite3
from collections.abc import Iterable

from driftline_server.notify.channels import Console
from driftline_server.notify.notification import FIRING, Delivery, Notification
from driftline_server.notify.receivers import Receiver


def enqueue(connection: sqlite3.Connection, told: Notification, receivers: Iterable[Receiver]) -> None:
    """Puts a notification into the outbox, for each receiver that wants it; again is as good as once.

    That an alert has ended is told to those only whom its firing was told to, `receivers` being all there are: for one that is not
    there now it waits. What waits for such ends with retention (see `holding.forget`).
    """
    wanted = list(receivers)
    if told.status != FIRING:
        there = {receiver.name: receiver for receiver in wanted}
        heard = [there.get(name) or absent(name) for name in _heard(connection, told.alert)]
        wanted = [receiver for receiver in heard if receiver.resolved]
    if not wanted:
        return
    connection.execute(
        "INSERT OR IGNORE INTO notifications (id, created_us, body) VALUES (?, ?, ?)", (told.id, told.at_us, told.save())
    )
    for receiver in wanted:
        group = _group(connection, told, receiver)
        added = connection.execute(
            "INSERT OR IGNORE INTO deliveries (notification, receiver, alert, group_key) VALUES (?, ?, ?, ?)",
            (told.id, receiver.name, told.alert, group),
        )
        if added.rowcount:
            schedule(connection, receiver.name, group, now_us=told.at_us, interval_us=receiver.group_interval_us)


def schedule(connection: sqlite3.Connection, receiver: str, group: str, *, now_us: int, interval_us: int) -> None:
    """Something waits in a group: its next message is due at once, or an interval after the one before it."""
    connection.execute(_GROUP_WAITS, {"receiver": receiver, "group": group, "now": now_us, "interval": interval_us})


def absent(name: str) -> Receiver:
    """One that is not in the settings, as far as anything is known of it."""
    return Receiver(name, Console())


def _heard(connection: sqlite3.Connection, alert: str) -> list[str]:
    return [name for (name,) in connection.execute("SELECT DISTINCT receiver FROM deliveries WHERE alert = ?", (alert,))]


# A group rests when nothing of it waits or is under way, and its interval is over.
_GROUP_WAITS = """
INSERT INTO delivery_groups (receiver, group_key, begun_us, open_messages, due_us) VALUES (:receiver, :group, :now, 0, :now)
ON CONFLICT DO UPDATE SET
    begun_us = CASE WHEN open_messages = 0 AND due_us IS NULL AND formed_us + :interval <= :now THEN :now ELSE begun_us END,
    due_us = CASE WHEN open_messages = 0 THEN coalesce(due_us, max(:now, coalesce(formed_us, 0) + :interval)) END
"""


def _group(connection: sqlite3.Connection, told: Notification, receiver: Receiver) -> str:
    """Where a notification goes: an alert's end to its beginning's group, the groups of a storm together, by rule."""
    begun = connection.execute(
        "SELECT group_key FROM deliveries WHERE receiver = ? AND alert = ? ORDER BY sequence DESC LIMIT 1",
        (receiver.name, told.alert),
    ).fetchone()
    if begun is not None:
        return str(begun[0])
    since_us = told.at_us - receiver.group_interval_us
    is_awake = connection.execute(
        "SELECT 1 FROM delivery_groups WHERE receiver = ? AND group_key = ?"
        " AND (open_messages > 0 OR due_us IS NOT NULL OR formed_us > ?)",
        (receiver.name, told.group, since_us),
    ).fetchone()
    if is_awake:
        return told.group
    (number,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM delivery_groups WHERE receiver = ? AND begun_us > ? LIMIT ?)",
        (receiver.name, since_us, receiver.size.groups_max),
    ).fetchone()
    return told.rule if number >= receiver.size.groups_max else told.group


def claim(connection: sqlite3.Connection, receiver: Receiver, *, now_us: int) -> Delivery | None:
    """The next message that is due, marked as being sent; made of what waits where no older one is due. None where nothing is."""
    row = connection.execute(
        "SELECT id, group_key, alerts, attempts, since_us FROM messages"
        " WHERE receiver = ? AND state = 'pending' AND next_attempt_us <= ? ORDER BY next_attempt_us LIMIT 1",
        (receiver.name, now_us),
    ).fetchone() or _form(connection, receiver, now_us)
    if row is None:
        return None
    key, group, alerts, attempts, since_us = row
    connection.execute("UPDATE messages SET state = 'sending', attempts = attempts + 1 WHERE id = ?", (key,))
    bodies = connection.execute(
        "SELECT body FROM deliveries JOIN notifications ON notifications.id = notification"
        " WHERE message = ? ORDER BY sequence LIMIT ?",
        (key, receiver.size.carried_max),
    )
    told = tuple(Notification.load(body) for (body,) in bodies)
    return Delivery(key, receiver.name, group, told, alerts, attempts + 1, since_us)


def next_due_us(connection: sqlite3.Connection, receiver: str) -> int | None:
    """When there will be something to claim; None where nothing waits."""
    (due_us,) = connection.execute(
        "SELECT min(due_us) FROM ("
        "SELECT min(due_us) AS due_us FROM delivery_groups WHERE receiver = :receiver AND due_us IS NOT NULL"
        " UNION ALL SELECT min(next_attempt_us) FROM messages WHERE receiver = :receiver AND state = 'pending')",
        {"receiver": receiver},
    ).fetchone()
    return due_us if due_us is None else int(due_us)


def postpone(connection: sqlite3.Connection, key: str, *, until_us: int, error: str) -> None:
    """A message is to be tried again, unless it was given up meanwhile."""
    connection.execute(
        "UPDATE messages SET state = 'pending', next_attempt_us = ?, error = ? WHERE id = ? AND state = 'sending'",
        (until_us, error, key),
    )


def settle(connection: sqlite3.Connection, key: str, receiver: Receiver, *, now_us: int, error: str | None = None) -> None:
    """A message was delivered or, with an error, given up; its group may make the next. Once settled it stays so."""
    settled = connection.execute(
        "UPDATE messages SET state = ?, settled_us = ?, error = ? WHERE id = ? AND settled_us IS NULL RETURNING group_key, alerts",
        ("delivered" if error is None else "dead", now_us, error, key),
    ).fetchone()
    if settled is None:
        return
    group, alerts = settled
    # What did not fit into a full message need not wait again.
    interval_us = 0 if alerts == receiver.size.alerts_max else receiver.group_interval_us
    connection.execute(_GROUP_SETTLED, {"receiver": receiver.name, "group": group, "now": now_us, "interval": interval_us})


_GROUP_SETTLED = """
UPDATE delivery_groups SET open_messages = open_messages - 1, due_us = CASE WHEN open_messages = 1
    AND EXISTS (SELECT 1 FROM deliveries WHERE receiver = :receiver AND group_key = :group AND message IS NULL
        AND sequence NOT IN (SELECT delivery FROM held_deliveries))
    THEN max(:now, coalesce(formed_us, 0) + :interval) END
WHERE receiver = :receiver AND group_key = :group
"""


def give_up(connection: sqlite3.Connection, name: str, *, now_us: int) -> int:
    """Makes dead letters of the messages to a receiver that is there no more; returns how many. What is in none yet waits."""
    keys = connection.execute("SELECT id FROM messages WHERE receiver = ? AND state IN ('pending', 'sending')", (name,)).fetchall()
    for (key,) in keys:
        settle(connection, key, absent(name), now_us=now_us, error="there is no receiver of this name any more")
    return len(keys)


def addressees(connection: sqlite3.Connection) -> set[str]:
    """The receivers for whom something waits or is on its way."""
    rows = connection.execute(
        "SELECT receiver FROM messages WHERE state IN ('pending', 'sending')"
        " UNION SELECT receiver FROM deliveries WHERE message IS NULL"
    )
    return {name for (name,) in rows}


def recover(connection: sqlite3.Connection) -> None:
    """At start: what was being sent when the process ended is sent again, with the same key."""
    connection.execute("UPDATE messages SET state = 'pending' WHERE state = 'sending'")


def hasten(connection: sqlite3.Connection, receiver: Receiver, *, now_us: int, delay_max_us: int) -> None:
    """Nothing waits longer than it would from now; for a start, and a clock that went back: waits are kept as instants."""
    spans = {"receiver": receiver.name, "now": now_us, "attempt": now_us + delay_max_us, "due": now_us + receiver.group_interval_us}
    connection.execute(
        "UPDATE messages SET next_attempt_us = :attempt"
        " WHERE receiver = :receiver AND state = 'pending' AND next_attempt_us > :attempt",
        spans,
    )
    connection.execute(
        "UPDATE delivery_groups SET due_us = min(due_us, :due), formed_us = min(formed_us, :now), begun_us = min(begun_us, :now)"
        " WHERE receiver = :receiver AND (due_us > :due OR formed_us > :now)",
        spans,
    )


def _form(connection: sqlite3.Connection, receiver: Receiver, now_us: int) -> tuple[str, str, int, int, int] | None:
    found = connection.execute(
        "SELECT group_key FROM delivery_groups WHERE receiver = ? AND due_us <= ? ORDER BY due_us LIMIT 1", (receiver.name, now_us)
    ).fetchone()
    if found is None:
        return None
    (group,) = found
    waiting = connection.execute(
        "SELECT sequence, notification FROM deliveries WHERE receiver = ? AND group_key = ? AND message IS NULL"
        " AND sequence NOT IN (SELECT delivery FROM held_deliveries) ORDER BY sequence LIMIT ?",
        (receiver.name, group, receiver.size.alerts_max),
    ).fetchall()
    key = hashlib.sha256("\n".join([receiver.name, *(notification for _, notification in waiting)]).encode()).hexdigest()[:32]
    connection.execute(
        "INSERT INTO messages (id, receiver, group_key, alerts, created_us, since_us, state, attempts, next_attempt_us)"
        " VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?)",
        (key, receiver.name, group, len(waiting), now_us, now_us, now_us),
    )
    connection.executemany("UPDATE deliveries SET message = ? WHERE sequence = ?", ((key, sequence) for sequence, _ in waiting))
    connection.execute(
        "UPDATE delivery_groups SET open_messages = open_messages + 1, formed_us = ?, due_us = NULL"
        " WHERE receiver = ? AND group_key = ?",
        (now_us, receiver.name, group),
    )
    return key, group, len(waiting), 0, now_us
