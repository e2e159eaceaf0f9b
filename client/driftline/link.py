"""The stream of this process to one server, shared by its monitors.

Two threads: one connects and reads the answers; the other is gRPC's own, which asks `_requests` for the next message whenever the
last one is on its way, so that nothing is encoded before it can be sent. Both sleep on a bell, and look at everything after each
ring; each phase has a bell of its own, made before the look, so that no ring is lost.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any

import grpc
import grpc._channel  # or our thread imports it with the first channel, and a fork meanwhile leaves the child its lock

from driftline.backoff import Backoff
from driftline.errors import from_rpc
from driftline.producer import Producer
from driftline.session import Session
from driftline_proto.v1 import ingest_pb2 as pb

PUSH = "/driftline.v1.IngestService/Push"
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # how long a connection may take, in spite of the name
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
    # Servers allow a ping in five minutes; what matters is that data unanswered for 20 s end the connection.
    ("grpc.keepalive_time_ms", 330_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
POLITE_SECONDS, STOP_SECONDS = 1.0, 1.0
BREAK_OFF_SECONDS = 0.005
FORK_SECONDS = 10.0  # at most; usually some milliseconds
REST_SECONDS = 0.5  # who forks once often forks again at once

Bell = SimpleQueue[None]


@dataclass(slots=True, eq=False, weakref_slot=True)
class Link:
    """Starts its thread when a producer first has something to send. Handles are the link's own; producers come and go."""

    target: str
    _producers: dict[int, Producer] = field(default_factory=dict)  # by handle
    _turn: threading.Lock = field(default_factory=threading.Lock)  # held while a message is made
    _lock: Any = field(default_factory=threading.RLock)  # guards the thread's start and stop
    _handles: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _thread: threading.Thread | None = None
    _channel: grpc.Channel | None = None
    _session: Session = field(default_factory=Session)
    _bell: Bell = field(default_factory=SimpleQueue)
    _is_stopping: bool = False
    _rest_until: float = 0.0
    _backoff: Backoff = field(default_factory=Backoff)
    is_away: bool = False  # the last stream failed, and the server has said nothing since

    def new_handle(self) -> int:
        return next(self._handles)

    def add(self, producer: Producer) -> None:
        """Serves a producer from now on."""
        self._producers[producer.handle] = producer
        self.start()

    def remove(self, producer: Producer) -> bool:
        """Serves it no more; says whether it was the last one."""
        for handle in [handle for handle, other in list(self._producers.items()) if other is producer]:
            del self._producers[handle]  # first, so that nothing is sent behind its Close
            self._session.closing.append(handle)
        self.ring()
        return not self._producers

    def ring(self) -> None:
        """Something has changed. Cheap, and safe anywhere."""
        bell = self._bell
        if bell.empty():  # else who sleeps on it will look again in any case
            bell.put(None)

    def start(self) -> None:
        """Never raises: at the exit of the interpreter there are no more threads, and rows stay where they are."""
        with self._lock:
            if self._thread is None and not self._is_stopping:
                thread = threading.Thread(target=self._run, name=f"driftline-{self.target}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return
                self._thread = thread
        self.ring()

    def stop(self) -> None:
        """Ends the stream, politely where the server answers soon, and lets go of the channel. `start` works again afterwards."""
        self._halt(POLITE_SECONDS, STOP_SECONDS)
        self._is_stopping = False

    def suspend(self) -> None:
        """Ends the stream at once, and lets go of everything of gRPC, until `resume`."""
        self._halt(0.0, FORK_SECONDS)

    def resume(self) -> None:
        """Goes on, after a rest."""
        self._is_stopping = False
        if self._producers:
            self._rest_until = time.monotonic() + REST_SECONDS
            self.start()

    def _halt(self, polite_seconds: float, seconds_max: float) -> None:
        with self._lock:
            self._is_stopping = True
            self.ring()
            thread = self._thread if self._thread is not threading.current_thread() else None
            if thread is not None:
                thread.join(polite_seconds)
                self._break_off(thread, time.monotonic() + seconds_max)
            if self._channel is not None:
                self._channel.close()
            self._channel = self._thread = None

    def _break_off(self, thread: threading.Thread, until: float) -> None:
        """Waits for the end of the thread and of its sender; whatever call the thread still comes to make is cancelled."""
        while thread.is_alive() and time.monotonic() < until:
            if self._channel is not None:
                self._channel.close()
            thread.join(BREAK_OFF_SECONDS)
        self._session.is_left.wait(max(0.0, until - time.monotonic()))

    # The thread that connects and reads.

    def _run(self) -> None:
        self._pause(self._rest_until - time.monotonic())
        while self._until_needed():
            self._write_problems()
            failure = self._stream()
            self._write_problems()
            if self._is_stopping:
                return
            if self._session.is_opened:
                self._backoff.reset()
            if failure is not None or not self._session.is_opened:
                self._pause(self._backoff.next_seconds())

    def _until_needed(self) -> bool:
        """Sleeps until a producer has work; False when the link stops."""
        while True:
            bell = self._bell = SimpleQueue()
            if self._is_stopping:
                return False
            if any(_has_work(producer) for producer in self._served()):
                return True
            self._write_problems()
            bell.get()

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        bell = self._bell = SimpleQueue()
        while not self._is_stopping and (left := until - time.monotonic()) > 0:
            _wait(bell, left)

    def _stream(self) -> Exception | None:
        """One stream from its first message to its end; says what ended it, None for the server's wish or ours."""
        session = self._session = Session()
        self._bell = SimpleQueue()
        failure: Exception | None = None
        try:
            if self._channel is None:
                _anchor()
                self._channel = grpc.insecure_channel(self.target, options=CHANNEL_OPTIONS)
            push = self._channel.stream_stream(PUSH, response_deserializer=pb.PushResponse.FromString)
            for response in push(self._requests(session)):
                self._on_response(session, response)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:  # idle: connect again when there is something to send
                failure = from_rpc(error, self.target)
        except Exception as error:  # the channel was closed, or there are no more threads; a bug costs one stream
            failure = error
        finally:
            self._end(session, failure)
        return failure

    def _on_response(self, session: Session, response: pb.PushResponse) -> None:
        # In this order: an acknowledgement may be of a batch that came after the Open answered in the same response.
        now, is_news = time.monotonic(), False
        for kind, messages in (("on_opened", response.opened), ("on_refused", response.refused), ("on_ack", response.acks)):
            for message in messages:
                producer = self._producers.get(message.handle)
                if producer is None or producer.handle != message.handle:
                    continue
                with producer.buffer.lock:
                    is_news |= kind != "on_ack" or message.HasField("expected_sequence") or producer.window.is_full
                    getattr(producer, kind)(message, now)
                    if producer.handle != message.handle:
                        self._renumber(producer, message.handle)
                if kind == "on_opened":
                    session.on_opened(message)
                self.is_away = False
        if is_news:  # there may be something to send
            self.ring()

    def _renumber(self, producer: Producer, before: int) -> None:
        self._producers[producer.handle] = producer
        if self._producers.pop(before, None) is None:  # it has left meanwhile
            self._producers.pop(producer.handle, None)
        self._session.closing.append(before)

    def _end(self, session: Session, failure: Exception | None) -> None:
        with self._turn:
            session.is_over = True
        self.ring()
        self.is_away = failure is not None
        for producer in self._served():
            with producer.buffer.lock:
                producer.on_disconnected(time.monotonic())
                if failure is not None and not self._is_stopping:
                    producer.buffer.problems.delay(
                        f"away: {type(failure).__name__}", f"rows are kept until the server takes them: {failure}"
                    )
                producer.buffer.changed.notify_all()  # `close` waits for rows, but not to tell losses to a server that is away

    def _write_problems(self) -> None:
        for producer in self._served():
            producer.buffer.problems.write()

    def _served(self) -> list[Producer]:
        return list(self._producers.values())

    # gRPC's thread, which sends.

    def _requests(self, session: Session) -> Iterator[bytes]:
        session.is_left.clear()
        try:
            yield from self._messages(session, self._bell)
        finally:
            session.is_left.set()

    def _messages(self, session: Session, bell: Bell) -> Iterator[bytes]:
        turns = itertools.count()
        while True:
            wake_at = None
            with self._turn:
                if session.is_over or self._is_stopping:
                    return
                producers = self._served()
                message = session.close_message() or _first_message(producers, next(turns))
                if message is None:
                    wake_at = min((at for producer in producers if (at := producer.wake_at()) is not None), default=None)
            if message is not None:
                yield message
                continue
            self._write_problems()
            _wait(bell, None if wake_at is None else wake_at - time.monotonic())


@cache
def _anchor() -> grpc.Channel:
    """A channel that is never used nor closed. With its last one gRPC shuts down, in a thread of its own: no time for a fork."""
    return grpc.insecure_channel("localhost:1")


def _has_work(producer: Producer) -> bool:
    with producer.buffer.lock:
        return producer.has_work


def _first_message(producers: list[Producer], turn: int) -> bytes | None:
    """The first message there is, from this turn's producer on: nobody waits for more than one message of each other."""
    for place in range(len(producers)):
        message = producers[(turn + place) % len(producers)].next_message(time.monotonic())
        if message is not None:
            return message
    return None


def _wait(bell: Bell, seconds: float | None) -> None:
    """Sleeps until the bell rings, and takes all its rings."""
    try:
        if seconds is None:
            bell.get()
        elif seconds > 0:
            bell.get(timeout=seconds)
        while True:
            bell.get_nowait()
    except Empty:
        return
