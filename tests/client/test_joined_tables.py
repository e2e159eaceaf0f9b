"""Small tables are sent as one; what cannot be joined, or does not fit, costs no other's rows."""

import pyarrow as pa
import pytest
from tests.client.conftest import MakeMonitor
from tests.client.fake_server import FakeServer

import driftline

FLUSH_S = 20.0
UNTIL_FLUSH_S = 60.0  # a linger, so that all tables wait for each other


@pytest.fixture
def gathering(monitor_of: MakeMonitor) -> driftline.Monitor:
    return monitor_of(linger=UNTIL_FLUSH_S)


def categorical(code: int, words: list[str | None]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array([code], pa.int8()), pa.array(words))


def test_categories_may_be_more_than_one_of_the_tables_has_codes_for(fake: FakeServer, gathering: driftline.Monitor) -> None:
    words = [f"c{number}" for number in range(300)]
    for number, word in enumerate(words):
        gathering.log_batch(pa.table({"amount": [float(number)], "country": categorical(0, [word])}))
    assert gathering.flush(FLUSH_S)
    assert fake.column("country") == words
    assert fake.column("amount") == [float(number) for number in range(300)]
    assert len(fake.tables) < 20


@pytest.mark.parametrize(
    "unused",
    [
        [categorical(0, [f"u{number}"]) for number in range(300)],
        [categorical(0, ["a", None]), categorical(1, ["b", "a"])],
        [pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([[word]])) for word in ("a", "b")],
    ],
    ids=["many", "null", "nested"],
)
def test_a_column_nobody_uses_may_be_one_that_cannot_be_joined(
    fake: FakeServer, gathering: driftline.Monitor, unused: list[pa.Array]
) -> None:
    for column in unused:
        gathering.log_batch(pa.table({"amount": [1.0], "user": column}))
    assert gathering.flush(FLUSH_S)
    assert fake.column("amount") == [1.0] * len(unused)


def test_dictionaries_that_hold_a_null_and_differ_are_sent_apart(fake: FakeServer, gathering: driftline.Monitor) -> None:
    for words in (["DE", None], ["FR", "DE", None]):
        gathering.log_batch(pa.table({"country": pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(words))}))
    assert gathering.flush(FLUSH_S)
    assert fake.column("country") == ["DE", None, "FR", "DE"]


@pytest.mark.parametrize(("column", "good", "bad"), [("amount", "1.5", "oops"), ("timestamp", "2026-05-01T00:00:00Z", "yesterday")])
def test_a_table_that_does_not_fit_costs_no_other(
    fake: FakeServer, gathering: driftline.Monitor, column: str, good: str, bad: str
) -> None:
    for value in (good, bad, good):
        gathering.log_batch(pa.table({"known": [True, False], column: [good, value]}))
    assert gathering.flush(FLUSH_S)
    assert (gathering.stats.acknowledged, gathering.stats.rejected) == (4, 2)
    assert column in (gathering.stats.last_error or "")
    assert fake.column("known") == [True, False] * 2
