"""Messages as people see them: which are on their way, which were given up; and sending one of those anew."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from driftline_core.errors import FailedPrecondition, NotFound

LISTED_MAX = 1000


@dataclass(frozen=True, slots=True)
class Letter:
    """A message's state. `id` is its idempotency key; `error` says why its last attempt failed.

    What waits is gathered for a group's next message, and has no key yet; `next_attempt_us` is when that is made, None while the
    one before it is on its way or a silence holds it.
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
SELECT '', receiver, group_key, count(*), min(created_us), 'waiting', 0, CASE WHEN delivery IS NULL THEN due_us END, NULL, NULL
FROM deliveries JOIN notifications ON notifications.id = notification JOIN delivery_groups USING (receiver, group_key)
LEFT JOIN held_deliveries ON delivery = sequence
WHERE message IS NULL AND (:receiver IS NULL OR receiver = :receiver)
GROUP BY receiver, group_key, delivery IS NULL ORDER BY min(created_us) DESC LIMIT :most
"""


IsOver = Callable[[str, str], bool]  # whether an alert has ended, and a receiver would never know


def resend(connection: sqlite3.Connection, key: str, *, now_us: int, is_over: IsOver = lambda receiver, alert: False) -> str:
    """Tries a dead letter anew, with its old key; returns its receiver, to be woken. Raises NotFound, FailedPrecondition.

    What has ended since, with a message of its own for that, is left out: the beginning would come after the end, and stand. So is
    an alert that `is_over` for the receiver, each by its name, and of which no end waits to be told.
    """
    row = connection.execute("SELECT receiver, group_key, state FROM messages WHERE id = ?", (key,)).fetchone()
    if row is None:
        raise NotFound(f"no message {key[:64]!a}; list those given up with driftline alerts deliveries --state dead", field="id")
    receiver, group, state = row
    if state != "dead":
        raise FailedPrecondition(f"message {key} is {state}, and only a dead one can be resent", field="id")
    _leave_out_ended(connection, key, lambda alert: is_over(receiver, alert))
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


def _leave_out_ended(connection: sqlite3.Connection, key: str, is_over: Callable[[str], bool]) -> None:
    """Takes out of a dead letter what has ended since; it keeps its key, and raises FailedPrecondition where nothing is left."""
    ended = connection.execute(_ENDED, {"key": key}).fetchall()
    ended += [found for found in connection.execute(_BEGUN, {"key": key}).fetchall() if is_over(found[1])]
    (all_,) = connection.execute("SELECT count(*) FROM deliveries WHERE message = ?", (key,)).fetchone()
    if ended and len(ended) == all_:
        _, alert, end, state = ended[0]
        said = f", as message {end} says ({state})" if end else ""
        raise FailedPrecondition(
            f"message {key} says that alert {alert} fires; it has ended since{said}, and would be thought to fire for good: "
            f"{'resend that one instead' if state == 'dead' else 'nothing is left to resend'}",
            field="id",
        )
    connection.executemany("DELETE FROM deliveries WHERE sequence = ?", ((sequence,) for sequence, *_ in ended))
    connection.execute("UPDATE messages SET alerts = alerts - ? WHERE id = ?", (len(ended), key))


# What is told of an alert after its beginning is its end.
_ENDED = """
SELECT begun.sequence, begun.alert, messages.id, messages.state FROM deliveries AS begun
JOIN deliveries AS over ON over.receiver = begun.receiver AND over.alert = begun.alert AND over.sequence > begun.sequence
JOIN messages ON messages.id = over.message
WHERE begun.message = :key AND over.message <> :key ORDER BY begun.sequence
"""


# Beginnings of which no end is told, nor waits to be.
_BEGUN = """
SELECT begun.sequence, begun.alert, NULL, '' FROM deliveries AS begun JOIN notifications ON notifications.id = begun.notification
WHERE begun.message = :key AND json_extract(body, '$.status') = 'firing' AND NOT EXISTS (
    SELECT 1 FROM deliveries AS over
    WHERE over.receiver = begun.receiver AND over.alert = begun.alert AND over.sequence > begun.sequence)
ORDER BY begun.sequence
"""


def prune(connection: sqlite3.Connection, *, before_us: int, lasting: Iterable[str] = ()) -> None:
    """Forgets messages settled before an instant, what they told, and groups that rest since; what is on its way stays.

    So do messages on alerts that are `lasting`: who was told of one is told its end.
    """
    old = {"before": before_us, "lasting": json.dumps(list(lasting))}
    connection.execute(
        "DELETE FROM deliveries WHERE message IN (SELECT id FROM messages WHERE settled_us < :before)"
        " AND alert NOT IN (SELECT value FROM json_each(:lasting))",
        old,
    )
    connection.execute(
        "DELETE FROM messages WHERE settled_us < :before AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = messages.id)", old
    )
    connection.execute(
        "DELETE FROM notifications WHERE created_us < ?"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE notification = notifications.id)",
        (before_us,),
    )
    connection.execute(
        "DELETE FROM delivery_groups WHERE open_messages = 0 AND due_us IS NULL AND coalesce(formed_us, begun_us) < ?", (before_us,)
    )
