"""One column is one, however its name is spelt: decomposed letters, and numbers or tuples for names, from Python to the server."""

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tests.e2e.server import CALL_S, Server

import driftline
from driftline.cli.main import cli

VALUES = np.arange(60.0)
NAMES: dict[str, tuple[Any, Any]] = {
    "decomposed": ("cafe\u0301", "y"),
    "angstrom": ("\u212b", "y"),
    "numbers": (0, 1),
    "tuples": ((0, "a"), (0, "b")),
}


def logged(server: Server, name: str, data: Any, **options: Any) -> driftline.Stats:
    """The accounts of a monitor that has logged a table, and the rows of it."""
    with driftline.Monitor(server.address, name) as monitor:
        monitor.log_batch(data, **options)
        assert monitor.flush(CALL_S), monitor.stats
        return monitor.stats


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_the_data_that_made_an_endpoint_is_known_to_it(server: Server, names: tuple[Any, Any], request: Any) -> None:
    first, second = names
    frame = pd.DataFrame({first: VALUES, second: VALUES})
    with driftline.connect(server.address) as client, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas: names are made text
        name = client.create_endpoint(f"spellings/{request.node.callspec.id}", reference=frame).name
        with driftline.Monitor(server.address, name) as monitor:
            for _ in range(2):  # before the endpoint's features are known, and after
                monitor.log_batch(frame)
                for row in (frame.iloc[7], {first: 7.0, second: 7.0}, {first: 7.0, second: None}, {first: 7.0}):
                    monitor.log(row)
                assert monitor.flush(CALL_S), monitor.stats
            assert (monitor.stats.rejected, monitor.stats.last_error) == (0, None)
        found = client.drift(name).columns.to_pylist()
        assert [(each["rows"], each["nulls"]) for each in found] == [(128, 0), (128, 4)]
        assert client.histogram(name, first) == client.histogram(name, found[0]["column"])


def test_tables_and_files_are_matched_in_any_spelling(server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = pa.table({"cafe\u0301": VALUES, "zeit\u0308": time.time() - VALUES, "y": VALUES})
    pq.write_table(table, tmp_path / "day.parquet")
    with driftline.connect(server.address) as client:
        client.create_endpoint("spellings/file", reference=table.drop_columns(["zeit\u0308"]))
        assert logged(server, "spellings/file", table.drop_columns(["zeit\u0308"])).acknowledged == 60
        assert not caplog.records
        for spelling in ("zeit\u0308", "zei\u1e97"):
            pushed = ["push", "spellings/file", str(tmp_path / "day.parquet"), "--server", server.address, "--timestamp", spelling]
            done = CliRunner().invoke(cli, pushed)
            assert "does not know" not in done.output
            assert (done.exit_code, "60 acknowledged, 0 rejected" in done.output) == (0, True), done.output
        assert client.histogram("spellings/file", "cafe\u0301")["current"].to_pylist() == (
            client.histogram("spellings/file", "caf\u00e9")["current"].to_pylist()
        )
        with pytest.raises(driftline.Error) as told:
            client.history("spellings/file", "tvd", column="cafe\u0301")
        assert "column" not in str(told.value)  # a server without a data folder keeps no history


def test_two_spellings_of_one_column_are_refused(server: Server) -> None:
    table = pa.table({"caf\u00e9": VALUES, "y": VALUES})
    with driftline.connect(server.address) as client:
        client.create_endpoint("spellings/two", reference=table)
    stats = logged(server, "spellings/two", table.append_column("cafe\u0301", pa.array(VALUES)))
    assert stats.rejected == 60 and "caf\u00e9: the table has two columns of this name" in str(stats.last_error)


@pytest.mark.parametrize(
    ("choice", "features"),
    [
        ({"exclude": [0]}, {"1", "2"}),
        ({"features": [0, 2]}, {"0", "2"}),
        ({"prediction": 0, "kinds": {1: "categorical"}, "thresholds": {2: (0.2, 0.3)}, "bins": {2: [0.0, 30.0]}}, {"1", "2"}),
        ({"label": 2, "reserved": {"id": 1}}, {"0"}),
    ],
)
def test_numbers_name_columns_wherever_one_is_named(server: Server, choice: dict[str, Any], features: set[str]) -> None:
    frame = pd.DataFrame(np.arange(180.0).reshape(60, 3) % 7)
    with driftline.connect(server.address) as client:
        made = client.create_endpoint(f"spellings/choice-{'-'.join(choice)}", reference=frame, **choice)
        assert {column.name for column in made.columns if column.role == "feature"} == features


def test_a_threshold_out_of_order_names_its_column(server: Server) -> None:
    with driftline.connect(server.address) as client, pytest.raises(driftline.InvalidInput) as told:
        client.create_endpoint("spellings/thresholds", reference=pa.table({"x": VALUES}), thresholds={"x": (0.7, 0.5)})
    assert "column 'x': thresholds (0.7, 0.5) are not 0 < potential <= detected <= 1" in str(told.value)
