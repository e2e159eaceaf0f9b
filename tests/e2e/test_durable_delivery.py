"""What a producer is told holds across the lives of a server: sequences, epochs, refusals and losses, and a server set back."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.push import Handle, PushClient, payload_of
from tests.e2e.server import Server
from tests.e2e.watched import PLAIN, Watched, create, sample

import driftline
from driftline_proto.v1 import ingest_pb2 as pb

FAILED_PRECONDITION = 9
ROWS = 50


class Lived(Watched):
    """An endpoint whose server has been killed once, with one good batch, a bad one, and a good one before."""

    def __init__(self, folder: Path) -> None:
        with killed(Server(data=folder)) as first:
            super().__init__(first, wire=PLAIN)
            self.good(ROWS, seed=1)
            self.stream.push(self.handle, b"no batch")
            self.good(ROWS, seed=2)
            self.stream.send(loss=pb.Loss(handle=self.handle.number, dropped_rows=7, lost_rows=3))
            self.stream.push(self.handle, b"no batch")
            self.stream.settle()
        self.before = self.handle
        self.server = Server(data=folder)
        self.stream = PushClient(self.server.ingest)

    def open(self, *, epoch: int = 1) -> Handle:
        return self.stream.open(self.name, PLAIN, producer_id=self.before.producer_id, epoch=epoch)


@contextmanager
def killed(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Lived]:
    watched = Lived(tmp_path)
    yield watched
    watched.stream.cancel()
    watched.server.stop()


def test_a_producer_goes_on_and_what_it_sends_again_is_not_counted_again(lived: Lived) -> None:
    lived.handle = lived.open()
    assert lived.handle.sent == 4
    for sequence, seed in ((1, 1), (3, 2)):
        lived.stream.batch(lived.handle, sequence, payload_of(sample(ROWS, seed, schema=PLAIN)))
    lived.good(ROWS, seed=3)
    lived.stream.settle()
    counters = lived.endpoint().counters
    assert (counters.rows, counters.batches, counters.duplicate_batches) == (3 * ROWS, 3, 2)


def test_what_was_refused_stays_refused(lived: Lived) -> None:
    handle = lived.open()
    lived.stream.batch(handle, 2, payload_of(sample(ROWS, 9, schema=PLAIN)))  # it has used up its sequence
    lived.stream.batch(handle, 6, payload_of(sample(ROWS, 9, schema=PLAIN)))
    lived.stream.until(lambda: handle.expected == [5])
    counters = lived.endpoint().counters
    assert (counters.rows, counters.rejected_batches) == (2 * ROWS, 2)


def test_losses_are_remembered(lived: Lived) -> None:
    counters = lived.endpoint().counters
    assert (counters.dropped_rows, counters.lost_rows) == (7, 3)


def test_an_epoch_fences_the_one_before_in_every_life(tmp_path: Path) -> None:
    with killed(Server(data=tmp_path)) as first:
        watched = Watched(first, wire=PLAIN)
        newer = watched.stream.open(watched.name, PLAIN, producer_id=watched.handle.producer_id, epoch=2)
        assert newer.sent == 0
        create(first, sample(60, seed=0))  # is durable when it answers, and all before it
    with Server(data=tmp_path) as again, PushClient(again.ingest) as stream:
        older = stream.open(watched.name, PLAIN, producer_id=watched.handle.producer_id, epoch=1)
        assert [refused.code for refused in older.refused] == [FAILED_PRECONDITION]


def test_a_server_set_back_to_an_older_state_is_told_what_it_has_lost(tmp_path: Path) -> None:
    now, before = tmp_path / "now", tmp_path / "before"
    first = Server(data=now)
    name = create(first, pa.record_batch({"x": np.arange(100.0)})).endpoint.name
    with driftline.Monitor(first.address, name, on_full="block") as monitor:
        _log(monitor, 1000)
        first.kill()
        shutil.copytree(now, before)
        second = Server(data=now, listen=first.address)
        _log(monitor, 700)
        second.kill()
        with Server(data=before, listen=first.address) as third:
            _log(monitor, 300)
            client = driftline.connect(third.address)
            counters = client.endpoint(name).counters
            assert (counters.rows, counters.lost_rows) == (1300, 700)
            assert client.drift(name, window="1h").rows == 1300


def _log(monitor: driftline.Monitor, rows: int) -> None:
    monitor.log_batch(pa.table({"x": np.arange(float(rows)) % 100}))
    assert monitor.flush(60)
