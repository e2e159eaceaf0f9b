"""IngestService: Push streams, up to a maximum."""

import threading
from collections.abc import Iterator

import grpc

from driftline_core.errors import ResourceExhausted
from driftline_proto.v1 import ingest_pb2 as pb
from driftline_server.intake import Intake
from driftline_server.rpc.push import Message, Stream

_RETRY_AFTER_S = 5.0


class IngestService:
    """Serves Push streams, up to a number."""

    def __init__(self, intake: Intake, *, streams_max: int, handles_max: int, idle_s: float) -> None:
        self._intake = intake
        self._streams_max = streams_max
        self._handles_max = handles_max
        self._idle_s = idle_s
        self._streams: set[Stream] = set()
        self._changed = threading.Condition()

    def push(self, messages: Iterator[Message], context: grpc.ServicerContext) -> Iterator[pb.PushResponse]:
        stream = Stream(self._intake, handles_max=self._handles_max, idle_s=self._idle_s)
        with self._changed:
            if len(self._streams) >= self._streams_max:
                raise ResourceExhausted(
                    f"the server takes {self._streams_max} streams (push_streams_max); a process needs one for all its monitors",
                    retry_after_s=_RETRY_AFTER_S,
                )
            self._streams.add(stream)
        try:
            yield from stream.serve(messages, context)
        finally:
            with self._changed:
                self._streams.remove(stream)
                self._changed.notify_all()

    def drain(self, timeout_s: float) -> None:
        """Ends every stream after a last acknowledgement; what was accepted is queued when this returns."""
        self._intake.draining = True
        with self._changed:
            streams = list(self._streams)
        for stream in streams:
            stream.wake()
        with self._changed:
            self._changed.wait_for(lambda: not self._streams, timeout=timeout_s)
