"""What callers name, made into requests: what cannot be meant is refused in words, before anything is sent."""

from collections.abc import Callable
from typing import Any, TypeVar

from driftline.errors import InvalidInput

Request = TypeVar("Request")


def address(target: Any) -> str:
    """A server's address. Raises InvalidInput."""
    if not isinstance(target, str) or not target.strip():
        raise InvalidInput(f"{target!r} is no server's address; give host:port, as '127.0.0.1:7433'")
    return target


def request_of(kind: Callable[..., Request], /, **fields: Any) -> Request:
    """The request of these fields. Raises InvalidInput, naming the field whose value is of another type.

    >>> from driftline_proto.v1.endpoint_pb2 import GetEndpointRequest
    >>> request_of(GetEndpointRequest, name=5)
    Traceback (most recent call last):
    driftline.errors.InvalidInput: name: 5 is no text
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
    except (TypeError, ValueError) as error:
        about = kind.DESCRIPTOR.fields_by_name[field]
        if about.cpp_type == about.CPPTYPE_STRING and (isinstance(value, bytes) or not isinstance(value, str | list)):
            raise InvalidInput(f"{field}: {value!r} is no text") from None
        raise InvalidInput(f"{field}: {value!r} cannot be meant: {error}") from None
