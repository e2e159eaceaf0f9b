"""Questions asked of the file itself get names, readable times and the newest revision; docs/tables.md is true."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.server.store.building import HOUR_US, endpoint, hour, measures, report

from driftline_core.drift import DISTANCES
from driftline_server.store import Store
from driftline_server.store.database import FILE
from driftline_server.store.measures import COLUMN_METRICS, COUNTS, ENDPOINT_METRICS
from driftline_server.store.views import VIEWS

DOCS = Path(__file__).parents[3] / "docs" / "tables.md"
NOW = time.time_ns() // 1000 // HOUR_US  # hours since 1970


@pytest.fixture
def file(store: Store, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The file of a live server as a stranger's tool opens it: "u" has a restated hour and one without rows, "old" is silent."""
    store.save_endpoint(endpoint("old", "shop/fraud/scorer:v2"))
    store.save_endpoint(endpoint("gone", "shop/fraud/scorer:v1"))
    store.save_hours([hour(NOW - 90, uid="old"), hour(NOW - 89, rows=0, uid="old"), hour(NOW - 2, uid="gone")])
    store.save_hours([hour(NOW - 3, rows=60), hour(NOW - 3, rows=100, revision=2), hour(NOW - 2, rows=0), hour(NOW - 1, rows=150)])
    store.delete_endpoint("gone", at_us=9)
    with closing(sqlite3.connect(f"{(tmp_path / 'data' / FILE).as_uri()}?mode=ro", uri=True)) as opened:
        opened.row_factory = sqlite3.Row
        yield opened


def rows(file: sqlite3.Connection, sql: str) -> list[dict[str, object]]:
    return [dict(row) for row in file.execute(sql)]


def iso(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(at * 3600))


def test_newest_hours_are_one_row_an_hour(file: sqlite3.Connection) -> None:
    found = rows(file, "SELECT * FROM newest_hours WHERE endpoint = 'shop/fraud/scorer:v3'")
    said = report(100)
    assert found[0] == {
        "endpoint": "shop/fraud/scorer:v3",
        "start": iso(NOW - 3),
        "rows": 100,
        "rows_other_reference": 0,
        "drift": said.drift,
        "status": said.status.value,
        "revision": 2,
        "reference_version": 1,
        "closed": iso(NOW - 1),
        "start_us": (NOW - 3) * HOUR_US,
        "end_us": (NOW - 2) * HOUR_US,
    }
    told = [(row["rows"], row["status"]) for row in found]
    assert told == [(100, said.status), (0, "insufficient_data"), (150, report(150).status)]


def test_newest_columns_have_every_measure(file: sqlite3.Connection) -> None:
    (found,) = rows(file, f"SELECT * FROM newest_columns WHERE column = 'amount' AND start = '{iso(NOW - 3)}'")
    assert {name: found[name] for name in COLUMN_METRICS} == measures(100, "amount")
    assert (found["endpoint"], found["role"], found["kind"], found["revision"]) == ("shop/fraud/scorer:v3", "feature", "numeric", 2)
    labels = rows(file, "SELECT DISTINCT role, status FROM newest_columns WHERE column = 'truth'")
    assert labels == [{"role": "label", "status": None}]


def test_the_long_form_holds_every_value_there_is(file: sqlite3.Connection) -> None:
    wide = rows(file, "SELECT * FROM newest_columns")
    expected = {
        (row["endpoint"], row["column"], row["start"], name, row[name])
        for row in wide
        for name in COLUMN_METRICS
        if row[name] is not None
    } | {
        (row["endpoint"], None, row["start"], name, row[name])
        for row in rows(file, "SELECT * FROM newest_hours")
        for name in ENDPOINT_METRICS
        if row[name] is not None
    }
    long = rows(file, "SELECT endpoint, column, start, metric, value FROM metrics")
    assert {tuple(row.values()) for row in long} == expected
    assert len(long) == len(expected)


def test_worst_columns_are_those_of_the_last_day(file: sqlite3.Connection) -> None:
    found = rows(file, "SELECT * FROM worst_columns")
    assert {row["endpoint"] for row in found} == {"shop/fraud/scorer:v3"}
    assert {row["column"] for row in found} == {"amount", "country", "score"}
    assert [row["drift"] for row in found] == sorted((row["drift"] for row in found), reverse=True)  # type: ignore[type-var]
    drift = measures(100, "score")["drift"]
    assert found[0] == {
        "endpoint": "shop/fraud/scorer:v3",
        "column": "score",
        "role": "prediction",
        "drift": drift,
        "status": "potential",
        "hour": iso(NOW - 3),
        "hours_alarmed": 1,
        "hours": 2,
        "rows": 250,
    }


def test_silent_endpoints_are_those_without_an_hour_of_rows(file: sqlite3.Connection) -> None:
    (found,) = rows(file, "SELECT * FROM silent_endpoints")
    assert (found["endpoint"], found["last_rows_before"]) == ("shop/fraud/scorer:v2", iso(NOW - 89))
    assert 89 <= float(str(found["hours_silent"])) <= 92  # NOW is of when the tests began


@pytest.mark.parametrize("view", ["newest_hours", "newest_columns", "metrics"])
def test_one_endpoint_and_span_are_found_by_an_index(file: sqlite3.Connection, view: str) -> None:
    sql = f"EXPLAIN QUERY PLAN SELECT * FROM {view} WHERE endpoint = 'a/b/c:d' AND start_us >= 5"
    plan = "\n".join(row["detail"] for row in file.execute(sql))
    assert "(endpoint_id=? AND start_us>?)" in plan
    assert "SCAN hours" not in plan


def test_every_distance_of_the_core_is_a_column_of_the_table(file: sqlite3.Connection) -> None:
    columns = {row["name"] for row in rows(file, "PRAGMA table_info(hour_columns)")}
    assert columns == {"hour_id", "column_id", "status", *COUNTS, *DISTANCES, "drift", "mean", "std", "min", "max"}, (
        "a new measure needs a step in store/tables.py"
    )


def test_every_table_and_view_is_documented(file: sqlite3.Connection) -> None:
    said = DOCS.read_text(encoding="utf-8")
    tables = [str(row["name"]) for row in rows(file, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    ours = [name for name in tables if not name.startswith(("_", "sqlite_"))]
    assert [name for name in (*ours, *VIEWS) if f"`{name}`" not in said] == []


def test_the_queries_of_the_documentation_run_and_have_the_columns_it_shows(file: sqlite3.Connection) -> None:
    blocks = re.findall(r"```sql\n(.*?)```\n+```\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    for sql, output in blocks:
        found = file.execute(sql)
        assert [column[0] for column in found.description] == output.splitlines()[0].split()
        assert found.fetchall()
