"""Tables are taken from anything Arrow, pandas or numpy, as they are at the call; what is given beside them goes to its column."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.client.conftest import MakeMonitor
from tests.client.fake_server import COLUMNS, FakeServer

import driftline

FLUSH_S = 20.0
DATA = {"amount": [1.0, None, 2.5], "country": ["DE", "FR", None], "known": [True, None, False]}
TABLE = pa.table(DATA)
ROWS = TABLE.to_pylist()


class Exported:
    """What another library would hand over: nothing but the C interface."""

    def __init__(self, table: pa.Table | pa.RecordBatch) -> None:
        name = "__arrow_c_stream__" if isinstance(table, pa.Table) else "__arrow_c_array__"
        self._table = table
        setattr(type(self), name, lambda self, requested_schema=None: getattr(self._table, name)(requested_schema))


def exported(table: pa.Table | pa.RecordBatch) -> Any:
    return type("Frame", (Exported,), {})(table)


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        TABLE.to_batches()[0],
        TABLE.to_reader(max_chunksize=2),
        pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)]),
        exported(TABLE),
        exported(TABLE.to_batches()[0]),
        pa.table({"unknown": [1, 2, 3], "known": TABLE["known"], "country": TABLE["country"], "amount": TABLE["amount"]}),
        TABLE.set_column(1, "country", TABLE["country"].cast(pa.large_string())),
        TABLE.set_column(1, "country", TABLE["country"].combine_chunks().dictionary_encode()),
        TABLE.set_column(0, "amount", TABLE["amount"].cast(pa.decimal128(9, 2))),
        TABLE.set_column(0, "amount", pa.array(["1.0", None, "2.5"])),
        TABLE.set_column(0, "amount", pa.array([1.0, None, 2.5]).dictionary_encode()),
    ],
    ids=[
        "table",
        "batch",
        "reader",
        "chunked",
        "stream",
        "array",
        "reordered",
        "large-string",
        "dictionary",
        "decimal",
        "text",
        "numbers",
    ],
)
def test_any_table_gives_its_rows(fake: FakeServer, monitor: driftline.Monitor, table: Any) -> None:
    monitor.log_batch(table)
    assert monitor.flush(FLUSH_S)
    assert fake.rows == ROWS
    assert monitor.stats.acknowledged == monitor.stats.logged == 3


def test_a_dataframe_gives_its_rows_as_they_were_at_the_call(fake: FakeServer, monitor: driftline.Monitor) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is no dependency of the client")
    frame = pandas.DataFrame({"amount": [1.0, np.nan, 2.5], "country": ["DE", "FR", None], "known": [True, None, False]})
    fake.ack_level = None
    monitor.log_batch(frame, label=pandas.Series([True, False, None]), ids=frame.index)
    frame.loc[:, "amount"] = 99.0
    fake.until(lambda fake: len(fake.rows) == 3)
    assert fake.rows == [
        row | {"fraud": label, "id": at} for at, (row, label) in enumerate(zip(ROWS, (True, False, None), strict=True))
    ]


def test_a_matrix_is_in_the_order_of_the_features(fake: FakeServer, monitor: driftline.Monitor) -> None:
    fake.columns = (COLUMNS[0], type(COLUMNS[0])(name="age", role=1, kind=1), COLUMNS[3])
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    monitor.log_batch(matrix, prediction=np.array([[0.25], [0.75]]))
    matrix[:] = 99.0
    monitor.log_batch(np.array([[5, 6]], dtype=np.int8, order="F"))
    assert monitor.flush(FLUSH_S)
    assert [(row["amount"], row["age"], row.get("score")) for row in fake.rows] == [(1, 2, 0.25), (3, 4, 0.75), (5, 6, None)]


def test_what_is_given_beside_a_table_goes_to_its_column(fake: FakeServer, monitor: driftline.Monitor) -> None:
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    monitor.log_batch(
        TABLE,
        prediction=[0.1, 0.2, 0.3],
        label=pa.array([True, False, None]),
        ids=np.array([7, 8, 9]),
        timestamps=[noon, noon + timedelta(seconds=1), None],
        latencies=pa.chunked_array([[0.5], [0.25, 0.125]]),
        errors=[None, "late", None],
    )
    assert monitor.flush(FLUSH_S)
    beside = {
        "score": [0.1, 0.2, 0.3],
        "fraud": [True, False, None],
        "id": [7, 8, 9],
        "timestamp": [noon, noon + timedelta(seconds=1), None],
        "latency": [0.5, 0.25, 0.125],
        "error": [None, "late", None],
    }
    assert fake.rows == pa.table(DATA | beside).to_pylist()


@pytest.mark.parametrize(
    "instants",
    [
        [1_777_636_800],
        [1_777_636_800.0],
        ["2026-05-01T12:00:00"],
        ["2026-05-01T14:00:00+02:00"],
        np.array(["2026-05-01T12"], "M8[s]"),
    ],
    ids=["whole", "seconds", "naive", "zoned", "datetime64"],
)
def test_a_column_of_instants_is_utc(fake: FakeServer, monitor: driftline.Monitor, instants: Any) -> None:
    monitor.log_batch(TABLE.slice(0, 1), timestamps=instants)
    monitor.log_batch(pa.table({"amount": [1.0], "timestamp": pa.array(instants)}))
    assert monitor.flush(FLUSH_S)
    assert fake.column("timestamp") == [datetime(2026, 5, 1, 12, tzinfo=UTC)] * 2


@pytest.mark.parametrize(
    ("table", "beside", "reason"),
    [
        (42, {}, "a int is no table"),
        ("amount", {}, "a str is no table"),
        (np.zeros(3), {}, r"an array of shape \(3,\) is no table"),
        (np.zeros((2, 9)), {}, "an array of 9 columns; the endpoint has 3 features: amount, country, known"),
        (pa.table({"weather": ["fine"]}), {}, "the table has none of the endpoint's columns; it has weather"),
        (pa.table({"amount": ["much"]}), {}, "amount: a column of type string does not fit"),
        (pa.table([[1.0], [2.0]], names=["amount", "amount"]), {}, "amount: the table has two columns of this name"),
        (TABLE, {"ids": [1]}, "id: 1 values for 3 rows"),
        (TABLE, {"prediction": 5}, "prediction: a int is no column; give one value for each row of the table"),
    ],
    ids=lambda value: None if isinstance(value, str | dict) else type(value).__name__,
)
def test_a_table_that_does_not_fit_is_rejected_whole_and_told(
    fake: FakeServer, monitor: driftline.Monitor, table: Any, beside: dict[str, Any], reason: str
) -> None:
    monitor.log_batch(table, **beside)
    monitor.log_batch(TABLE)
    assert monitor.flush(FLUSH_S)
    stats = monitor.stats
    assert (stats.acknowledged, stats.rejected, stats.buffered) == (3, stats.logged - 3, 0) and stats.rejected > 0
    assert re.search(reason, str(stats.last_error))
    fake.until(lambda fake: fake.lost == (0, stats.rejected, 0))
    assert fake.rows == ROWS


def test_an_empty_table_is_no_row(fake: FakeServer, monitor: driftline.Monitor) -> None:
    monitor.log_batch(TABLE.slice(0, 0))
    assert monitor.flush(FLUSH_S) and monitor.stats.logged == 0 and not fake.opens


def test_a_large_table_is_sent_in_batches_that_the_server_takes(fake: FakeServer, monitor: driftline.Monitor) -> None:
    fake.payload_bytes_max, fake.rows_max = 64 * 1024, 1000
    table = pa.table({"amount": np.arange(50_000.0), "country": [f"country {row % 7000}" for row in range(50_000)]})
    monitor.log_batch(table)
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == table["amount"].to_pylist() and fake.column("country") == table["country"].to_pylist()
    assert max(each.num_rows for each in fake.tables) <= 1000


def test_one_row_too_large_for_the_server_is_rejected_alone(fake: FakeServer, monitor: driftline.Monitor) -> None:
    fake.payload_bytes_max = 64 * 1024
    monitor.log_batch(pa.table({"country": ["a", "b" * 100_000, "c"]}))
    assert monitor.flush(FLUSH_S)
    assert fake.column("country") == ["a", "c"]
    assert monitor.stats.rejected == 1 and "the server takes at most 65536 in a batch" in str(monitor.stats.last_error)


def test_rows_and_tables_keep_their_order(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    monitor = monitor_of(linger=0.05)
    for number in range(0, 30, 3):
        monitor.log({"amount": float(number)})
        monitor.log_batch(pa.table({"amount": [number + 1.0, number + 2.0]}))
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [float(number) for number in range(30)]


def test_what_is_masked_is_null(fake: FakeServer, monitor: driftline.Monitor) -> None:
    fake.columns = (COLUMNS[0], type(COLUMNS[0])(name="age", role=1, kind=1), COLUMNS[3])
    matrix = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, True], [False, False]])
    monitor.log_batch(matrix, prediction=np.ma.masked_array([1, 2], mask=[True, False]))
    monitor.log_batch(np.ma.masked_array([[5, 6]]))
    monitor.log(np.ma.masked_array([7, 8], mask=[True, False]))
    assert monitor.flush(FLUSH_S)
    ages = [(row["amount"], row["age"], row.get("score")) for row in fake.rows]
    assert ages == [(1.0, None, None), (3.0, 4.0, 2.0), (5.0, 6.0, None), (None, 8.0, None)]
