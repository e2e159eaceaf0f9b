"""The object inside a model server that logs predictions: it takes a row in microseconds, a link sends it in the background."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from driftline import links, meant
from driftline.buffer import Buffer, Stats
from driftline.encoder import Encoder
from driftline.errors import InvalidInput
from driftline.layout import Layout, Row, given_error, layout_for, loose_row
from driftline.link import Link
from driftline.problems import Problems
from driftline.producer import Producer
from driftline.record import record_of
from driftline.request import address
from driftline.shape import Shape
from driftline.tables import batches_of
from driftline.unknown import Unknown
from driftline.values import micros
from driftline.window import Window
from driftline_proto.v1 import ingest_pb2 as pb

LEVELS = {"durable": pb.ACK_LEVEL_DURABLE, "accepted": pb.ACK_LEVEL_ACCEPTED}
# Of `buffer_bytes_max`, batches on their way take at most a quarter, and an eighth is kept for what is just being encoded.
WINDOW_SHARE, WINDOW_BYTES_MAX = 4, 16 * 2**20
ENCODING_SHARE = 8
NO_SCORE = "score is not used yet and was left out; it comes with a later release"


class Monitor:
    """Logs predictions of one endpoint. Never raises into, and never blocks, the code that serves.

    No thread and no connection starts before the first row. `on_full` says what happens when the buffer is full: the oldest
    unsent rows are dropped and counted or, with "block", `log` waits. `level`: "durable" (the default) or "accepted".
    Rows are gathered for at most `linger` seconds, or until there are `batch_rows`.
    A monitor survives a fork: the child starts with an empty buffer, as a producer of its own.
    """

    def __init__(
        self,
        target: str,
        endpoint: str,
        *,
        on_full: str = "drop_oldest",
        level: str = "durable",
        buffer_bytes_max: int = 64 * 2**20,
        batch_rows: int = 4096,
        linger: float = 0.1,
    ) -> None:
        address(target)
        self._target = target
        self._endpoint = meant.endpoint_name(endpoint)
        self._level = LEVELS[meant.one_of(tuple(LEVELS), level, "level")]
        self._is_blocking = meant.one_of(("drop_oldest", "block"), on_full, "on_full") == "block"
        self._bytes_max = meant.count(buffer_bytes_max, "buffer_bytes_max")
        self._batch_rows = meant.count(batch_rows, "batch_rows")
        self._linger = meant.seconds(linger, "linger")
        self._abandoned: list[Any] = []
        self._begin()
        links.enter(self)

    def _begin(self) -> None:
        """The state of a monitor that has logged nothing."""
        self._problems = Problems(self._endpoint)
        self._window_bytes = min(WINDOW_BYTES_MAX, self._bytes_max // WINDOW_SHARE)
        self._buffer = Buffer(
            bytes_max=self._bytes_max - self._window_bytes - self._bytes_max // ENCODING_SHARE,
            batch_rows=self._batch_rows,
            linger=self._linger,
            is_blocking=self._is_blocking,
            wake=self._wake,
            problems=self._problems,
        )
        self._link: Link | None = None
        self._producer: Producer | None = None
        self._layouts: list[Layout] = []
        self._row: Callable[..., tuple[Row, int]] = loose_row  # until the features are known
        self._features_max = sys.maxsize  # a row with more has columns that the endpoint does not know
        self._shape: Shape | None = None
        self._unknown = Unknown(self._problems)

    def log(
        self,
        features: Mapping[str, Any] | Sequence[Any],
        *,
        prediction: Any = None,
        score: Any = None,
        id: Any = None,  # noqa: A002  (the reserved column's name)
        timestamp: Any = None,
        latency: float | None = None,
        error: Any = None,
        label: Any = None,
    ) -> None:
        """Logs one prediction: features by name, or in the order of the endpoint's schema."""
        try:
            if type(features) is not dict:
                features = record_of(features)
            if len(features) > self._features_max:
                self._look(features)
            if timestamp is not None:
                timestamp = _micros(timestamp)
            if score is not None:
                self._problems.warn("score", NO_SCORE)
            if error is not None:
                error = given_error(error)
            row, size_bytes = self._row(features, prediction, id, timestamp, latency, error, label)
            self._buffer.append(row, size_bytes)
        except Exception as problem:
            self._refuse(1, problem)

    def log_batch(
        self,
        table: Any,
        *,
        prediction: Any = None,
        score: Any = None,
        label: Any = None,
        ids: Any = None,
        timestamps: Any = None,
        latencies: Any = None,
        errors: Any = None,
    ) -> None:
        """Logs many predictions: anything Arrow, a pandas DataFrame, or a 2-d numpy array with columns in the schema's order.

        The buffer's bound holds here too: if a table is larger than `buffer_bytes_max`, its oldest rows are dropped and counted
        before they can be sent. To send whole files, use a monitor with on_full="block": then this call waits for the server.
        Refused data that is not a table counts as one row. Arrow data is not copied: do not write into a numpy array that it
        shares until the rows are acknowledged.
        """
        taken = 0
        try:
            if score is not None:
                self._problems.warn("score", NO_SCORE)
            given = {"prediction": prediction, "label": label, "id": ids, "timestamp": timestamps, "latency": latencies}
            for batch in batches_of(table, given | {"error": errors}):
                self._buffer.extend(batch)
                taken += batch.num_rows
        except Exception as problem:
            self._refuse(max(1, _rows_of(table) - taken), problem)

    def flush(self, timeout: float | None = 5.0) -> bool:
        """Waits until every row held now is acknowledged at the requested level; False if `timeout` seconds pass first.

        None waits without limit. If the server does not offer the requested level, its highest level counts.
        """
        seconds, buffer = meant.wait(timeout), self._buffer
        with buffer.lock:
            producer, before = self._producer, buffer.logged
            if producer is None:
                return True
            self._hurry(producer)
            return bool(buffer.changed.wait_for(lambda: producer.oldest is None or producer.oldest >= before, seconds))

    @property
    def stats(self) -> Stats:
        """What became of the rows so far."""
        return self._buffer.stats()

    def close(self, timeout: float | None = 5.0) -> None:
        """Flushes, for at most `timeout` seconds (None: without limit), and closes the connection.

        Rows that could not be sent in time are dropped and counted, and so are rows logged later.
        """
        seconds = meant.wait(timeout)
        until = None if seconds is None else time.monotonic() + seconds
        buffer = self._buffer
        if buffer.is_closed:
            return
        buffer.close()
        self.flush(seconds)
        with buffer.lock:
            link, producer = self._link, self._producer
            if link is None or producer is None:
                return
            self._hurry(producer)
            left = None if until is None else max(0.0, until - time.monotonic())
            buffer.changed.wait_for(lambda: producer.has_told or link.is_away, left)
        links.leave(link, producer)
        with buffer.lock:
            producer.abandon()
        self._problems.write()

    def begin_anew(self) -> None:
        """In a child process, after a fork: leaves what is the parent's alone, and starts empty, as a producer of its own."""
        is_closed = self._buffer.is_closed
        self._abandoned.append((self._link, self._producer, self._buffer))  # nothing of it may be touched, nor end, here
        self._begin()
        self._buffer.is_closed = is_closed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"driftline.Monitor({self._target!r}, {self._endpoint!r})"

    def _hurry(self, producer: Producer) -> None:
        producer.hurry()
        if self._link is not None:
            self._link.ring()

    def _wake(self) -> None:
        """Called by the buffer, its lock held, when the sender should look again; the first call joins the process's link.

        Never raises.
        """
        if self._link is not None:
            self._link.ring()
            return
        if self._buffer.is_closed:
            return
        self._link, self._producer = links.join(self._target, self._new_producer)

    def _new_producer(self, link: Link) -> Producer:
        return Producer(
            endpoint=self._endpoint,
            level=self._level,
            buffer=self._buffer,
            window=Window(self._window_bytes),
            encoder=Encoder(self._problems, self._layouts),
            new_handle=link.new_handle,
            on_shape=self._on_shape,
        )

    def _on_shape(self, shape: Shape) -> None:
        """From now on rows are packed as the endpoint wants them."""
        self._row = layout_for(shape, self._layouts).row
        self._shape, self._features_max = shape, len(shape.features)

    def _look(self, features: Any) -> None:
        """Says which columns of a row are left out."""
        if self._shape is not None and isinstance(features, dict):
            self._unknown.look(tuple(features), self._shape.features, self._shape)

    def _refuse(self, rows: int, problem: Exception) -> None:
        kind = type(problem).__name__
        try:
            reason = str(problem) if isinstance(problem, InvalidInput) else f"{kind}: {problem}"
        except Exception:  # its own
            reason = kind
        self._buffer.refuse(rows, f"refused: {kind}", f"rows are rejected: {reason}")


def _micros(timestamp: Any) -> int | None:
    try:
        return micros(timestamp)
    except Exception:  # whatever an object's own methods raise
        raise InvalidInput(
            f"timestamp: a {type(timestamp).__name__} that is no instant; give a datetime or epoch seconds"
        ) from None


def _rows_of(table: Any) -> int:
    """The rows of a table; 0 for what is none, and where it cannot be told."""
    try:
        shape: Any = getattr(table, "shape", ())
        return int(shape[0]) if len(shape) == 2 else 0
    except Exception:  # the object's own
        return 0
