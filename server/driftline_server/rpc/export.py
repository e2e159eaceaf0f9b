"""ExportService: kept rows of a span, streamed back."""

import threading
import time
from collections.abc import Iterator

import grpc

from driftline_core.errors import ResourceExhausted
from driftline_proto.v1 import export_pb2 as pb
from driftline_server.archive import Exports, nothing_kept, payloads_of
from driftline_server.registry import Registry
from driftline_server.rpc import convert

_RETRY_AFTER_S = 5.0


class ExportService:
    """The calls of ExportService; at most `exports_max` at once, each ended when nobody takes its rows for `idle_s`."""

    def __init__(self, registry: Registry, exports: Exports | None, *, exports_max: int, idle_s: float) -> None:
        self._registry = registry
        self._exports = exports
        self._idle_s = idle_s
        self._calls = threading.BoundedSemaphore(exports_max)

    def rows(self, request: pb.ExportRowsRequest, context: grpc.ServicerContext) -> Iterator[pb.ExportRowsResponse]:
        registration = self._registry.entry(request.endpoint).current()
        if self._exports is None:
            raise nothing_kept()
        if not self._calls.acquire(blocking=False):
            raise ResourceExhausted("too many exports are under way (exports_max)", retry_after_s=_RETRY_AFTER_S)
        try:
            export = self._exports.open(registration, convert.span(request.span))
            summary = convert.export_summary(export)
            if not request.summary_only:
                export.require_any()
            yield pb.ExportRowsResponse(summary=summary)
            if request.summary_only:
                return
            with _Patience(context, self._idle_s) as patience:
                for batch in export.batches():
                    for payload in payloads_of(batch):
                        patience.renew()
                        yield pb.ExportRowsResponse(payload=payload)
                        self._registry.entry(registration.name)  # raises where it was deleted meanwhile
        finally:
            self._calls.release()


class _Patience:
    """Ends a call whose client takes nothing any more."""

    def __init__(self, context: grpc.ServicerContext, seconds: float) -> None:
        self._context = context
        self._seconds = seconds
        self._until_s = time.monotonic() + seconds
        self._timer = self._set(seconds)

    def renew(self) -> None:
        """The client has taken something."""
        self._until_s = time.monotonic() + self._seconds

    def __enter__(self) -> "_Patience":
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _set(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self._look)
        timer.daemon = True
        timer.start()
        return timer

    def _look(self) -> None:
        left_s = self._until_s - time.monotonic()
        if left_s > 0:
            self._timer = self._set(left_s)
        else:
            self._context.cancel()
