"""The tables of `driftline.sqlite`, as steps from one format to the next. A released step never changes; a new one is added.

All times are integer epoch microseconds in UTC. Endpoints, columns and statuses are told by small numbers where rows are many (a
row per endpoint, column and hour); the views of `views.py` say the names.
"""

from collections.abc import Callable
from importlib.metadata import version

from sqlite_utils import Database, Migrations

from driftline_server.store.alert_tables import create_alert_tables
from driftline_server.store.measures import STATUS_IDS
from driftline_server.store.outbox_tables import create_held, create_outbox, index_heard

_FIRST = """
CREATE TABLE server (
    -- about this file: `format` is the number of steps applied, `version` the driftline that wrote it last
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE statuses (
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL
) STRICT;

CREATE TABLE endpoints (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,           -- new at each creation
    name TEXT NOT NULL,                 -- project/function/model:version
    project TEXT NOT NULL,
    function TEXT NOT NULL,
    model TEXT NOT NULL,
    version TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    deleted_us INTEGER,                 -- what was counted for a deleted endpoint is gone, this row stays
    closed_until_us INTEGER,            -- every hour that ends here or before has been closed
    stale_after_us INTEGER NOT NULL,
    spec TEXT NOT NULL                  -- JSON: what its creator said
) STRICT;
CREATE UNIQUE INDEX endpoints_name ON endpoints (name) WHERE deleted_us IS NULL;

CREATE TABLE columns (
    id INTEGER PRIMARY KEY,
    endpoint_id INTEGER NOT NULL REFERENCES endpoints (id),
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,                 -- feature, prediction, label
    kind TEXT NOT NULL,                 -- numeric, categorical, boolean
    UNIQUE (endpoint_id, name)
) STRICT;

CREATE TABLE reference_versions (
    endpoint_id INTEGER NOT NULL REFERENCES endpoints (id),
    version INTEGER NOT NULL,
    set_us INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    body BLOB NOT NULL,                 -- bins and counts, in driftline's own encoding
    PRIMARY KEY (endpoint_id, version)
) STRICT;

CREATE TABLE producers (
    endpoint_id INTEGER NOT NULL REFERENCES endpoints (id),
    producer_id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    admitted INTEGER NOT NULL,          -- highest sequence taken in this epoch
    dropped INTEGER NOT NULL,           -- rows the producer could not deliver, by why
    unconvertible INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    last_seen_us INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, producer_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE hours (
    -- a closed hour of an endpoint; late rows give it another revision, the highest holds
    id INTEGER PRIMARY KEY,
    endpoint_id INTEGER NOT NULL REFERENCES endpoints (id),
    start_us INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    rows INTEGER NOT NULL,              -- counted under reference_version; 0: an hour without rows
    rows_other_reference INTEGER NOT NULL,
    reference_version INTEGER,
    drift REAL,                         -- mean of the features; NULL: no value
    status INTEGER NOT NULL REFERENCES statuses (id),
    through INTEGER NOT NULL,           -- journal position up to which rows are in it
    closed_us INTEGER NOT NULL,
    profile BLOB,                       -- its counts, in driftline's own encoding; of the highest revision only
    UNIQUE (endpoint_id, start_us, revision)
) STRICT;

CREATE TABLE hour_columns (
    -- what each column was like in an hour; an hour without rows has none. NULL: no value
    hour_id INTEGER NOT NULL REFERENCES hours (id) ON DELETE CASCADE,
    column_id INTEGER NOT NULL REFERENCES columns (id),
    status INTEGER REFERENCES statuses (id),  -- NULL for labels, which have none
    rows INTEGER NOT NULL,
    nulls INTEGER NOT NULL,
    missing INTEGER NOT NULL,           -- rows of batches without the column; not in `rows`
    below INTEGER NOT NULL,             -- below the first edge, above the last
    above INTEGER NOT NULL,
    unseen INTEGER NOT NULL,            -- of no category that the reference has
    tvd REAL,
    hellinger REAL,
    kld REAL,
    drift REAL,                         -- (tvd + hellinger) / 2
    mean REAL,                          -- moments of numeric columns
    std REAL,
    min REAL,
    max REAL,
    PRIMARY KEY (hour_id, column_id)
) STRICT, WITHOUT ROWID;
"""


def first_tables(db: Database) -> None:
    """Endpoints, references, producers, hours."""
    _run(db, _FIRST)
    db.conn.executemany("INSERT INTO statuses (id, status) VALUES (?, ?)", [(number, name) for name, number in STATUS_IDS.items()])


def alert_tables(db: Database) -> None:
    """Rules, alerts, and the messages that tell of them."""
    create_outbox(db.conn)
    create_alert_tables(db.conn)


def held_deliveries(db: Database) -> None:
    """Which messages a silence holds back."""
    create_held(db.conn)


def deliveries_by_alert(db: Database) -> None:
    """Who was told of an alert."""
    index_heard(db.conn)


def endpoint_counts(db: Database) -> None:
    """How many rows were counted: with those of stored hours, how many are lost where the database alone is left.

    Earlier endpoints have no row: some of their hours may have expired, and how many rows those had is not known.
    """
    _run(
        db,
        """
CREATE TABLE endpoint_counts (
    endpoint_id INTEGER PRIMARY KEY REFERENCES endpoints (id),
    rows INTEGER NOT NULL,              -- ever counted, those included of the running hour
    through INTEGER NOT NULL,           -- the journal position up to which they are
    expired INTEGER NOT NULL,           -- of them, those in hours that came of age
    lost INTEGER NOT NULL               -- not among them: what was lost, and no row of `producers` tells of
) STRICT;
""",
    )


# In order. The number of steps is the format of a file: one line for the next.
STEPS: tuple[Callable[[Database], None], ...] = (
    first_tables,
    alert_tables,
    held_deliveries,
    deliveries_by_alert,
    endpoint_counts,
)
FORMAT = len(STEPS)


def migrations() -> Migrations:
    """The steps as sqlite-utils applies them: each in a transaction of its own, once, with the format that the file is then of."""
    made = Migrations("driftline")
    for number, step in enumerate(STEPS, start=1):
        made(name=step.__name__)(_noting(step, number))
    return made


def note_format(db: Database, number: int) -> None:
    """Says in the file which format it is of, and by which version, so that an older one refuses what it does not know."""
    about = {"format": str(number), "version": version("driftline")}
    db.conn.executemany("INSERT OR REPLACE INTO server (key, value) VALUES (?, ?)", about.items())


def _noting(step: Callable[[Database], None], number: int) -> Callable[[Database], None]:
    def noted(db: Database) -> None:
        step(db)
        note_format(db, number)

    return noted


def _run(db: Database, script: str) -> None:
    # Not executescript(): it would commit the transaction that a step is in.
    for statement in script.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)
