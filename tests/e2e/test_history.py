"""Hours that closed are kept by a real server, through its end and its next start, and asked for as users ask."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.cli.conftest import COMMAND, listening
from tests.e2e.server import Server

import driftline

NAME = "shop/fraud/scorer:v3"
HOURS = 5
ROWS = 600  # an hour
# The full hour from which rows come; the last of them is an hour that is over.
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS + 2)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A server that keeps its data in a folder."""
    command = [*COMMAND, "serve", "--listen", "127.0.0.1:0", "--data", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield listening(process)
        finally:
            process.terminate()
            said = process.communicate(timeout=60)[1]
        assert process.returncode == 0, said


def rows(hour: int) -> pa.Table:
    """The rows of an hour: from the fourth on `amount` has left its range."""
    random = np.random.default_rng(hour)
    times = [START + timedelta(hours=hour, seconds=3600 * row / ROWS) for row in range(ROWS)]
    amount = random.normal(size=ROWS) + (99 if hour >= 3 else 0)
    return pa.table({"amount": amount, "score": random.random(ROWS), "timestamp": pa.array(times, pa.timestamp("us", tz="UTC"))})


def pushed(address: str, table: pa.Table) -> None:
    with driftline.Monitor(address, NAME) as monitor:
        monitor.log_batch(table)
        assert monitor.flush(timeout=60)


def history(client: driftline.Client) -> pa.Table:
    """The drift of the hours to which rows were pushed."""
    return client.history(NAME, since="2d").slice(0, HOURS)


def until_stored(folder: Path, revision: int) -> None:
    """Waits until the hours are in the database, the first under such a revision."""
    deadline = datetime.now(UTC) + timedelta(seconds=120)
    while datetime.now(UTC) < deadline:
        with closing(sqlite3.connect(f"file:{folder / 'driftline.sqlite'}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT revision FROM newest_hours WHERE rows > 0 ORDER BY start_us").fetchall()
        if len(found) == HOURS and found[0] == (revision,):
            return
        threading.Event().wait(0.1)
    pytest.fail(f"not stored in time: {found}")


def test_hours_are_kept_restated_and_found_again_after_a_restart(tmp_path: Path) -> None:
    with served(tmp_path) as address, driftline.connect(address) as client:
        client.create_endpoint(NAME, reference=rows(0).drop_columns("timestamp"), prediction="score")
        for hour in range(HOURS):
            pushed(address, rows(hour))
        first = history(client)  # complete at once, stored some seconds later
        assert first["start"].to_pylist() == [START + timedelta(hours=hour) for hour in range(HOURS)]
        assert first["rows"].to_pylist() == [ROWS] * HOURS
        assert first["status"].to_pylist() == ["no_detection"] * 3 + ["detected"] * 2
        for hour in (1, 3):
            span = {"start": START + timedelta(hours=hour), "end": START + timedelta(hours=hour + 1)}
            assert client.drift(NAME, **span).drift == first["value"][hour].as_py()
        until_stored(tmp_path, revision=1)
        assert history(client).equals(first)
        pushed(address, rows(0))  # late: the hour has closed
        restated = history(client)
        assert restated["revision"].to_pylist() == [2] + [1] * (HOURS - 1)
        assert restated["rows"].to_pylist() == [2 * ROWS] + [ROWS] * (HOURS - 1)
        every = client.history(NAME, "rows", "amount", since="2d", revisions="all")
        assert every["value"].to_pylist()[:2] == [ROWS, 2 * ROWS]
        until_stored(tmp_path, revision=2)
        assert history(client).equals(restated)
        assert client.history(NAME, "rows", "amount", since="2d", revisions="all").slice(0, HOURS).equals(every.slice(0, HOURS))

    with served(tmp_path) as address, driftline.connect(address) as client:
        assert history(client).equals(restated)
        done = subprocess.run(
            [*COMMAND, "history", NAME, "--column", "amount", "--since", "2d", "--json", "--server", address],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        points = json.loads(done.stdout)["points"]
        assert [point["status"] for point in points][:HOURS] == ["no_detection"] * 3 + ["detected"] * 2


def test_a_server_without_a_data_folder_says_how_to_have_a_history(server: Server) -> None:
    with driftline.connect(server.address) as client:
        client.create_endpoint("tests/kept/nowhere", reference=rows(0).drop_columns("timestamp"))
        with pytest.raises(driftline.InvalidInput, match="start the server with --data DIR"):
            client.history("tests/kept/nowhere")


@pytest.mark.parametrize("kind", ["used", "file"])
def test_a_folder_that_cannot_be_had_ends_the_server_with_one_line_and_status_2(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "data"
    if kind == "file":
        folder.write_text("")
        second = serve(folder)
        expected = f"driftline: data directory {folder} is a file; name another with --data DIR\n"
    else:
        with served(folder):
            second = serve(folder)
        expected = f"driftline: data directory {folder} is in use by another driftline server"
    assert second.returncode == 2
    assert second.stderr.startswith(expected)
    assert len(second.stderr.splitlines()) == 1


def serve(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "driftline.cli", "serve", "--listen", "127.0.0.1:0", "--data", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
