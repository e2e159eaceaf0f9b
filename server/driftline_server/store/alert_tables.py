"""The tables of rules and alerts. Times are epoch microseconds; `body` is JSON, in the core's own words."""

import sqlite3

_TABLES = """
CREATE TABLE rules (
    -- those made by command or call; rules of the settings are not stored
    name TEXT PRIMARY KEY,
    created_us INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE alert_states (
    -- what is remembered of a rule on an endpoint, or on a column of it
    rule TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    column_name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule, endpoint, column_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
    -- every alert there was, as it is now or ended
    id TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    column_name TEXT NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    value REAL,
    first_seen_us INTEGER NOT NULL,
    last_seen_us INTEGER NOT NULL,
    summary TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX alerts_endpoint ON alerts (endpoint, first_seen_us);
CREATE INDEX alerts_first_seen ON alerts (first_seen_us);

CREATE TABLE alert_steps (
    -- every step of every alert, with the alert as it was then; its number is what a subscriber resumes from
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    alert TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    reason TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX alert_steps_alert ON alert_steps (alert, sequence);

CREATE TABLE silences (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE callbacks (
    -- receivers that clients registered
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE alert_clock (
    -- one row: how far the server's clock was behind itself when it was last looked at
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_us INTEGER NOT NULL,
    behind_us INTEGER NOT NULL
) STRICT;
"""


def create_alert_tables(connection: sqlite3.Connection) -> None:
    """Makes the tables, within the caller's transaction: a step of the store's migrations."""
    for statement in _TABLES.split(";\n"):  # executescript would commit
        if statement.strip():
            connection.execute(statement)
