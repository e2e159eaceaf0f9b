"""A frame's columns cost rows only where the endpoint uses them, and mean what `log` and the keywords beside it make of them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.client.fake_server import COLUMNS, FakeServer

import driftline

pd = pytest.importorskip("pandas", reason="pandas is no dependency of the client")

FLUSH_S = 20.0
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)


def sent(monitor: driftline.Monitor, table: Any, **beside: Any) -> driftline.Stats:
    monitor.log_batch(table, **beside)
    assert monitor.flush(FLUSH_S)
    return monitor.stats


class Int128:
    """A column of polars that Arrow does not know, as far as it is looked at."""

    name, dtype = "strange", "Int128"

    def __len__(self) -> int:
        return 2

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise pa.ArrowInvalid("Invalid or unsupported format string: '_pli128'")


class Amounts(Int128):
    name, dtype = "amount", "Float64"

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.chunked_array([[1.0, 2.5]]).__arrow_c_stream__(requested_schema)


class Polars:
    def get_columns(self) -> list[Int128]:
        return [Int128(), Amounts()]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise pa.ArrowInvalid("Invalid or unsupported format string: '_pli128'")


def frame(strange: Any) -> Any:
    return pd.DataFrame({"strange": strange, "amount": [1.0, 2.5]})


def arrow(strange: Any) -> Any:
    return pa.Table.from_pandas(frame(strange), preserve_index=False)


class Half:
    def __repr__(self) -> str:
        return "\ud800"


def circular() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


class Own(pd.arrays.IntervalArray):  # type: ignore[name-defined]
    """An array of somebody's own that does not work."""

    def __arrow_array__(self, type: object = None) -> object:  # noqa: A002
        raise RuntimeError("not made yet")


CUT = pd.cut(pd.Series([1, 2]), 2)
STRANGE: dict[str, tuple[Callable[[], Any], str]] = {
    "intervals": (lambda: frame(CUT), "is of type category, which Arrow cannot take; cast it to plain numbers or text"),
    "intervals of Arrow": (lambda: arrow(CUT), "is of type dictionary.*, which Arrow cannot take; cast it to plain"),
    "polars": (Polars, "is of type Int128, which Arrow cannot take .*_pli128.*; cast it to plain numbers or text"),
    "array": (
        lambda: frame(Own.from_breaks([1, 2, 3])),
        r"is of type .*, which Arrow cannot take \(not made yet\); cast it to plain",
    ),
    "complex": (lambda: frame([1j, 2j]), "complex 1j is no category; give a string, a number or a boolean"),
    "tuples": (lambda: frame([(1, "a"), "b"]), r"tuple \(1, 'a'\) is no category; give a string, a number or a boolean"),
    "surrogate": (lambda: frame(pd.Series(["a", "\ud800"], dtype=object)), "str .* is no text: it holds half of a surrogate pair"),
    "half a repr": (lambda: frame([Half(), None]), r"Half \\ud800 is no category; give a string, a number or a boolean"),
    "circular": (lambda: frame(pd.Series([circular(), None])), r"list .* is no category; give a string, a number or a boolean"),
    "nested": (lambda: frame([{"a": [1]}, None]), r"dict .* is no category; give a string, a number or a boolean"),
    "objects": (lambda: frame([object(), None]), "object .* is no category; give a string, a number or a boolean"),
}


@pytest.mark.parametrize("made", [made for made, _ in STRANGE.values()], ids=STRANGE)
def test_a_column_that_the_endpoint_does_not_use_costs_no_rows(
    fake: FakeServer, monitor: driftline.Monitor, made: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    for acknowledged in (2, 4):
        assert sent(monitor, made()).acknowledged == acknowledged, monitor.stats
    assert fake.rows == [{"amount": 1.0}, {"amount": 2.5}] * 2
    monitor.close()
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        "columns that the endpoint does not know are left out: strange"
    ]


@pytest.mark.parametrize(("made", "told"), STRANGE.values(), ids=STRANGE)
def test_one_that_it_uses_is_told_with_its_name_and_the_remedy(
    fake: FakeServer, monitor: driftline.Monitor, made: Callable[[], Any], told: str
) -> None:
    fake.columns = (*COLUMNS, type(COLUMNS[1])(name="strange", role=1, kind=2))
    assert (sent(monitor, made()).rejected, fake.rows) == (2, [])
    assert re.search(f"^rows are rejected: strange: {told}", str(monitor.stats.last_error))


