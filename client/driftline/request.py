"""What callers name, made into requests: what cannot be meant is refused in words, before anything is sent."""

from typing import Any, TypeVar

from driftline.errors import InvalidInput

Request = TypeVar("Request")


def address(target: Any) -> str:
    """A server's address. Raises InvalidInput."""
    if not isinstance(target, str) or not target.strip():
        raise InvalidInput(f"{target!r} is no server's address; give host:port, as '127.0.0.1:7433'")
    return target


def request_of(kind: type[Request], **fields: Any) -> Request:
    """The request of these fields. Raises InvalidInput, naming the field whose value is of another type.

    >>> from driftline_proto.v1.endpoint_pb2 import GetEndpointRequest
    >>> request_of(GetEndpointRequest, name=5)
    Traceback (most recent call last):
    driftline.errors.InvalidInput: name: 5 is a int, which is none
    """
    try:
        return kind(**fields)
    except (TypeError, ValueError):
        for field, value in fields.items():
            _check(kind, field, value)
        raise


def _check(kind: Any, field: str, value: Any) -> None:
    try:
        kind(**{field: value})
    except (TypeError, ValueError):
        raise InvalidInput(f"{field}: {value!r} is a {type(value).__name__}, which is none") from None
