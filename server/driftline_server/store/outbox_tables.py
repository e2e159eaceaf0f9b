"""The outbox's tables: what is told, to whom, in which message, and how far that message has come. Times are epoch microseconds."""

import sqlite3

_TABLES = """
CREATE TABLE notifications (
    id TEXT PRIMARY KEY,                -- one step of one alert
    created_us INTEGER NOT NULL,
    body TEXT NOT NULL                  -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    -- a notification for a receiver
    sequence INTEGER PRIMARY KEY,
    notification TEXT NOT NULL REFERENCES notifications (id),
    receiver TEXT NOT NULL,
    alert TEXT NOT NULL,
    group_key TEXT NOT NULL,
    message TEXT REFERENCES messages (id),  -- NULL: waits for its group's next message
    UNIQUE (notification, receiver)
) STRICT;
CREATE INDEX deliveries_alert ON deliveries (receiver, alert, sequence);
CREATE INDEX deliveries_waiting ON deliveries (receiver, group_key, sequence) WHERE message IS NULL;
CREATE INDEX deliveries_message ON deliveries (message, sequence) WHERE message IS NOT NULL;

CREATE TABLE delivery_groups (
    receiver TEXT NOT NULL,
    group_key TEXT NOT NULL,
    begun_us INTEGER NOT NULL,          -- when something last came for it while it was at rest
    open_messages INTEGER NOT NULL,     -- not yet delivered or dead; while there is one, no next is made, so that order is kept
    formed_us INTEGER,                  -- when its last message was made
    due_us INTEGER,                     -- when the next one is; NULL: nothing waits, or a message is open
    PRIMARY KEY (receiver, group_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_groups_begun ON delivery_groups (receiver, begun_us);
CREATE INDEX delivery_groups_due ON delivery_groups (receiver, due_us) WHERE due_us IS NOT NULL;

CREATE TABLE messages (
    id TEXT PRIMARY KEY,                -- the idempotency key
    receiver TEXT NOT NULL,
    group_key TEXT NOT NULL,
    alerts INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    since_us INTEGER NOT NULL,          -- since when it is tried: its creation, or when it was last sent anew by hand
    state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'delivered', 'dead')),
    attempts INTEGER NOT NULL,
    next_attempt_us INTEGER NOT NULL,
    settled_us INTEGER,                 -- when it was delivered or given up
    error TEXT                          -- why the last attempt failed, without secrets
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_due ON messages (receiver, next_attempt_us) WHERE state = 'pending';
CREATE INDEX messages_unsettled ON messages (state) WHERE state IN ('sending', 'dead');
CREATE INDEX messages_settled ON messages (settled_us) WHERE settled_us IS NOT NULL;
"""

_HELD = """
CREATE TABLE held_deliveries (
    -- what waits for its group's next message and is silenced: it is not told before the silence ends
    delivery INTEGER PRIMARY KEY REFERENCES deliveries (sequence),
    alert TEXT NOT NULL
) STRICT;
CREATE INDEX held_deliveries_alert ON held_deliveries (alert);
"""

_HEARD = """
DROP INDEX deliveries_alert;
CREATE INDEX deliveries_alert ON deliveries (alert, receiver, sequence);  -- who was told of an alert, who is there no more included
"""


def create_outbox(connection: sqlite3.Connection) -> None:
    """Makes the tables, within the caller's transaction: a step of the store's migrations."""
    _create(connection, _TABLES)


def create_held(connection: sqlite3.Connection) -> None:
    """Makes the table of what is held, likewise: a later step."""
    _create(connection, _HELD)


def index_heard(connection: sqlite3.Connection) -> None:
    """Makes it quick to find who was told of an alert, likewise."""
    _create(connection, _HEARD)


def _create(connection: sqlite3.Connection, tables: str) -> None:
    for statement in tables.split(";\n"):  # executescript would commit
        if statement.strip():
            connection.execute(statement)
