"""A monitor made before the fork, as under `gunicorn --preload`: every row of every worker is counted once."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from tests.e2e.server import Server

import driftline

ENDPOINT = "tests/fork/model:v1"
WORKERS = 4
REQUESTS = 400
START_S, ARRIVE_S, STOP_S = 60.0, 30.0, 30.0


@contextlib.contextmanager
def gunicorn(target: str) -> Iterator[str]:
    """The address of a gunicorn with the app preloaded; it has drained its workers and left at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = ["--preload", "--workers", str(WORKERS), "--bind", address, "--graceful-timeout", "20", "--log-level", "error"]
    command = [sys.executable, "-m", "gunicorn", *options, "tests.e2e.preloaded:app"]
    asked = os.environ | {"PRELOADED_TARGET": target, "PRELOADED_ENDPOINT": ENDPOINT}
    process = subprocess.Popen(command, env=asked, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True)
    try:
        yield f"http://{address}/"
        process.terminate()
        assert process.wait(STOP_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
        print(process.communicate()[1])


def ask(url: str) -> int:
    """The process that served a request."""
    until = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=START_S) as answer:
                return int(answer.read())
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_under_a_preloading_server_no_row_is_lost_and_none_is_merged(tmp_path: Path) -> None:
    with Server(data=tmp_path) as server:
        client = driftline.connect(server.address)
        client.create_endpoint(ENDPOINT, reference=pa.table({"x": np.arange(100.0) % 2}))
        with gunicorn(server.address) as url, ThreadPoolExecutor(8) as askers:
            served = [ask(url)]
            while len(set(served)) < WORKERS or len(served) < REQUESTS:  # until every worker has logged
                served += askers.map(ask, [url] * 50)
                assert len(served) < 100 * REQUESTS
            until = time.monotonic() + ARRIVE_S
            while client.endpoint(ENDPOINT).counters.rows <= len(served) and time.monotonic() < until:
                time.sleep(0.1)
        counters = client.endpoint(ENDPOINT).counters
        assert counters.rows == len(served) + 1
        assert (counters.duplicate_batches, counters.rejected_batches, counters.lost_rows, counters.dropped_rows) == (0, 0, 0, 0)
        bins = client.histogram(ENDPOINT, "x", window="1h")
        assert sum(bins["current"].to_pylist()) == len(served) + 1
    with sqlite3.connect(f"file:{tmp_path / 'driftline.sqlite'}?mode=ro", uri=True) as store:
        admitted = [rows for (rows,) in store.execute("SELECT admitted FROM producers")]
    assert len(admitted) == WORKERS + 1 and min(admitted) >= 1
