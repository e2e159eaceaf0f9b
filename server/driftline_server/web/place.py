"""Where the page is: the socket it listens on, and the address by which its readers reach it."""

import ipaddress
import socket
import urllib.parse
from dataclasses import dataclass

import structlog

from driftline_server.config import PAGE_PORT_STEP, ConfigError, Settings
from driftline_server.listening import resolved, why
from driftline_server.web.names import host_of

log = structlog.get_logger(__name__)

_BACKLOG = 64
_PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class Place:
    """A socket that listens; `local` is its address, `url` the one that links name, both without a last slash.

    `hosts` are the names it answers to besides those of loopback; None where others reach it: then it answers to any.
    """

    listening: socket.socket
    local: str
    url: str
    hosts: frozenset[str] | None

    @property
    def prefix(self) -> str:
        """What stands before each path in links."""
        return urllib.parse.urlsplit(self.url).path


def place_of(settings: Settings, port: int) -> Place | None:
    """Takes the page's address, of a server whose gRPC port is `port`; None where there is to be no page, or "auto" found no port.

    Raises ConfigError where an address that was named cannot be had.
    """
    if settings.http == "none":
        return None
    address = _beside(settings.listen, port) if settings.http == "auto" else settings.http
    try:
        listening = _listening(address)
    except OSError as error:
        problem = f"cannot serve the page on {address}: {why(error)}"
        if settings.http != "auto":
            raise ConfigError(problem) from None
        log.warning(f"there is no page: {problem}", setting="http")
        return None
    bound = listening.getsockname()
    local = f"http://{reached(address, bound[1])}"
    public = urllib.parse.urlsplit(settings.public_url).netloc, settings.public_address
    answers_to = frozenset(map(host_of, filter(None, public))) if ipaddress.ip_address(bound[0]).is_loopback else None
    return Place(listening, local, settings.public_url or local, answers_to)


def reached(listen: str, port: int) -> str:
    """The address by which others reach what listens at `listen`, on a port that may have been chosen meanwhile."""
    host = listen.rpartition(":")[0]
    return f"{socket.gethostname() if host in ('0.0.0.0', '[::]') else host}:{port}"  # noqa: S104 - it is compared


def _beside(listen: str, port: int) -> str:
    """Where "auto" puts the page: a free port beside a free port."""
    host, _, asked = listen.rpartition(":")
    if not int(asked):
        return f"{host}:0"
    return f"{host}:{port + PAGE_PORT_STEP if port + PAGE_PORT_STEP <= _PORT_MAX else port - PAGE_PORT_STEP}"


def _listening(address: str) -> socket.socket:
    (family, kind, protocol, _, bound), *_ = resolved(address)
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for old connections
        listening.bind(bound)
        listening.listen(_BACKLOG)  # at once: what is only bound can be bound again
    except OSError:
        listening.close()
        raise
    return listening
