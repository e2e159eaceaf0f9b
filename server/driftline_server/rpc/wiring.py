"""From plain functions to gRPC handlers: parsing, errors and thread pools in one place, so that no service holds a `try`."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from driftline_core.errors import InvalidInput
from driftline_server.rpc.errors import abort
from driftline_server.rpc.wire import Malformed

Behavior = Callable[[Any, grpc.ServicerContext], Any]


def parser(message: type[Message]) -> Callable[[bytes], Any]:
    """A deserializer that gives Malformed where the bytes are no such message: an error of the sender's, not of the server's."""

    def parse(data: bytes) -> Any:
        try:
            return message.FromString(data)
        except DecodeError as error:
            return Malformed(f"not a {message.DESCRIPTOR.full_name}: {error}")

    return parse


def unary(
    function: Callable[[Any], Message], request: type[Message], pool: ThreadPoolExecutor | None = None
) -> grpc.RpcMethodHandler:
    """A handler for a function from request to response; in a pool of its own where it may take long."""

    def behavior(given: Any, context: grpc.ServicerContext) -> Any:
        with _told(context):
            return function(_well_formed(given))

    return grpc.unary_unary_rpc_method_handler(_within(pool, behavior), parser(request), _serialize)


def upload(
    function: Callable[[Iterator[Any], grpc.ServicerContext], Message], request: type[Message], pool: ThreadPoolExecutor
) -> grpc.RpcMethodHandler:
    """A handler for a function from a stream of requests to one response, in a pool of its own."""

    def behavior(given: Iterator[Any], context: grpc.ServicerContext) -> Any:
        with _told(context):
            return function(map(_well_formed, given), context)

    return grpc.stream_unary_rpc_method_handler(_within(pool, behavior), parser(request), _serialize)


def download(
    function: Callable[[Any, grpc.ServicerContext], Iterator[Message]], request: type[Message], pool: ThreadPoolExecutor
) -> grpc.RpcMethodHandler:
    """A handler for a function from one request to a stream of responses, in a pool of its own."""

    def behavior(given: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with _told(context):
            yield from function(_well_formed(given), context)

    return grpc.unary_stream_rpc_method_handler(_within(pool, behavior), parser(request), _serialize)


def stream(
    function: Callable[[Iterator[Any], grpc.ServicerContext], Iterator[Message]],
    parse: Callable[[bytes], Any],
    pool: ThreadPoolExecutor,
) -> grpc.RpcMethodHandler:
    """A handler for a function from a stream of requests to a stream of responses, in a pool of its own."""

    def behavior(given: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        with _told(context):
            yield from function(given, context)

    return grpc.stream_stream_rpc_method_handler(_within(pool, behavior), parse, _serialize)


def service(name: str, handlers: Mapping[str, grpc.RpcMethodHandler]) -> grpc.GenericRpcHandler:
    """The handlers of a service of `driftline.v1`."""
    return grpc.method_handlers_generic_handler(f"driftline.v1.{name}", dict(handlers))


@contextmanager
def _told(context: grpc.ServicerContext) -> Iterator[None]:
    """Whoever called is told an error by its status, if still there."""
    try:
        yield
    except Exception as error:
        if context.is_active():
            abort(context, error)
        context.abort(grpc.StatusCode.CANCELLED, "the caller has gone")


def _within(pool: ThreadPoolExecutor | None, behavior: Behavior) -> Behavior:
    if pool is not None:
        behavior.experimental_thread_pool = pool  # type: ignore[attr-defined]  # grpc's name for it
    return behavior


def _serialize(message: Message) -> bytes:
    return bytes(message.SerializeToString())


def _well_formed(given: Any) -> Any:
    if isinstance(given, Malformed):
        raise InvalidInput(given.reason)
    return given
