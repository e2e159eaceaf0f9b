"""One table: errors of the core as gRPC statuses, with google.rpc details that name the field."""

import grpc
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from driftline_core.errors import (
    AlreadyExists,
    CoreError,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    ResourceExhausted,
    Unavailable,
)
from driftline_server.owner import Closed

log = structlog.get_logger(__name__)

CODES: dict[type[CoreError], int] = {
    InvalidInput: code_pb2.INVALID_ARGUMENT,
    NotFound: code_pb2.NOT_FOUND,
    AlreadyExists: code_pb2.ALREADY_EXISTS,
    FailedPrecondition: code_pb2.FAILED_PRECONDITION,
    ResourceExhausted: code_pb2.RESOURCE_EXHAUSTED,
    Unavailable: code_pb2.UNAVAILABLE,
}


class Ended(Exception):
    """A call that the server ends, and nobody is at fault."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def code_of(error: CoreError) -> int:
    """The google.rpc.Code of an error."""
    return int(CODES.get(type(error), code_pb2.UNKNOWN))


def abort(context: grpc.ServicerContext, error: Exception) -> None:
    """Ends a call with the status of an error; never returns."""
    if isinstance(error, CoreError):
        context.abort_with_status(rpc_status.to_status(_status(error)))
    if isinstance(error, Ended):
        context.abort(error.code, error.reason)
    if isinstance(error, Closed):
        context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
    log.exception("a call failed", error=repr(error))
    context.abort(grpc.StatusCode.INTERNAL, "the server failed on this request; its log says why")


def _status(error: CoreError) -> status_pb2.Status:
    status = status_pb2.Status(code=code_of(error), message=error.reason)
    if error.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.reason)
        _add(status, error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(error, ResourceExhausted) and error.retry_after_s is not None:
        delay = duration_pb2.Duration(nanos=int(error.retry_after_s % 1 * 1e9), seconds=int(error.retry_after_s))
        _add(status, error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def _add(status: status_pb2.Status, detail: error_details_pb2.BadRequest | error_details_pb2.RetryInfo) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status.details.append(packed)
