"""A data folder that is not what was written: refused in one line that names the remedy, and the remedy works."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.push import PushClient
from tests.e2e.server import START_S, Server, environment, spawn
from tests.e2e.watched import ALL, PLAIN, Watched, says

BATCHES, ROWS = 20, 50


def killed(folder: Path) -> Watched:
    """An endpoint with rows, its server killed."""
    server = Server(data=folder, checkpoint_seconds=3600)
    watched = Watched(server, wire=PLAIN)
    for seed in range(BATCHES):
        watched.good(ROWS, seed=seed)
        watched.stream.settle()
    server.kill()
    return watched


def refused(folder: Path) -> str:
    """The one line with which a start fails."""
    process = spawn(data=folder)
    assert process.stderr is not None
    with process:
        said = process.stderr.read().splitlines()
    lines = [line for line in said if "[warning" not in line and "reading the journal" not in line]
    assert process.returncode == 2
    assert len(lines) == 1, lines
    return lines[0]


def repaired(folder: Path) -> str:
    command = [sys.executable, "-c", "from driftline_server.repair import repair; repair()", "--data", str(folder)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=START_S, env=environment())
    return done.stdout


def spoil(path: Path, share: float) -> None:
    """Another byte somewhere in the part of a file that was written."""
    content = bytearray(path.read_bytes())
    content[int(len(content.rstrip(b"\0")) * share)] ^= 0x10
    path.write_bytes(content)


def test_a_journal_damaged_in_the_middle_is_refused_and_repaired(tmp_path: Path) -> None:
    watched = killed(tmp_path)
    (segment,) = (tmp_path / "journal").glob("*.journal")
    spoil(segment, 0.6)
    line = refused(tmp_path)
    assert says(line, "^driftline: ", "the journal is damaged", segment.name, r"byte \d+", f"`driftline repair --data {tmp_path}`")
    assert line == refused(tmp_path)  # nothing was changed
    assert says(repaired(tmp_path), segment.name, "1 records dropped")
    with Server(data=tmp_path) as again:
        watched.server = again
        assert watched.drift(ALL).rows == watched.endpoint().counters.rows == watched.rows - ROWS
        with Watched(again, wire=PLAIN) as other:
            other.good()


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    watched = killed(tmp_path)
    for _ in range(2):
        with Server(data=tmp_path) as once:  # its last act is a checkpoint
            watched.server = once
            watched.stream = PushClient(once.ingest)
            watched.handle = watched.stream.open(watched.name, PLAIN)
            watched.good(ROWS)
            watched.stream.settle()
            watched.stream.close()
    newest = max((tmp_path / "checkpoints").glob("*.checkpoint"))
    spoil(newest, 0.5)
    with Server(data=tmp_path) as again:
        watched.server = again
        assert watched.drift(ALL).rows == watched.endpoint().counters.rows == watched.rows
        assert any("an older checkpoint is used" in line for line in again.lines)


def test_a_journal_that_ends_before_what_was_durable_is_refused(tmp_path: Path) -> None:
    with Server(data=tmp_path) as server, Watched(server, wire=PLAIN) as watched:
        watched.good(ROWS)
    for checkpoint in (tmp_path / "checkpoints").glob("*.checkpoint"):
        spoil(checkpoint, 0.5)
    for segment in (tmp_path / "journal").glob("*.journal"):
        segment.unlink()
    line = refused(tmp_path)
    assert says(
        line,
        "its checkpoints are missing or damaged",
        "its journal does not reach back to the first position",
        f"driftline repair --data {tmp_path} --from-database",
    )
