"""Questions that people ask of the file itself, as views: names for numbers, readable times, the newest revision of each hour."""

from sqlite_utils import Database

from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US
from driftline_server.store.measures import COLUMN_METRICS, ENDPOINT_METRICS

_NOW_US = "(CAST(strftime('%s', 'now') AS INTEGER) * 1000000)"
# A row reaches this file when its hour has closed: up to an hour and five minutes after it came.
_BEHIND_US = HOUR_US + 5 * MINUTE_US


def _iso(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%SZ', {column} / 1000000, 'unixepoch')"


def _long(names: tuple[str, ...]) -> str:
    cases = " ".join(f"WHEN '{name}' THEN {name}" for name in names)
    return f"CASE metric {cases} END AS value"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"('{name}')" for name in names)


NEWEST = (
    "NOT EXISTS (SELECT 1 FROM hours AS later WHERE later.endpoint_id = hours.endpoint_id "
    "AND later.start_us = hours.start_us AND later.revision > hours.revision)"
)

VIEWS = {
    # A row per endpoint and hour.
    "newest_hours": f"""
SELECT endpoints.name AS endpoint, {_iso("hours.start_us")} AS start, hours.rows, hours.rows_other_reference, hours.drift,
       statuses.status, hours.revision, hours.reference_version, {_iso("hours.closed_us")} AS closed, hours.start_us, hours.end_us
FROM endpoints
CROSS JOIN hours ON hours.endpoint_id = endpoints.id
JOIN statuses ON statuses.id = hours.status
WHERE endpoints.deleted_us IS NULL AND {NEWEST}
""",
    # A row per endpoint, column and hour, measures as columns.
    "newest_columns": f"""
SELECT endpoints.name AS endpoint, columns.name AS column, columns.role, columns.kind, {_iso("hours.start_us")} AS start,
       {", ".join(f"hour_columns.{name}" for name in COLUMN_METRICS)},
       statuses.status, hours.revision, hours.start_us, hours.end_us
FROM endpoints
CROSS JOIN hours ON hours.endpoint_id = endpoints.id
CROSS JOIN hour_columns ON hour_columns.hour_id = hours.id
JOIN columns ON columns.id = hour_columns.column_id
LEFT JOIN statuses ON statuses.id = hour_columns.status
WHERE endpoints.deleted_us IS NULL AND {NEWEST}
""",
    # The tidy long form; the endpoint's own metrics have no column. What has no value has no row.
    "metrics": f"""
SELECT * FROM (
SELECT endpoint, NULL AS column, start, metric, {_long(ENDPOINT_METRICS)}, start_us
FROM newest_hours CROSS JOIN (SELECT column1 AS metric FROM (VALUES {_listed(ENDPOINT_METRICS)}))
UNION ALL
SELECT endpoint, column, start, metric, {_long(COLUMN_METRICS)}, start_us
FROM newest_columns CROSS JOIN (SELECT column1 AS metric FROM (VALUES {_listed(COLUMN_METRICS)}))
) WHERE value IS NOT NULL
""",
    # Features and predictions of the last 24 hours, the most drifted first.
    "worst_columns": f"""
SELECT endpoint, column, role, max(drift) AS drift, status, start AS hour,
       sum(status IN ('potential', 'detected')) AS hours_alarmed, count(*) AS hours, sum(rows) AS rows
FROM newest_columns
WHERE start_us >= {_NOW_US} - {DAY_US} AND role <> 'label' AND drift IS NOT NULL
GROUP BY endpoint, column
ORDER BY drift DESC
""",
    # Endpoints for which no hour with rows was stored within their stale_after, and the hour it takes to store one.
    "silent_endpoints": f"""
SELECT endpoint, {_iso("last_us")} AS last_rows_before, {_iso("created_us")} AS created,
       round(({_NOW_US} - coalesce(last_us, created_us)) / 3600e6, 1) AS hours_silent
FROM (
    SELECT name AS endpoint, created_us, stale_after_us, (
        SELECT end_us FROM hours WHERE endpoint_id = endpoints.id AND rows + rows_other_reference > 0 ORDER BY start_us DESC LIMIT 1
    ) AS last_us
    FROM endpoints WHERE deleted_us IS NULL
)
WHERE {_NOW_US} - coalesce(last_us, created_us) > stale_after_us + {_BEHIND_US}
ORDER BY hours_silent DESC
""",
}


def create_views(db: Database) -> None:
    """Makes the views those of this version."""
    for name, sql in VIEWS.items():
        db.create_view(name, sql.strip(), replace=True)
