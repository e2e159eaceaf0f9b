"""What callers name, made into requests: what cannot be meant is refused in words, before anything is sent."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from driftline.errors import InvalidInput

Request = TypeVar("Request")

ADDRESS = re.compile(r"(?:\[[^\]\s]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
SCHEMES = re.compile(r"(?:dns|ipv4|ipv6|unix|unix-abstract|vsock|xds):.")  # that gRPC resolves
PORT_MAX = 65_535


def address(target: Any) -> str:
    """A server's address: host:port, or a name of gRPC's own. Raises InvalidInput.

    >>> address("http://127.0.0.1:7433")
    Traceback (most recent call last):
    driftline.errors.InvalidInput: 'http://127.0.0.1:7433' is no server's address; give host:port, as '127.0.0.1:7433'
    """
    if isinstance(target, str) and (
        SCHEMES.match(target) or ((found := ADDRESS.fullmatch(target)) and 0 < int(found[1]) <= PORT_MAX)
    ):
        return target
    raise InvalidInput(f"{target!r} is no server's address; give host:port, as '127.0.0.1:7433'")


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
