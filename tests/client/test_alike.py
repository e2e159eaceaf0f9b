"""One value is the same in a row and in a table, in a column or beside it: the id, the number, the truth, or nothing."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.client.fake_server import FakeServer

import driftline

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
