"""The address a server listens on: taken, or in one line why it cannot be had."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import grpc

from driftline_server.config import ConfigError

Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]  # an address, as getaddrinfo gives it

_WHY = {
    errno.EADDRINUSE: "the port is in use; end who listens there, or name another port (0 takes a free one)",
    errno.EADDRNOTAVAIL: "the address is not this machine's; name one that is, or 0.0.0.0 for all it has",
    errno.EACCES: "permission denied: ports below 1024 need a right of their own (CAP_NET_BIND_SERVICE); take one from 1024 on",
}
# What a host name may resolve to beside an address that can be had: ::1 where the machine has no IPv6.
_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def bound(server: grpc.Server, listen: str) -> int:
    """The port of `listen` once the server has it; raises ConfigError."""
    _require_free(listen)  # or gRPC would write why to stderr in words of its own, and say nothing to us
    try:
        port = int(server.add_insecure_port(listen))
    except RuntimeError:
        port = 0
    if not port:  # somebody was faster
        raise ConfigError(f"cannot listen on {listen}: the port is in use, or the address is not this machine's")
    return port


def why(error: OSError) -> str:
    """Why an address cannot be had, and what to do about it.

    >>> why(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    'the host cannot be resolved (Name or service not known); name an address of this machine, or 0.0.0.0 for all it has'
    """
    if isinstance(error, socket.gaierror):
        return f"the host cannot be resolved ({error.strerror}); name an address of this machine, or 0.0.0.0 for all it has"
    return _WHY.get(error.errno or 0, error.strerror or str(error))


def resolved(listen: str) -> Sequence[Found]:
    """What HOST:PORT means here; raises OSError."""
    host, _, port = listen.rpartition(":")
    try:
        return socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError:  # IDNA does not know the name
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None


def _require_free(listen: str) -> None:
    """Raises ConfigError unless every address that the host has here can be bound to, as gRPC will.

    All of them: gRPC is content with one, and would serve `localhost` on ::1 alone where 127.0.0.1 is taken.
    """
    try:
        found = resolved(listen)
    except OSError as error:
        raise ConfigError(f"cannot listen on {listen}: {why(error)}") from None
    errors = list(_errors(found))
    refused = [error for error in errors if error.errno not in _ABSENT]
    if refused or len(errors) == len(found):
        raise ConfigError(f"cannot listen on {listen}: {why((refused or errors)[0])}")


def _errors(found: Sequence[Found]) -> Iterator[OSError]:
    for family, kind, protocol, _, address in found:
        try:
            with contextlib.closing(socket.socket(family, kind, protocol)) as tried:
                if os.name == "posix":  # elsewhere it would take what another has
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                tried.bind(address)
        except OSError as error:
            yield error
