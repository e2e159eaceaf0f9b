"""A producer and a server, message by message: no order of sending, answering, breaking and forgetting loses a row."""

import time
from collections import deque
from collections.abc import Collection
from queue import Empty

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.fake_server import FakeServer, Stream

from driftline.buffer import Buffer
from driftline.encoder import Encoder
from driftline.problems import Problems
from driftline.producer import Producer
from driftline.window import Window
from driftline_proto.v1 import ingest_pb2 as pb

STEP_S = 0.5
TURNS_MAX = 1000


class Simulation:
    """One producer, one server that is not started, and a wire between them that is cut at any time."""

    def __init__(self) -> None:
        self.fake = FakeServer()
        problems = Problems("m")
        self.buffer = Buffer(bytes_max=2**20, batch_rows=4, linger=0.0, is_blocking=False, wake=lambda: None, problems=problems)
        handles = iter(range(1, 1000))
        self.producer = Producer(
            endpoint="m",
            level=pb.ACK_LEVEL_DURABLE,
            buffer=self.buffer,
            window=Window(2**16),
            encoder=Encoder(problems, [], pause=lambda: None),
            new_handle=lambda: next(handles),
            on_shape=lambda shape: None,
        )
        self.stream = Stream()
        self.wire: deque[pb.PushRequest] = deque()
        self.logged: list[float] = []
        self.now = time.monotonic() + 3600.0  # ahead of the clock that rows are stamped by

    def log(self, rows: int) -> None:
        values = [float(len(self.logged) + place) for place in range(min(rows, 4))]
        self.buffer.extend(pa.record_batch({"amount": values}))
        self.logged += values

    def send(self, messages: int) -> None:
        for _ in range(messages):
            if (message := self.producer.next_message(self.now)) is not None:
                self.wire.append(pb.PushRequest.FromString(message))

    def read(self, messages: int) -> None:
        for _ in range(min(messages, len(self.wire))):
            self.fake.take(self.stream, self.wire.popleft())

    def hear(self, answers: int) -> None:
        for _ in range(answers):
            try:
                answer = self.stream.answers.get_nowait()
            except Empty:
                return
            if answer is not None:
                self._on_answer(answer)

    def cut(self, _: int = 0) -> None:
        """What is on the wire, in either direction, is gone."""
        self.wire.clear()
        self.stream = Stream()
        with self.buffer.lock:
            self.producer.on_disconnected(self.now)

    def forget(self, batches: int) -> None:
        """The server comes back with less than it had."""
        self.fake.forget(after=batches)
        self.cut()

    def skip(self, messages: int) -> None:
        """The server misses some of what is on the wire; what follows is ahead of its turn."""
        for _ in range(min(messages, len(self.wire))):
            self.wire.popleft()

    def wait(self, seconds: int) -> None:
        self.now += seconds

    def settle(self) -> None:
        """Everything goes well from now on."""
        self.cut()
        for _ in range(TURNS_MAX):
            self.send(10)
            self.read(10)
            self.hear(10)
            self.now += STEP_S
            if not self.wire and self.buffer.stats().buffered == 0 and self.producer.has_told:
                return
        raise AssertionError(f"it does not settle: {self.buffer.stats()}")

    def _on_answer(self, answer: pb.PushResponse) -> None:
        with self.buffer.lock:
            for message in answer.opened:
                if message.handle == self.producer.handle:
                    self.producer.on_opened(message, self.now)
            for message in answer.acks:
                if message.handle == self.producer.handle:
                    self.producer.on_ack(message, self.now)


def steps(*names: str) -> st.SearchStrategy[list[tuple[str, int]]]:
    return st.lists(st.tuples(st.sampled_from(names), st.integers(1, 6)), max_size=60)


def simulated(steps: list[tuple[str, int]], rejects: Collection[int] = ()) -> Simulation:
    simulation = Simulation()
    simulation.fake.rejects = dict.fromkeys(rejects, ("amount", "not today"))
    for step, number in steps:
        getattr(simulation, step)(number)
    simulation.settle()
    assert simulation.buffer.stats().logged == len(simulation.logged)
    return simulation


@settings(deadline=None)
@given(steps=steps("log", "send", "send", "read", "read", "hear", "hear", "cut", "skip", "wait"))
def test_whatever_is_cut_every_row_is_counted_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    simulation = simulated(steps)
    assert simulation.fake.column("amount") == simulation.logged
    assert simulation.buffer.stats().acknowledged == len(simulation.logged)
    assert simulation.fake.lost == (0, 0, 0)


@settings(deadline=None)
@given(steps=steps("log", "log", "send", "read", "hear", "cut", "skip"), rejects=st.sets(st.integers(1, 9)))
def test_what_is_rejected_is_rejected_once(steps: list[tuple[str, int]], rejects: set[int]) -> None:
    simulation = simulated(steps, rejects)
    counted, stats = simulation.fake.column("amount"), simulation.buffer.stats()
    assert [value for value in simulation.logged if value in set(counted)] == counted
    assert (stats.acknowledged, stats.rejected) == (len(counted), stats.logged - len(counted))
    assert simulation.fake.lost == (0, 0, 0)


@settings(deadline=None)
@given(steps=steps("log", "log", "send", "send", "read", "read", "hear", "hear", "cut", "forget"))
def test_what_a_server_forgets_is_told_to_the_row(steps: list[tuple[str, int]]) -> None:
    simulation = simulated(steps)
    counted = simulation.fake.column("amount")
    assert len(counted) == len(set(counted))
    assert simulation.fake.lost == (0, 0, len(simulation.logged) - len(counted))
    assert simulation.buffer.stats().acknowledged == len(simulation.logged)
