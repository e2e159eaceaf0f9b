"""What a failed call says: status, sentence, fields, delay."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(slots=True)
class Failure:
    """Filled in when the call has failed."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""
    fields: tuple[str, ...] = ()
    retry_s: float | None = None

    def read(self, error: grpc.RpcError) -> "Failure":
        self.code, self.message = error.code(), error.details()
        status = rpc_status.from_call(error)
        for detail in status.details if status else ():
            bad, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
            if detail.Unpack(bad):
                self.fields = tuple(violation.field for violation in bad.field_violations)
            elif detail.Unpack(retry):
                self.retry_s = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
        return self


@contextlib.contextmanager
def failing(code: grpc.StatusCode) -> Iterator[Failure]:
    """Asserts that a call fails with a status; gives what it says."""
    failure = Failure()
    with pytest.raises(grpc.RpcError) as caught:
        yield failure
    failure.read(caught.value)
    assert failure.code is code, failure
