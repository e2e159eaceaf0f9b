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
from queue import Empty, SimpleQueue

import grpc
import grpc._channel  # or our thread imports it with the first channel, and a fork meanwhile leaves the child its lock

from driftline.backoff import Backoff
from driftline.errors import from_rpc
from driftline.producer import Producer
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
STOP_SECONDS = 1.0
CANCEL_SECONDS = 0.005

Bell = SimpleQueue[None]

# A channel that never connects and is never closed. With its last channel gRPC shuts down, in a thread of its own; a child forked
# meanwhile would wait for the end of that for ever.
_anchor: list[grpc.Channel] = []


@dataclass(slots=True)
class _Session:
    """One stream. `is_over`: its sender must touch nothing any more; `is_opened`: the server took at least one handle."""

    call: grpc.Call | None = None
    is_over: bool = False
    is_opened: bool = False


@dataclass(slots=True, eq=False, weakref_slot=True)
class Link:
    """Starts its thread when a producer first has something to send. Handles are the link's own; producers come and go."""

    target: str
    _producers: dict[int, Producer] = field(default_factory=dict)  # by handle
    _turn: threading.Lock = field(default_factory=threading.Lock)  # held while a message is made
    _lock: threading.Lock = field(default_factory=threading.Lock)  # guards the thread's start and stop
    _handles: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _thread: threading.Thread | None = None
    _channel: grpc.Channel | None = None
    _session: _Session = field(default_factory=_Session)
    _bell: Bell = field(default_factory=SimpleQueue)
    _is_stopping: bool = False
    _backoff: Backoff = field(default_factory=Backoff)
    is_away: bool = True  # no stream stands

    def new_handle(self) -> int:
        return next(self._handles)

    def add(self, producer: Producer) -> None:
        """Serves a producer from now on."""
        self._producers[producer.handle] = producer
        self.start()

    def remove(self, producer: Producer) -> bool:
        """Serves it no more; says whether it was the last one."""
        for handle in [handle for handle, other in list(self._producers.items()) if other is producer]:
            del self._producers[handle]
        return not self._producers

    def ring(self) -> None:
        """Something has changed. Cheap, and safe anywhere."""
        self._bell.put(None)

    def start(self, *, rest: float = 0.0) -> None:
        """Starts the thread, which rests for so many seconds before it connects."""
        with self._lock:
            if (self._thread is None or not self._thread.is_alive()) and not self._is_stopping:
                self._thread = threading.Thread(target=self._run, args=(rest,), name=f"driftline-{self.target}", daemon=True)
                self._thread.start()
        self.ring()

    def stop(self, timeout: float = STOP_SECONDS, *, break_off: float = STOP_SECONDS) -> None:
        """Ends the stream, politely for so many seconds, then not, and lets go of the channel. `start` works again afterwards."""
        with self._lock:
            self._is_stopping = True
            self.ring()
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join(timeout)
                self._break_off(self._thread, break_off)
            if self._channel is not None:
                self._channel.close()
            self._channel = None
            self._is_stopping = False

    def _break_off(self, thread: threading.Thread, seconds: float) -> None:
        """Waits for the end of the thread, and cancels whatever call it still comes to make."""
        until = time.monotonic() + seconds
        while thread.is_alive() and time.monotonic() < until:
            if (call := self._session.call) is not None:
                call.cancel()
            thread.join(CANCEL_SECONDS)

    # The thread that connects and reads.

    def _run(self, rest: float) -> None:
        self._pause(rest)
        while self._until_needed():
            self._write_problems()
            failure = self._stream()
            self._write_problems()
            if self._is_stopping:
                return
            if self._session.is_opened:
                self._backoff.reset()
            if failure is not None:
                self._pause(self._backoff.next_seconds())

    def _until_needed(self) -> bool:
        """Sleeps until a producer has work; False when the link stops."""
        while True:
            bell = self._bell = SimpleQueue()
            if self._is_stopping:
                return False
            if any(producer.has_work for producer in self._served()):
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
        session = self._session = _Session()
        self._bell = SimpleQueue()
        if self._channel is None:
            if not _anchor:
                _anchor.append(grpc.insecure_channel(self.target, options=CHANNEL_OPTIONS))
            self._channel = grpc.insecure_channel(self.target, options=CHANNEL_OPTIONS)
        push = self._channel.stream_stream(PUSH, response_deserializer=pb.PushResponse.FromString)
        failure: Exception | None = None
        try:
            session.call = push(self._requests(session))
            for response in session.call:
                self._on_response(session, response)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:  # idle: connect again when there is something to send
                failure = from_rpc(error, self.target)
        except (ValueError, RuntimeError) as error:  # the channel was closed, or the interpreter starts no more threads
            failure = error
        finally:
            self._end(session, failure)
        return failure

    def _on_response(self, session: _Session, response: pb.PushResponse) -> None:
        # In this order: an acknowledgement may be of a batch that came after the Open answered in the same response.
        now = time.monotonic()
        for kind, messages in (("on_opened", response.opened), ("on_refused", response.refused), ("on_ack", response.acks)):
            for message in messages:
                producer = self._producers.get(message.handle)
                if producer is None or producer.handle != message.handle:
                    continue
                with producer.buffer.lock:
                    getattr(producer, kind)(message, now)
                    if producer.handle not in self._producers:
                        self._producers[producer.handle] = producer
                session.is_opened |= kind == "on_opened"
                self.is_away = False
        self.ring()

    def _end(self, session: _Session, failure: Exception | None) -> None:
        with self._turn:
            session.is_over = True
        self.ring()
        self.is_away = True
        for producer in self._served():
            with producer.buffer.lock:
                producer.on_disconnected(time.monotonic())
                if failure is not None and not self._is_stopping:
                    producer.buffer.problems.add(
                        f"away: {type(failure).__name__}", f"rows are kept until the server takes them: {failure}"
                    )

    def _write_problems(self) -> None:
        for producer in self._served():
            producer.buffer.problems.write()

    def _served(self) -> list[Producer]:
        return list({id(producer): producer for producer in list(self._producers.values())}.values())

    # gRPC's thread, which sends.

    def _requests(self, session: _Session) -> Iterator[bytes]:
        bell = self._bell
        turns = itertools.count()
        while True:
            wake_at = None
            with self._turn:
                if session.is_over or self._is_stopping:
                    return
                producers = self._served()
                message = _first_message(producers, next(turns))
                if message is None:
                    wake_at = min((at for producer in producers if (at := producer.wake_at()) is not None), default=None)
            if message is not None:
                yield message
                continue
            self._write_problems()
            _wait(bell, None if wake_at is None else wake_at - time.monotonic())


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
