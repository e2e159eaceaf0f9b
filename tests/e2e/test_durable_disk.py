"""A disk that is full: batches are refused with a delay, questions are answered, and all goes on by itself when there is room."""

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from grpc_health.v1 import health_pb2
from tests.e2e.push import ANSWER_S, payload_of
from tests.e2e.server import MiB, Server, spawn
from tests.e2e.watched import PLAIN, Watched, sample, says
from tests.server.archive.life import until

import driftline

RESOURCE_EXHAUSTED = 8
DISK_BYTES = 96 * MiB
SETTINGS = {"journal_segment_bytes": 8 * MiB, "checkpoint_seconds": 1, "queue_batches_max": 1}
BATCHES, ROWS = 150, 3000  # of each endpoint: several times what the open segment takes


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 96 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 * 1024))
        except OSError:
            return ballast


class Stubborn(Watched):
    """Sends what is not acknowledged again until it is."""

    def flood(self) -> None:
        """Pushes a lot, and waits for nothing."""
        self.sent = [payload_of(sample(ROWS, seed, schema=self.wire)) for seed in range(BATCHES)]
        for seed, payload in enumerate(self.sent):
            self.push(sample(ROWS, seed, schema=self.wire), payload)

    def insist(self) -> None:
        """Opens the handle again, as often as it is refused, and sends the rest."""
        until = time.monotonic() + ANSWER_S
        while self.handle.acknowledged < len(self.sent):
            assert time.monotonic() < until, self.handle
            refused = len(self.handle.refused)
            self.stream.open(self.name, self.wire, producer_id=self.handle.producer_id, number=self.handle.number)
            for sequence in range(self.handle.sent + 1, len(self.sent) + 1):
                self.stream.batch(self.handle, sequence, self.sent[sequence - 1])
            self.stream.until(lambda n=refused: self.handle.acknowledged >= len(self.sent) or len(self.handle.refused) > n)
            time.sleep(0.1)
        self.handle.sent = len(self.sent)
        self.handle.refused.clear()


def test_a_full_disk_is_waited_for_and_nothing_is_lost(small_disk: Path) -> None:
    data = small_disk / "data"
    server = Server(data=data, **SETTINGS)
    quiet = Watched(server, wire=PLAIN)
    quiet.good(seed=1)
    quiet.check()
    loud = [Stubborn(server, wire=PLAIN) for _ in range(3)]
    ballast = fill(small_disk)
    for each in loud:
        each.flood()
    for each in loud:
        each.stream.until(lambda each=each: bool(each.handle.refused))
        refused = each.handle.refused[0]
        assert refused.code == RESOURCE_EXHAUSTED
        assert says(refused.reason, "nothing can be written now", "No space left", "tried again every 1 s")
    quiet.check()
    assert server.health() == health_pb2.HealthCheckResponse.SERVING
    server.check_log()
    ballast.unlink()
    for each in loud:
        each.insist()
        each.check()
    server.kill()
    with Server(data=data, **SETTINGS) as again:
        every: list[Watched] = [quiet, *loud]
        for one in every:
            one.server = again
            report = one.drift(None)
            assert report.rows == one.rows
            assert {name: counts.tolist() for name, counts in one.counts().items()} == {
                name: counts.tolist() for name, counts in one.expected.items()
            }


@pytest.mark.parametrize("ends", ["killed", "stopped"])
def test_a_start_on_a_full_disk_says_so_and_one_with_room_is_served(small_disk: Path, ends: str) -> None:
    server = Server(data=small_disk / "data")
    if ends == "killed":
        server.kill()
    else:
        server.stop()
    ballast = fill(small_disk)
    started = spawn(data=small_disk / "data")
    assert started.stderr is not None
    with started:
        lines = started.stderr.read().splitlines()
    assert started.returncode == 2
    assert len(lines) == 1 and says(lines[0], "cannot be (used|opened): ", "its disk is full: make room on it")
    ballast.unlink()
    Server(data=small_disk / "data").stop()


def test_who_meets_the_full_disk_first_is_told_and_what_was_asked_happens_when_there_is_room(small_disk: Path) -> None:
    data = small_disk / "data"
    with Server(data=data, **SETTINGS) as server, driftline.connect(server.address) as client:
        ballast = fill(small_disk)
        with pytest.raises(driftline.ResourceExhausted, match=r"No space left.*make room on the disk; this happens by itself"):
            client.create_endpoint("late", reference=pa.table({"x": [1.0, 2.0, 3.0]}))
        ballast.unlink()
        until(lambda: stored(data) == ["default/default/late:latest"])
        assert [endpoint.name for endpoint in client.endpoints()] == stored(data)


def stored(data: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{data / 'driftline.sqlite'}?mode=ro", uri=True)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM endpoints WHERE deleted_us IS NULL").fetchall()]
