"""What the client costs its process at the beginning, and what it does at the end and after a fork."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.conftest import ENDPOINT
from tests.client.fake_server import FakeServer

RUN_S = 60.0
HEAVY = ("numba", "sqlite3", "sqlite_utils", "pandas", "click", "rich", "driftline_core", "driftline_server")


def run(code: str | Path, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, *(["-c", code] if isinstance(code, str) else [str(code)]), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=RUN_S).stdout


def test_importing_the_client_imports_nothing_heavy() -> None:
    loaded = json.loads(run("import json, sys, driftline; print(json.dumps(sorted(sys.modules)))"))
    assert [name for name in HEAVY if name in loaded] == []


def test_logging_rows_imports_nothing_heavy_either(fake: FakeServer) -> None:
    code = """
import json, sys, driftline
monitor = driftline.Monitor(*sys.argv[1:])
for number in range(3000):
    monitor.log({"amount": number, "country": "DE", "known": True}, prediction=0.5, id="r-1", timestamp=0, latency=0.1, error="no")
monitor.log({"amount": None, "country": 7})
assert monitor.flush(20.0) and monitor.stats.acknowledged == 3001
print(json.dumps(sorted(sys.modules)))
"""
    loaded = json.loads(run(code, fake.target, ENDPOINT))
    assert [name for name in (*HEAVY, "pyarrow.compute", "pyarrow.parquet") if name in loaded] == []


def test_rows_leave_when_the_interpreter_does(fake: FakeServer) -> None:
    code = """
import sys, driftline
monitor = driftline.Monitor(sys.argv[1], sys.argv[2], linger=60.0)
for number in range(1000):
    monitor.log({"amount": float(number)})
"""
    run(code, fake.target, ENDPOINT)
    assert fake.column("amount") == [float(number) for number in range(1000)]


def test_an_interpreter_without_a_server_ends_in_time() -> None:
    code = """
import driftline
driftline.Monitor("127.0.0.1:1", "m").log({"amount": 1.0})
"""
    run(code)


FORKING = """
import os, sys, time, driftline
monitor = driftline.Monitor(sys.argv[1], sys.argv[2], linger=float(sys.argv[3]))
monitor.log({"amount": 0.0})
assert sys.argv[3] == "60" or monitor.flush(20.0)
children = []
for number in (1, 2, 3):
    monitor.log({"amount": -1.0})
    child = os.fork()
    if child == 0:
        monitor.log({"amount": float(number)})
        sent = monitor.flush(20.0) and monitor.stats.logged == 1
        monitor.close()
        os._exit(0 if sent else 1)
    children.append(child)
    time.sleep(float(sys.argv[4]))
print([os.waitpid(child, 0)[1] for child in children])
assert monitor.flush(20.0) and monitor.stats.logged == 4
"""


@pytest.mark.parametrize(
    ("linger", "pause"), [(60, 0), (0, 0), (0, 1.01)], ids=["the parent holds rows", "the parent sends", "the parent connects"]
)
def test_a_forked_process_is_a_producer_of_its_own(fake: FakeServer, linger: int, pause: float) -> None:
    assert run(FORKING, fake.target, ENDPOINT, str(linger), str(pause)) == "[0, 0, 0]\n"
    assert sorted(fake.column("amount")) == [-1.0, -1.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    assert len({each.producer_id for each in fake.received}) == 4


def test_nothing_is_run_by_an_import() -> None:
    code = "import threading, driftline; driftline.Monitor('127.0.0.1:1', 'm'); print(threading.active_count())"
    assert run(code) == "1\n"
