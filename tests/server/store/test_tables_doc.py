"""docs/tables.md names every table, view and column of the database, and no other."""

import re
from pathlib import Path

import pytest

from driftline_server.store import Store

DOC = (Path(__file__).parents[3] / "docs" / "tables.md").read_text()
ROW = re.compile(r"^\| `(?P<table>\w+)` \| [^|]+ \| (?P<columns>[^|]+) \|$", re.M)
ASIDE = re.compile(r"\([^)]*\)")
NAME = re.compile(r"`(\w+)`")

SAID = {row["table"]: set(NAME.findall(ASIDE.sub("", row["columns"]))) for row in ROW.finditer(DOC)}


@pytest.fixture
def tables(store: Store) -> dict[str, tuple[str, bool, set[str]]]:
    """What there is: table or view, whether it is strict, its columns."""
    listed = store.connection.execute("SELECT name, type, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    columns = "SELECT name FROM pragma_table_info(?)"
    return {
        name: (kind, bool(strict), {column for (column,) in store.connection.execute(columns, (name,))})
        for name, kind, strict in listed
        if not name.startswith("sqlite_")
    }


def test_every_table_and_column_is_named_and_no_other(tables: dict[str, tuple[str, bool, set[str]]]) -> None:
    assert {name: columns for name, (_, _, columns) in tables.items()} == SAID


def test_all_but_the_one_that_is_named_are_strict(tables: dict[str, tuple[str, bool, set[str]]]) -> None:
    lax = {name for name, (kind, is_strict, _) in tables.items() if kind == "table" and not is_strict}
    assert [f"All are `STRICT`, except `{name}`" in DOC for name in lax] == [True]
