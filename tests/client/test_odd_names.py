"""A column may have any name: none is taken for what travels under the client's own."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from tests.client.fake_server import FakeServer

import driftline

FLUSH_S = 20.0
NAMES = {
    "reading": "\0number\0amount",
    "truth": "\0truth\0known",
    "prediction": "\0prediction",
    "id": "\0id",
    "instant": "\0timestamp",
    "feature": "\0feature:0",
    "refused": "\0refused\0amount\0\0it cannot be sent",
    "end": "amount\0",
    "middle": "amount\0more",
}
FORMS: dict[str, Callable[[pa.Table], Any]] = {
    "table": lambda table: table,
    "batch": lambda table: table.to_batches()[0],
    "reader": lambda table: table.to_reader(),
    "frame": lambda table: table.to_pandas(),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("beside", [{}, {"prediction": [0.5, 0.25]}], ids=["alone", "beside"])
def test_a_name_with_a_nul_is_one_that_the_endpoint_does_not_know(
    fake: FakeServer,
    monitor: driftline.Monitor,
    name: str,
    form: Callable[[pa.Table], Any],
    beside: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    if form is FORMS["frame"]:
        pytest.importorskip("pandas", reason="pandas is no dependency of the client")
    monitor.log_batch(form(pa.table({"amount": [1.0, 2.5], "known": [True, False], name: [9e9, 9e9]})), **beside)
    assert monitor.flush(FLUSH_S)
    assert monitor.stats.rejected == 0, monitor.stats
    rows = [{"amount": 1.0, "known": True}, {"amount": 2.5, "known": False}]
    scores = [{"score": score} for score in beside.get("prediction", [])] or [{}, {}]
    assert fake.rows == [row | score for row, score in zip(rows, scores, strict=True)]
    monitor.close()
    assert [record.message.partition(": ")[2].partition(":")[0] for record in caplog.records] == [
        "columns that the endpoint does not know are left out"
    ]


def test_lists_under_such_a_name_cost_no_rows(fake: FakeServer, monitor: driftline.Monitor) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is no dependency of the client")
    monitor.log_batch(pandas.DataFrame({"amount": [1.0, 2.5], "amount\0": [[1], [2]]}))
    assert monitor.flush(FLUSH_S)
    assert fake.rows == [{"amount": 1.0}, {"amount": 2.5}], monitor.stats
