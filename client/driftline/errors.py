"""The errors the client raises, by who can fix them; each message says what to do."""

from typing import Any

import grpc


class Error(Exception):
    """What went wrong, and what to do about it. The base of every driftline error."""


class NotFound(Error):
    """The endpoint or column does not exist."""


class AlreadyExists(Error):
    """An endpoint of that name exists already."""


class InvalidInput(Error):
    """An argument or the data is wrong; the message names the field."""


class Unavailable(Error):
    """No server answered, or none in time. Trying again later may help."""


class ResourceExhausted(Error):
    """A limit of the server is reached."""


class PermissionDenied(Error):
    """The server does not allow this."""


CODES: dict[grpc.StatusCode, type[Error]] = {
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInput,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidInput,
    grpc.StatusCode.OUT_OF_RANGE: InvalidInput,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.UNAUTHENTICATED: PermissionDenied,
}

STATUS_DETAILS = "grpc-status-details-bin"  # comes with the errors that a driftline server has words for

# What to do where the server itself cannot say it: {target} is its address, {details} what gRPC knows.
REMEDIES: dict[grpc.StatusCode, str] = {
    grpc.StatusCode.UNAVAILABLE: (
        "no driftline server answers at {target} ({details}); start one with `driftline serve`, or give its address"
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        "the server at {target} did not answer in time ({details}); try again, or connect with a longer timeout"
    ),
    grpc.StatusCode.UNIMPLEMENTED: (
        "the server at {target} does not know this call ({details}); is it a driftline server of this version?"
    ),
    grpc.StatusCode.UNKNOWN: "the server at {target} failed ({details}); its log says why",
    grpc.StatusCode.INTERNAL: "the server at {target} failed ({details}); its log says why",
    grpc.StatusCode.CANCELLED: "the call to {target} was cancelled ({details})",
}


def called(call: Any, request: Any, *, target: str, timeout: float | None = None) -> Any:
    """The answer of a call, or the stream of them. Raises gRPC's errors, and InvalidInput where the client is closed."""
    try:
        return call(request, timeout=timeout)
    except ValueError as error:  # all that gRPC says of a channel that is closed
        raise InvalidInput(
            f"this client of {target} is closed; make another with driftline.connect({target!r}), or ask before it is closed"
        ) from error


def from_rpc(error: grpc.RpcError, target: str) -> Error:
    """The driftline error for a failed call to `target`: the server's own words, or a remedy where it could not speak."""
    code, details = error.code(), error.details() or "no details"
    is_said = any(key == STATUS_DETAILS for key, _ in error.trailing_metadata() or ())
    message = details if is_said else REMEDIES.get(code, "{details}").format(target=target, details=details)
    return CODES.get(code, Error)(message)
