"""Being called for alerts: a small gRPC server that acknowledges what was handled."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import grpc

from driftline.alert import Alert, AlertLinks, alert_from
from driftline.errors import Unavailable
from driftline_proto.v1 import alert_pb2 as pb
from driftline_proto.v1 import alert_pb2_grpc

log = logging.getLogger("driftline")

# Of so many notifications it is remembered that they were taken in.
KEYS_MAX = 10_000
THREADS = 4
MESSAGE_BYTES_MAX = 8 * 2**20


class AlertReceiver:
    """Listens at `listen` ("127.0.0.1:0": a free port of this machine) and calls `on_alert` with each alert that fires or resolves.

        with driftline.AlertReceiver("127.0.0.1:0", on_alert) as receiver:
            client.register_callback("my notebook", receiver.address)

    Calls come one at a time. If `on_alert` raises, the error is logged and nothing is acknowledged: the server calls again. Once it
    has returned from a notification, it does not get that again, even if the server delivers it twice. Anyone who reaches the
    address can call it.
    """

    def __init__(self, listen: str, on_alert: Callable[[Alert], object]) -> None:
        self._on_alert = on_alert
        self._lock = threading.Lock()
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._server = grpc.server(
            ThreadPoolExecutor(THREADS, "driftline-alerts"),
            options=(("grpc.max_receive_message_length", MESSAGE_BYTES_MAX), ("grpc.so_reuseport", 0)),
        )
        alert_pb2_grpc.add_AlertReceiverServiceServicer_to_server(_Servicer(self._notify), self._server)  # type: ignore[no-untyped-call]
        try:
            port = self._server.add_insecure_port(listen)
        except RuntimeError:
            port = 0
        if not port:
            raise Unavailable(f"cannot listen on {listen}: the port is in use, or the address is not this machine's")
        self.address = f"{listen.rpartition(':')[0]}:{port}"
        self._server.start()

    def close(self) -> None:
        """Accepts no more calls; returns when the current one has ended."""
        self._server.stop(grace=5.0).wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"driftline.AlertReceiver({self.address!r})"

    def _notify(self, request: pb.NotifyRequest, context: grpc.ServicerContext) -> pb.NotifyResponse:
        with self._lock:
            for notification in request.notifications:
                if notification.key in self._taken:
                    continue
                try:
                    self._on_alert(_alert_of(notification))
                except Exception:
                    log.exception("on_alert failed on alert %s; the server will call again", notification.alert.id)
                    context.abort(grpc.StatusCode.ABORTED, "on_alert failed")
                self._taken[notification.key] = None
                while len(self._taken) > KEYS_MAX:
                    self._taken.popitem(last=False)
        return pb.NotifyResponse()


def _alert_of(notification: pb.Notification) -> Alert:
    links = AlertLinks(notification.report_url, notification.report, notification.export_command)
    return replace(alert_from(notification.alert), links=links)


class _Servicer(alert_pb2_grpc.AlertReceiverServiceServicer):
    def __init__(self, notify: Callable[[pb.NotifyRequest, grpc.ServicerContext], pb.NotifyResponse]) -> None:
        self._notify = notify

    def Notify(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        return self._notify(request, context)
