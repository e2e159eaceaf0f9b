"""Following alerts: an iterator over a stream that continues where it was after the connection was lost."""

import logging
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import grpc

from driftline.alert import Alert, alert_from
from driftline.backoff import Backoff
from driftline.errors import called, from_rpc
from driftline_proto.v1 import alert_pb2 as pb

log = logging.getLogger("driftline")

# The token of no step: a server goes on from the first it has kept.
_BEGINNING = "0"
# What a stream may end with that does not mean it cannot go on.
_PASSES = frozenset((grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.RESOURCE_EXHAUSTED))


class Following(Iterator[Alert]):
    """Yields an alert each time one fires, is acknowledged or resolves, from the moment it was made.

    Nothing is missed or repeated after lost connections and restarts of the server. If another server answers than before, or the
    same one without its data (as after a restart with `--data none`), it starts from the beginning of what that one has, and logs
    a warning.

    `resume_token` continues from there in another process. `close()`, from any thread, ends the iteration.
    """

    def __init__(self, subscribe: Any, target: str, *, endpoint: str, resume_token: str) -> None:
        self.resume_token = resume_token
        self._subscribe = subscribe
        self._target = target
        self._endpoint = endpoint
        self._backoff = Backoff()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._call = self._subscribed()
        try:
            self._take(next(self._call))  # where the stream begins; from now on nothing is missed
        except grpc.RpcError as error:
            raise from_rpc(error, target) from None

    def __next__(self) -> Alert:
        while not self._closed.is_set():
            try:
                alert = self._take(next(self._call))
            except StopIteration:
                self._reconnect()
            except grpc.RpcError as error:
                if self._closed.is_set():
                    break
                self._forgive(error)
                self._reconnect()
            else:
                if alert is not None:
                    return alert
        raise StopIteration

    def close(self) -> None:
        """Ends the iteration."""
        with self._lock:
            self._closed.set()
            self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _subscribed(self) -> Any:
        request = pb.SubscribeRequest(endpoint=self._endpoint, resume_token=self.resume_token)
        return called(self._subscribe, request, target=self._target)

    def _forgive(self, error: grpc.RpcError) -> None:
        """Raises what the stream ended with, unless it can go on: from where it was, or, at another server, from the beginning."""
        if error.code() in _PASSES:
            return
        # The endpoint was accepted when this was made, so that it is the token which is refused.
        if error.code() is not grpc.StatusCode.INVALID_ARGUMENT or self.resume_token == _BEGINNING:
            raise from_rpc(error, self._target) from None
        log.warning(
            "%s is another server than before, or lost what it kept (%s): following goes on from the first alert it has; "
            "what became of alerts of before is not told",
            self._target,
            error.details(),
        )
        self.resume_token = _BEGINNING

    def _reconnect(self) -> None:
        self._closed.wait(self._backoff.next_seconds())
        with self._lock:
            if not self._closed.is_set():
                self._call = self._subscribed()

    def _take(self, message: pb.SubscribeResponse) -> Alert | None:
        self._backoff.reset()
        self.resume_token = message.resume_token
        return alert_from(message.alert, [message.step]) if message.HasField("alert") else None