def test_half_of_a_surrogate_pair_in_a_name_is_written_as_python_writes_it(
    fake: FakeServer, monitor: driftline.Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    table = pd.DataFrame([[1.0, 1.0], [2.5, 2.0]], columns=pd.Index(["amount", "\ud800"], dtype=object))
    assert sent(monitor, table).acknowledged == 2, monitor.stats
    for amount in (1.0, 2.5):
        monitor.log({"amount": amount, "\ud800": 1.0})
    assert sent(monitor, pa.table({"amount": [1.0, 2.5]})).acknowledged == 6
    assert fake.column("amount") == [1.0, 2.5] * 3
    monitor.close()
    assert [record.message.rpartition(": ")[2] for record in caplog.records] == ["\\ud800"]


TIMES = {
    "text": [NOON, "2026-05-01T12:00:00"],
    "seconds": [NOON, NOON.timestamp()],
    "whole seconds": [NOON, int(NOON.timestamp())],
    "seconds and text": [NOON.timestamp(), " 2026-05-01T14:00:00+02:00"],
    "numpy": [np.datetime64("2026-05-01T12"), NAIVE],
    "pandas": [pd.Timestamp(NOON), NOON],
}


@pytest.mark.parametrize("given", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("name", ["timestamp", "seen"])
def test_times_of_several_kinds_are_the_same_in_a_frame_and_beside_it(
    fake: FakeServer, monitor: driftline.Monitor, given: list[Any], name: str
) -> None:
    fake.reserved = {"timestamp": name}
    table = {"amount": [1.0, 2.5]}
    sent(monitor, pa.table(table), timestamps=given)
    assert sent(monitor, pd.DataFrame(table | {name: pd.Series(given, dtype=object)})).acknowledged == 4, monitor.stats
    assert fake.column(name) == [NOON] * 4


def test_exceptions_in_a_frame_say_what_they_say_beside_it(fake: FakeServer, monitor: driftline.Monitor) -> None:
    table = {"amount": [1.0, 2.5]}
    given = [ValueError("late"), None]
    sent(monitor, pa.table(table), errors=given)
    assert sent(monitor, pd.DataFrame(table | {"error": given})).acknowledged == 4, monitor.stats
    assert fake.column("error") == ["late", None] * 2


class Number:
    """What `log` takes for a number, since it says which."""

    def __float__(self) -> float:
        return 0.5


@pytest.mark.parametrize("value", [Fraction(1, 2), Number()], ids=["fraction", "object"])
@pytest.mark.parametrize("beside", [[0.25], ["0.25"], [None], []], ids=["number", "text", "missing", "alone"])
def test_what_log_takes_for_a_number_is_one_in_a_table(
    fake: FakeServer, monitor: driftline.Monitor, value: Any, beside: list[Any]
) -> None:
    values = [value, *beside]
    for each in values:
        monitor.log({"amount": each, "known": True}, prediction=each)
    sent(monitor, pd.DataFrame({"amount": values}), prediction=values)
    matrix = np.array([[each, "DE", True] for each in values], object)
    fake.columns = COLUMNS
    assert sent(monitor, matrix, prediction=values).rejected == 0, monitor.stats
    numbers = [0.5, *(None if each is None else 0.25 for each in beside)]
    assert fake.column("amount") == fake.column("score") == numbers * 3


def test_times_and_numbers_are_not_taken_for_each_other(fake: FakeServer, monitor: driftline.Monitor) -> None:
    sent(monitor, pd.DataFrame({"country": pd.Series([NAIVE, 5], dtype=object)}))
    sent(monitor, pd.DataFrame({"country": pd.Series([NAIVE.date(), NAIVE], dtype=object)}))
    assert fake.column("country") == ["2026-05-01 12:00:00", "5", "2026-05-01", "2026-05-01 12:00:00"]


def test_texts_of_numpy_are_a_matrix(fake: FakeServer, monitor: driftline.Monitor) -> None:
    kind = getattr(np.dtypes, "StringDType", None)
    if kind is None:
        pytest.skip("numpy 2 has it")
    matrix = np.array([["1.5", "DE", "true"]], dtype=kind())
    assert sent(monitor, matrix, prediction=np.array(["0.5"], dtype=kind())).rejected == 0, monitor.stats
    assert (fake.column("amount"), fake.column("country"), fake.column("score")) == ([1.5], ["DE"], [0.5])
