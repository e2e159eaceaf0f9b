"""How a row is kept until it is sent: as it was when it was logged, whatever its values are, and in its place among the others."""

import math
from collections import defaultdict
from sys import getsizeof
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.fake_server import COLUMNS, FakeServer
from tests.client.test_monitor_rows import FLUSH_S, ROW

from driftline import InvalidInput, Monitor
from driftline.layout import BY_NAME, Layout, layout_for, loose_row
from driftline.problems import Problems
from driftline.record import record_of
from driftline.rows import RowEncoder
from driftline.shape import Shape, shape_from
from driftline_proto.v1 import ingest_pb2 as pb

SHAPE = shape_from(pb.Opened(handle=1, endpoint_uid="uid", columns=COLUMNS, reserved={"id": "id"}))
GIVEN = (0.5, None, None, None, None, None)

NUMBERS = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(), st.floats().map(np.float64))
TEXTS = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.sampled_from(["DE", "FR"]))
FLAGS = st.one_of(st.none(), st.booleans(), st.integers(0, 3))
RECORDS = st.fixed_dictionaries({}, optional={"amount": NUMBERS, "country": TEXTS, "known": FLAGS})


def layout_of(shape: Shape) -> Layout:
    return layout_for(shape, [])


def as_sent(name: str, value: Any) -> Any:
    """What the server is to see; NaN is null."""
    if value is None or value != value:
        return None
    return {"amount": float, "country": str, "known": bool}[name](value)


@settings(deadline=None)
@given(records=st.lists(st.tuples(RECORDS, st.sampled_from(["named", "before", "older"])), min_size=1, max_size=40))
def test_any_mix_of_rows_is_what_each_of_them_says(records: list[tuple[dict[str, Any], str]]) -> None:
    layouts: list[Layout] = []
    layout_for(shape_from(pb.Opened(columns=[COLUMNS[1], COLUMNS[0], COLUMNS[2]])), layouts)  # the features in another order
    rows_of = {"older": layouts[0].row, "named": layout_for(SHAPE, layouts).row, "before": loose_row}
    rows = [rows_of[when](record, 0.5, number, None, None, None, None)[0] for number, (record, when) in enumerate(records)]
    encoded = RowEncoder(lambda: None, Problems("m"), layouts).encode(rows, SHAPE)
    good = [number for number, (record, _) in enumerate(records) if record]
    assert encoded.rejected_rows == len(records) - len(good)
    found = encoded.batch.to_pylist() if encoded.batch else []
    assert [row["id"] for row in found] == good
    for row in found:
        record, _ = records[row["id"]]
        assert {name: row.get(name) for name in SHAPE.features} == {
            name: as_sent(name, record.get(name)) for name in SHAPE.features
        }


@given(record=RECORDS)
def test_a_row_that_was_packed_can_be_read_again(record: dict[str, Any]) -> None:
    layout = layout_of(SHAPE)
    row, _ = layout.row({"amount": None, "country": None, "known": None} | record, *GIVEN)
    if row[0] != BY_NAME:
        again = {name: as_sent(name, value) for name, value in layout.record(row).items()}
        assert again == {name: as_sent(name, record.get(name)) for name in SHAPE.features}


@pytest.mark.parametrize("length", [0, 1, 10_000, 1_000_000])
@pytest.mark.parametrize("character", ["x", "é", "字", "😀"])
def test_a_row_is_at_least_as_large_as_it_says(length: int, character: str) -> None:
    text = character * length
    for row, size_bytes in (
        layout_of(SHAPE).row(ROW | {"country": text}, *GIVEN),
        layout_of(SHAPE).row(ROW, 0.5, text, None, None, None, None),
        layout_of(SHAPE).row(ROW | {"known": [text]}, *GIVEN),
        loose_row(ROW | {"country": text}, *GIVEN),
        loose_row([text], *GIVEN),
    ):
        assert getsizeof(text) - 100 <= size_bytes <= getsizeof(text) + 1000, row[0]


def test_a_row_is_as_it_was_when_it_was_logged(fake: FakeServer, monitor: Monitor) -> None:
    for _ in range(2):  # before and after the schema is known
        row, values = dict(ROW), list(ROW.values())
        monitor.log(row)
        monitor.log(values)
        row.clear()
        values.clear()
        assert monitor.flush(FLUSH_S)
    assert fake.rows == [ROW] * 4


def test_the_callers_mapping_is_not_added_to(monitor: Monitor) -> None:
    row = defaultdict(float, {"amount": 1.0})
    for _ in range(2):
        monitor.log(row)
        assert monitor.flush(FLUSH_S)
    assert row == {"amount": 1.0}


def test_a_shape_of_one_feature_or_of_one_kind_is_packed_too() -> None:
    for columns in ([COLUMNS[0]], [COLUMNS[1]], [COLUMNS[0], COLUMNS[2]], [COLUMNS[1], COLUMNS[1]]):
        layout = layout_of(shape_from(pb.Opened(columns=columns)))
        row, _ = layout.row(ROW, *GIVEN)
        assert row[0] == layout.number
        assert layout.record(row) == {name: ROW[name] for name in layout.features}


def test_numbers_that_are_missing_keep_a_row_packed() -> None:
    layout = layout_of(SHAPE)
    row, _ = layout.row({"amount": None, "country": None, "known": True}, *GIVEN)
    assert row[0] == layout.number
    assert math.isnan(layout.record(row)["amount"])


@pytest.mark.parametrize("bad", ["text", b"bytes", {1.0}, frozenset(), 7, None, object()])
def test_what_has_no_order_is_no_row(bad: Any) -> None:
    with pytest.raises(InvalidInput, match="is no row"):
        record_of(bad)
