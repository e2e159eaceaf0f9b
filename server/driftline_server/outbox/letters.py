"""Messages as people see them: which are on their way, which were given up; and sending one of those anew."""

import sqlite3
from dataclasses import dataclass

from driftline_core.errors import FailedPrecondition, NotFound

LISTED_MAX = 1000


@dataclass(frozen=True, slots=True)
class Letter:
    """A message's state. `id` is its idempotency key; `error` says why its last attempt failed.

    What waits is gathered for a group's next message, and has no key yet; `next_attempt_us` is when that is made, None while the
    one before it is on its way.
    """

    id: str
    receiver: str
    group: str
    alerts: int
    created_us: int
    state: str
    attempts: int
    next_attempt_us: int | None
    settled_us: int | None
    error: str | None


def letters(connection: sqlite3.Connection, *, state: str | None = None, receiver: str | None = None) -> list[Letter]:
    """What waits, then the newest messages, at most LISTED_MAX; `state` is waiting, pending, sending, delivered or dead."""
    waiting = connection.execute(_WAITING, {"receiver": receiver, "most": LISTED_MAX}) if state in (None, "waiting") else ()
    rows = connection.execute(
        "SELECT id, receiver, group_key, alerts, created_us, state, attempts, next_attempt_us, settled_us, error FROM messages"
        " WHERE (:state IS NULL OR state = :state) AND (:receiver IS NULL OR receiver = :receiver)"
        " ORDER BY created_us DESC, id LIMIT :most",
        {"state": state, "receiver": receiver, "most": LISTED_MAX},
    )
    return [Letter(*row) for row in (*waiting, *rows)][:LISTED_MAX]


_WAITING = """
SELECT '', receiver, group_key, count(*), min(created_us), 'waiting', 0, due_us, NULL, NULL
FROM deliveries JOIN notifications ON notifications.id = notification JOIN delivery_groups USING (receiver, group_key)
WHERE message IS NULL AND (:receiver IS NULL OR receiver = :receiver)
GROUP BY receiver, group_key ORDER BY min(created_us) DESC LIMIT :most
"""


def counts(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """How many messages there are by receiver and state; notifications that no message holds yet count as `waiting`."""
    rows = connection.execute(
        "SELECT receiver, state, count(*) FROM messages GROUP BY receiver, state"
        " UNION ALL SELECT receiver, 'waiting', count(*) FROM deliveries WHERE message IS NULL GROUP BY receiver"
    )
    return {(receiver, state): number for receiver, state, number in rows}


def resend(connection: sqlite3.Connection, key: str, *, now_us: int) -> str:
    """Tries a dead letter anew, with its old key; returns its receiver, to be woken. Raises NotFound, FailedPrecondition."""
    row = connection.execute("SELECT receiver, group_key, state FROM messages WHERE id = ?", (key,)).fetchone()
    if row is None:
        raise NotFound(f"no message {key[:64]!a}; list those given up with driftline alerts deliveries --state dead", field="id")
    receiver, group, state = row
    if state != "dead":
        raise FailedPrecondition(f"message {key} is {state}, and only a dead one is sent anew", field="id")
    connection.execute(
        "UPDATE messages SET state = 'pending', attempts = 0, since_us = :now, next_attempt_us = :now, settled_us = NULL"
        " WHERE id = :key",
        {"now": now_us, "key": key},
    )
    connection.execute(
        "INSERT INTO delivery_groups (receiver, group_key, begun_us, open_messages) VALUES (?, ?, ?, 1)"
        " ON CONFLICT DO UPDATE SET open_messages = open_messages + 1, due_us = NULL",
        (receiver, group, now_us),
    )
    return str(receiver)


def prune(connection: sqlite3.Connection, *, before_us: int) -> None:
    """Forgets messages settled before an instant, what they told, and groups that rest since; what is on its way stays."""
    connection.execute("DELETE FROM deliveries WHERE message IN (SELECT id FROM messages WHERE settled_us < ?)", (before_us,))
    connection.execute("DELETE FROM messages WHERE settled_us < ?", (before_us,))
    connection.execute(
        "DELETE FROM notifications WHERE created_us < ?"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE notification = notifications.id)",
        (before_us,),
    )
    connection.execute("DELETE FROM delivery_groups WHERE open_messages = 0 AND due_us IS NULL AND formed_us < ?", (before_us,))
