"""Real files, a real server, and the command line as its users start it."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

LISTENING = re.compile(r"driftline listening on (\S+:\d+)")
COMMAND = [sys.executable, "-m", "driftline.cli"]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a server of its own process; ended in order when the tests are through."""
    command = [*COMMAND, "serve", "--listen", "127.0.0.1:0", "--data", "none"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield listening(process)
        finally:
            process.terminate()
            said = process.communicate(timeout=30)[1]
        assert process.returncode == 0, said


def listening(process: subprocess.Popen[str]) -> str:
    """The address a server says it listens on."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if found := LISTENING.search(line):
            return found[1]
    pytest.fail(f"the server did not start: {''.join(said)}")


@pytest.fixture
def run(server: str) -> Run:
    """Runs one command against the server, as a process, and says how it ended."""

    def command(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *args, "--server", server], input=stdin, capture_output=True, check=False, text=True, timeout=120
        )

    return command


@pytest.fixture
def call() -> Callable[..., Result]:
    """Calls the command line in this process, where no server is needed."""
    from driftline.cli.main import cli

    return lambda *args, **options: CliRunner().invoke(cli, args, prog_name="driftline", **options)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A canonical endpoint name that no other test uses."""
    return f"cli/default/{re.sub(r'[^A-Za-z0-9._-]', '-', request.node.name)}:latest"


def people(rows: int, *, seed: int = 7) -> pa.Table:
    """A table of every kind of column, with nulls."""
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "amount": random.lognormal(3, 1, rows),
            "country": random.choice(["DE", "FR", "IT"], rows, p=[0.5, 0.3, 0.2]),
            "zip": random.integers(10_000, 10_010, rows),
            "member": random.random(rows) < 0.3,
            "age": pa.array(random.normal(40, 10, rows), mask=random.random(rows) < 0.1),
            "score": random.random(rows),
            "truth": random.integers(0, 2, rows),
        }
    )


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """A Parquet file of 5,000 trusted rows."""
    path = tmp_path / "reference.parquet"
    pq.write_table(people(5_000), path)
    return path


@pytest.fixture
def created(run: Run, name: str, reference: Path) -> str:
    """The name of an endpoint that exists."""
    done = run("endpoints", "create", name, "--reference", str(reference), "--prediction", "score", "--label", "truth")
    assert done.returncode == 0, done.stderr
    return name
