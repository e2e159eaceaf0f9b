"""One value is the same in a row and in a table, in a column or beside it: the id, the number, the truth, or nothing."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.client.fake_server import FakeServer

import driftline
from driftline.objects import column_of
from driftline.values import text

pd = pytest.importorskip("pandas", reason="pandas is no dependency of the client")

FLUSH_S = 20.0
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

IDS: dict[str, tuple[Any, str]] = {
    "long": (12345678901.0, "12345678901"),
    "longer": (2.0**53, "9007199254740992"),
    "beyond": (1e17, "1e+17"),
    "half": (2.5, "2.5"),
    "minus zero": (-0.0, "0"),
    "float32": (np.float32(16777216), "16777216"),
    "float16": (np.float16(0.5), "0.5"),
    "decimal": (Decimal("2.50"), "2.5"),
    "whole decimal": (Decimal("7.00"), "7"),
    "truth": (True, "true"),
    "day": (date(2026, 5, 1), "2026-05-01"),
    "time": (time(3, 4), "03:04:00"),
    "naive": (NOON.replace(tzinfo=None), "2026-05-01 12:00:00"),
    "zoned": (NOON, "2026-05-01 12:00:00+00:00"),
    "elsewhere": (NOON.astimezone(timezone(timedelta(hours=2))), "2026-05-01 14:00:00+02:00"),
}
FORMS: dict[str, Callable[[list[Any]], Any]] = {
    "objects": lambda values: pd.Series(values, dtype=object),
    "typed": pd.Series,
    "categories": lambda values: pd.Series(values).astype("category"),
    "arrow": pa.array,
}


@pytest.mark.parametrize(("value", "written"), IDS.values(), ids=IDS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_id_is_written_in_one_way(
    fake: FakeServer, monitor: driftline.Monitor, value: Any, written: str, form: Callable[[list[Any]], Any]
) -> None:
    monitor.log({"amount": 1.0}, id=value)
    table = {"amount": [1.0, 1.0, 1.0], "id": form([value, None, value])}
    monitor.log_batch(pa.table(table) if isinstance(table["id"], pa.Array) else pd.DataFrame(table))
    monitor.log_batch(pa.table({"amount": [1.0, 1.0, 1.0]}), ids=table["id"])
    assert monitor.flush(FLUSH_S)
    assert monitor.stats.rejected == 0, monitor.stats
    assert fake.column("id") == [written, *[written, None, written] * 2]


def test_ids_that_one_missing_makes_floats_are_those_of_the_rows(fake: FakeServer, monitor: driftline.Monitor) -> None:
    ids = [12345678901, None, 12345678903]
    monitor.log_batch(pd.DataFrame({"amount": [1.0, 2.0, 3.0], "id": ids}))
    for each in ids:
        monitor.log({"amount": 1.0}, id=each)
    assert monitor.flush(FLUSH_S)
    found = fake.column("id")
    assert found[:3] == [None if each is None else str(each) for each in found[3:]] == ["12345678901", None, "12345678903"]


def masked(values: list[Any], kind: Any) -> Any:
    return np.ma.array(values, mask=[True, *[False] * (len(values) - 1)], dtype=kind)


@pytest.mark.parametrize("kind", [np.float64, object])
@pytest.mark.parametrize("other", [0.5, True], ids=["number", "truth"])
def test_what_is_masked_is_missing(fake: FakeServer, monitor: driftline.Monitor, kind: Any, other: Any) -> None:
    monitor.log({"amount": np.ma.masked, "known": np.ma.masked, "country": np.ma.masked}, prediction=np.ma.masked)
    monitor.log({"amount": 1.0, "known": True, "country": "DE"}, prediction=0.5)
    monitor.log_batch(
        pd.DataFrame({"amount": pd.Series([np.ma.masked, other, 2.5], dtype=object)}), prediction=masked([9.0, other, 2.5], kind)
    )
    monitor.log_batch(
        pa.table({"amount": [1.0] * 3}), prediction=[np.ma.masked, other, 2.5], timestamps=masked([NOON, 1, NOON], object)
    )
    assert monitor.flush(FLUSH_S)
    assert monitor.stats.rejected == 0, monitor.stats
    assert [fake.rows[0][name] for name in ("amount", "known", "country", "score")] == [None] * 4
    assert fake.column("amount")[2:5] == fake.column("score")[2:5] == fake.column("score")[5:8] == [None, float(other), 2.5]
    assert fake.column("timestamp")[5] is None


def test_a_matrix_of_masked_objects_has_nulls(fake: FakeServer, monitor: driftline.Monitor) -> None:
    values = np.array([[9.0, "DE", True], [0.5, "FR", True], [True, "FR", False]], object)
    monitor.log_batch(np.ma.array(values, mask=[[1, 1, 1], [0, 0, 0], [0, 0, 0]]))
    assert monitor.flush(FLUSH_S)
    assert fake.rows == [
        {"amount": None, "country": None, "known": None},
        {"amount": 0.5, "country": "FR", "known": True},
        {"amount": 1.0, "country": "FR", "known": False},
    ]


def test_an_instant_is_one_category(fake: FakeServer, monitor: driftline.Monitor) -> None:
    instant = np.datetime64("2020-01-01T00:00:00.000000001")
    monitor.log({"amount": 1.0, "country": instant})
    monitor.log_batch(pd.DataFrame({"amount": [1.0], "country": [instant]}))
    assert monitor.flush(FLUSH_S)
    assert fake.column("country") == ["2020-01-01 00:00:00"] * 2


@pytest.mark.parametrize(
    "missing", [np.float32("nan"), np.float64("nan"), math.nan, None], ids=["float32", "float64", "float", "none"]
)
def test_truths_beside_what_is_missing_are_truths(missing: Any) -> None:
    column = column_of(pd.Series([missing, True], dtype=object))
    assert text(column[1].as_py()) == "true" and not column[0].is_valid


NULL = None
REFUSED = "refused"
NUMBERS: dict[str, tuple[Any, Any]] = {
    "number": ("12", 12.0),
    "signed": ("+1.5e3", 1500.0),
    "nothing": ("nan", NULL),
    "truth": (True, 1.0),
    "decimal": (Decimal("NaN"), NULL),
    "wide": (np.longdouble("nan"), NULL),
    "spaces": (" 12 ", REFUSED),
    "line": ("12\n", REFUSED),
    "underscore": ("1_000", REFUSED),
    "other digits": ("\uff11\uff12", REFUSED),
    "word": ("true", REFUSED),
    "capital": ("False", REFUSED),
    "bytearray": (bytearray(b"1"), REFUSED),
    "complex": (1 + 2j, REFUSED),
    "no complex": (complex("nan"), NULL),
    "beyond": (-(10**400), -math.inf),
    "array": (np.array([2.5]), 2.5),
    "two": (np.array([2.5, 3.5]), REFUSED),
}
TRUTHS: dict[str, tuple[Any, Any]] = {
    "word": ("true", True),
    "capital": ("FALSE", False),
    "digit": ("1", True),
    "number": (2.5, True),
    "decimal": (Decimal(0), False),
    "no decimal": (Decimal("NaN"), NULL),
    "wide": (np.longdouble("nan"), NULL),
    "spaces": (" true", REFUSED),
    "number as text": ("2.5", REFUSED),
    "two": ("2", REFUSED),
    "yes": ("yes", REFUSED),
    "bytearray": (bytearray(b"1"), REFUSED),
    "complex": (1 + 2j, REFUSED),
    "no complex": (complex("nan"), NULL),
    "array": (np.array([True]), True),
}
MEANT = {f"amount {key}": ("amount", *pair) for key, pair in NUMBERS.items()}
MEANT |= {f"known {key}": ("known", *pair) for key, pair in TRUTHS.items()}
MIXED = {
    "alone": lambda value: pd.Series([value]),
    "objects": lambda value: pd.Series([value, value], dtype=object),
    "missing": lambda value: pd.Series([value, None], dtype=object),
    "truth": lambda value: pd.Series([value, True], dtype=object),
    "fraction": lambda value: pd.Series([value, Fraction(1, 2)], dtype=object),
    "number": lambda value: pd.Series([value, 1.0], dtype=object),
}


def first(fake: FakeServer, monitor: driftline.Monitor, column: str) -> Any:
    """What came of the first value of the last table: nothing where all of it was refused."""
    assert monitor.flush(FLUSH_S)
    got = fake.column(column)
    return got[0] if got else REFUSED


@pytest.mark.parametrize(("column", "value", "meant"), MEANT.values(), ids=MEANT)
def test_a_value_is_one_in_a_row(fake: FakeServer, monitor: driftline.Monitor, column: str, value: Any, meant: Any) -> None:
    monitor.log({column: value, "country": "DE"})
    assert alike(first(fake, monitor, column), meant), monitor.stats
    monitor.log({column: value, "country": "DE"})  # now that the schema is known
    assert monitor.flush(FLUSH_S)
    assert fake.column(column) == ([] if meant is REFUSED else [fake.column(column)[0]] * 2)


@pytest.mark.parametrize("mixed", MIXED.values(), ids=MIXED)
@pytest.mark.parametrize(("column", "value", "meant"), MEANT.values(), ids=MEANT)
def test_a_value_is_that_of_the_row_in_a_table(
    fake: FakeServer, monitor: driftline.Monitor, column: str, value: Any, meant: Any, mixed: Callable[[Any], Any]
) -> None:
    monitor.log_batch(pd.DataFrame({column: mixed(value)}))
    assert alike(first(fake, monitor, column), meant), monitor.stats


def alike(got: Any, meant: Any) -> bool:
    """Numbers stand for truths, as they do for the server; NaN is null."""
    if meant is REFUSED or got is REFUSED or meant is None:
        return got is meant or (meant is None and isinstance(got, float) and math.isnan(got))
    return got is not None and (bool(got) if isinstance(meant, bool) else got) == meant


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(1)], ids=str)
@pytest.mark.parametrize("column", ["amount", "known"])
def test_bytes_are_neither_numbers_nor_truths(fake: FakeServer, monitor: driftline.Monitor, column: str, kind: pa.DataType) -> None:
    monitor.log({column: b"1", "country": "DE"})
    monitor.log_batch(pd.DataFrame({column: [b"1"]}))
    monitor.log_batch(pa.table({column: pa.array([b"1"], kind)}))
    assert first(fake, monitor, column) is REFUSED
    assert monitor.stats.rejected == 3, monitor.stats


@pytest.mark.parametrize("form", [*FORMS.values(), np.array], ids=[*FORMS, "array"])
def test_an_instant_as_a_category_is_cut_to_microseconds(
    fake: FakeServer, monitor: driftline.Monitor, form: Callable[[list[Any]], Any]
) -> None:
    written = "2020-01-01 00:00:00.000001"
    for value in (np.datetime64("2020-01-01T00:00:00.000001002"), pd.Timestamp("2020-01-01T00:00:00.000001002")):
        monitor.log({"country": value})
        monitor.log_batch(pd.DataFrame({"country": form([value])}))
    assert monitor.flush(FLUSH_S)
    assert fake.column("country") == [written] * 4, monitor.stats
