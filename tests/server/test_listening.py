"""Why an address cannot be had is told in words of ours; one that can be is taken."""

import doctest
import errno
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from driftline_server import listening
from driftline_server.config import ConfigError, Settings
from driftline_server.listening import bound, why


@pytest.fixture
def server() -> grpc.Server:
    return grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


def test_examples_hold() -> None:
    assert doctest.testmod(listening).failed == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_port_in_use_is_told(server: grpc.Server, taken: int, host: str) -> None:
    with pytest.raises(ConfigError, match=f"^cannot listen on {host}:{taken}: the port is in use; "):
        bound(server, f"{host}:{taken}")


@pytest.mark.parametrize("host", ["nohost.invalid", "unix", "[nohost]", "a" * 70, "a b", "x..y"])
def test_a_host_that_is_none_is_told(server: grpc.Server, host: str) -> None:
    with pytest.raises(ConfigError, match="the host cannot be resolved"):
        bound(server, f"{host}:7433")


def test_an_address_of_another_machine_is_told(server: grpc.Server) -> None:
    with pytest.raises(ConfigError, match="the address is not this machine's; name one that is"):
        bound(server, "192.0.2.1:7433")


def test_a_port_that_needs_a_right_is_told() -> None:
    assert why(PermissionError(errno.EACCES, os.strerror(errno.EACCES))).startswith(
        "permission denied: ports below 1024 need a right"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_a_port_below_1024_is_told(server: grpc.Server) -> None:
    with pytest.raises(ConfigError, match="permission denied"):
        bound(server, "127.0.0.1:1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::1]"])
def test_an_address_that_is_free_is_taken(server: grpc.Server, host: str) -> None:
    if host == "[::1]" and not has_ipv6():
        pytest.skip("no IPv6 here")
    assert bound(server, f"{host}:0") > 0


def test_a_port_that_was_just_in_use_is_taken(server: grpc.Server) -> None:
    """Connections of a server that is gone linger (TIME_WAIT); they hold no new one up."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            holder.accept()[0].close()
    assert bound(server, f"127.0.0.1:{port}") == port


@pytest.mark.parametrize("listen", ["::1:7433", ":::7433", "fe80::1:7433", "[::1:7433"])
def test_an_address_of_ipv6_stands_in_brackets(listen: str) -> None:
    with pytest.raises(ValueError, match="brackets"):
        Settings(listen=listen)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
