"""The calling side of AlertReceiverService: a message goes to an address that a client serves, until it is acknowledged."""

import ipaddress

import grpc

from driftline_proto.v1 import alert_pb2, alert_pb2_grpc
from driftline_server.notify.addresses import resolve
from driftline_server.notify.channels import Callback
from driftline_server.notify.exchange import Route
from driftline_server.notify.failures import Retryable
from driftline_server.notify.links import Links
from driftline_server.notify.notification import Delivery
from driftline_server.rpc import convert_alerts as convert

CALL_S = 20.0
_ANSWER_BYTES_MAX = 16 * 1024
_REASON_MAX = 200
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # the address was checked, a proxy's was not
    ("grpc.enable_retries", 0),  # the outbox retries
    ("grpc.max_receive_message_length", _ANSWER_BYTES_MAX),
    ("grpc.use_local_subchannel_pool", 1),  # each call connects anew: nothing is kept of an address that may have moved
)


class CallsBack:
    """Calls callbacks: of a name that was looked up once, to an address that was checked."""

    def __init__(self, links: Links) -> None:
        self._links = links

    def __call__(self, callback: Callback, route: Route, delivery: Delivery) -> None:
        """Returns when the message was acknowledged. Raises Retryable where it was not, Permanent for a closed address."""
        request = convert.notify(delivery, self._links)
        targets = [
            _target(name, callback.port) for name in resolve(callback.host, callback.port, allow_private=route.allow_private)
        ]
        for target, is_last in zip(targets, [False] * (len(targets) - 1) + [True], strict=True):
            error = _call(target, request)
            if error is None:
                return
            if is_last or error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise Retryable(f"{callback.host}:{callback.port}: {_reason(error)}")


def _call(target: str, request: alert_pb2.NotifyRequest) -> grpc.RpcError | None:
    with grpc.insecure_channel(target, options=_OPTIONS) as channel:
        try:
            alert_pb2_grpc.AlertReceiverServiceStub(channel).Notify(request, timeout=CALL_S)  # type: ignore[no-untyped-call]
        except grpc.RpcError as error:
            return error
    return None


def _target(address: str, port: int) -> str:
    return f"ipv6:[{address}]:{port}" if ipaddress.ip_address(address).version == 6 else f"ipv4:{address}:{port}"


def _reason(error: grpc.RpcError) -> str:
    match error.code():
        case grpc.StatusCode.UNAVAILABLE:
            return "nobody answers"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"no acknowledgement within {CALL_S:g} s"
        case grpc.StatusCode.UNIMPLEMENTED:
            return "AlertReceiverService is not served there"
    details = "".join(char if char.isprintable() else "?" for char in (error.details() or "")[:_REASON_MAX])
    return f"answered {error.code().name}{f': {details}' if details else ''}"
