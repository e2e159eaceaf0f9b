"""One HTTP request to a checked address: no redirect, no proxy, no cookie, nothing from the environment, and an end in time.

On http.client, not on requests: that one looks the name up itself, takes proxies and passwords from the environment and the home
directory, and lets a server that answers a byte every nine seconds hold a thread for hours.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from threading import Event, Timer

from driftline_server.notify.addresses import Target, resolve
from driftline_server.notify.failures import Permanent, Retryable

ANSWER_BYTES_MAX = 16 * 1024
_USER_AGENT = "driftline"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: its status, the beginning of its body, when it wants to be asked again (as it wrote it)."""

    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: for a connection, for each part of an answer, and for all of it, however little by little it comes."""

    connect_s: float = 5.0
    read_s: float = 10.0
    total_s: float = 20.0


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Route:
    """What is said about the way to a receiver; `ca_file` holds the authorities to trust instead of the system's."""

    allow_private: bool = False
    ca_file: str | None = None
    patience: Patience = PATIENCE


PUBLIC = Route()


def post(target: Target, body: bytes, headers: Mapping[str, str], route: Route) -> Answer:
    """POSTs a body and returns whatever was answered, redirects included.

    Raises Retryable where there was no answer, Permanent where the address is closed or the request cannot be written. The reasons
    hold nothing of the path, the headers or the body.
    """
    addresses = resolve(target.host, target.port, allow_private=route.allow_private)
    try:
        with _connected(target, addresses, route) as (connection, is_cut):
            connection.request(
                "POST", target.path, body, {"Host": target.authority, "User-Agent": _USER_AGENT, "Connection": "close", **headers}
            )
            with closing(connection.getresponse()) as response:
                if is_cut.is_set():  # a head that broke off is read as a short one
                    raise TimeoutError
                return Answer(response.status, _beginning(response), response.getheader("Retry-After"))
    except ssl.SSLError as error:
        raise Retryable(f"{target.shown}: TLS failed: {_tls_reason(error)}") from None
    except TimeoutError:
        raise Retryable(f"{target.shown}: no answer in time") from None
    except OSError as error:
        raise Retryable(f"{target.shown}: {error.strerror or 'the connection was closed'}") from None
    except http.client.HTTPException as error:
        raise Retryable(f"{target.shown}: answered what is not HTTP ({type(error).__name__})") from None
    except ValueError:  # http.client quotes the header it cannot write; that may be a secret
        raise Permanent(f"{target.shown}: a header or the path holds a character that cannot be sent") from None


def retry_after_s(text: str | None, *, now_us: int) -> float | None:
    """Seconds to wait by a Retry-After header, a number or a date; None where there is none that can be read.

    >>> retry_after_s("120", now_us=0), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", now_us=0), retry_after_s("soon", now_us=0)
    (120.0, 60.0, None)
    """
    if not text or len(text) > 64:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_us / 1e6)
    except (ValueError, TypeError, OverflowError):
        return None


@contextmanager
def _connected(target: Target, addresses: tuple[str, ...], route: Route) -> Iterator[tuple[http.client.HTTPConnection, Event]]:
    """A connection that is cut when patience ends, whatever the other side does; the event is set when it was."""
    raw = _connect(target, addresses, route.patience.connect_s)
    twin = raw.dup()  # shuts the same connection down, also once TLS has taken the other over
    is_cut = Event()
    deadline = Timer(route.patience.total_s, _cut, (twin, is_cut))
    deadline.daemon = True
    connection = http.client.HTTPConnection(target.host, target.port)
    try:
        raw.settimeout(route.patience.read_s)
        deadline.start()
        if target.scheme == "https":
            raw = ssl.create_default_context(cafile=route.ca_file).wrap_socket(raw, server_hostname=target.host)
        connection.sock = raw
        yield connection, is_cut
    finally:
        deadline.cancel()
        connection.close()
        raw.close()
        twin.close()


def _connect(target: Target, addresses: tuple[str, ...], timeout_s: float) -> socket.socket:
    failure: OSError = OSError(None, "no address")
    for address in addresses:
        try:
            return socket.create_connection((address, target.port), timeout=timeout_s / len(addresses))
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise Retryable(f"{target.shown}: no connection within {timeout_s:g} s")
    raise failure


def _cut(connection: socket.socket, is_cut: Event) -> None:
    is_cut.set()
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it had ended by itself


def _beginning(response: http.client.HTTPResponse) -> bytes:
    """The first bytes of a body; the status has come, so that a body that breaks off changes nothing."""
    try:
        return response.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException):
        return b""


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    return (error.reason or "the handshake broke off").lower().replace("_", " ")
