"""Where a webhook or a callback may go: public addresses, and private ones only for a receiver that says so.

A name is resolved once, every address it has is checked, and the connection is made to one of those very addresses: a second
look-up could answer differently. What is closed stays closed for `allow_private` too: link-local, the addresses at which clouds
hand out credentials, multicast, reserved and documentation ranges, 0.0.0.0, tunnels that carry an IPv4 address inside. A literal
in another notation than the canonical one (0x7f000001, 0177.0.0.1, 127.1) is refused as written, since libraries disagree about
what it names.
"""

import ipaddress
import re
import socket
import urllib.parse
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from driftline_core.errors import InvalidInput
from driftline_server.notify.failures import Permanent, Retryable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_BYTES_MAX = 2048
ADDRESSES_MAX = 16
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_NUMBER = re.compile(r"(\d+|0x[0-9a-f]*)\Z")
_DEFAULT_PORT = {"http": 80, "https": 443}
# Web servers answer on these and above 1023, but for a few where other protocols do and could be spoken to by a crafted body.
_LOW_PORTS = frozenset((80, 443))
_OTHER_PROTOCOLS = frozenset((1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, *range(6665, 6670), 6697, 10080))


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part) for part in text.split())


# The first that holds an address says what it is. Clouds' metadata addresses stand before the ranges they are in.
_CLOSED: tuple[tuple[str, tuple[Network, ...]], ...] = (
    ("a cloud's metadata address", _networks("169.254.169.254 fd00:ec2::254 100.100.100.200 192.0.0.192 168.63.129.16")),
    ("unspecified", _networks("0.0.0.0/8 ::/128")),
    ("link-local", _networks("169.254.0.0/16 fe80::/10 fec0::/10")),
    ("multicast", _networks("224.0.0.0/4 ff00::/8")),
    ("a tunnel or translation", _networks("192.88.99.0/24 64:ff9b:1::/48 2001::/23 2002::/16")),
    ("for documentation", _networks("192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20")),
    ("reserved", _networks("192.0.0.0/24 240.0.0.0/4 100::/64 5f00::/16")),
)
_PRIVATE: tuple[tuple[str, tuple[Network, ...]], ...] = (
    ("loopback", _networks("127.0.0.0/8 ::1/128")),
    ("private", _networks("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7")),
    ("shared by a carrier", _networks("100.64.0.0/10")),
    ("for benchmarks", _networks("198.18.0.0/15")),
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """An http(s) address taken apart. The path is not shown: with many services it is the credential."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """What may be shown of it: everything up to the path."""
        return f"{self.scheme}://{self.authority}/{'…' if self.path != '/' else ''}"


def parse_url(url: str, *, field: str) -> Target:
    """Takes an http(s) URL apart. Raises InvalidInput, never with the path in it.

    >>> parse_url("https://Hooks.Example.com/T0/secret", field="webhook").shown
    'https://hooks.example.com/…'
    """
    if len(url) > URL_BYTES_MAX or not url.isascii() or not url.isprintable() or any(char in url for char in ' \\"<>^`{|}'):
        raise InvalidInput(
            f"{field} is no URL: write at most {URL_BYTES_MAX} printable ASCII characters, others percent-encoded in the path "
            "and as xn--… in the host",
            field=field,
        )
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput(f"{field} has a host or port that cannot be read; write https://host:port/path", field=field) from None
    if parts.scheme not in _DEFAULT_PORT:
        raise InvalidInput(f"{field} has scheme {parts.scheme!r}; write an http:// or https:// address", field=field)
    if "@" in parts.netloc:
        raise InvalidInput(
            f"{field} holds a user or password; put it in a secret and name that: authorization = 'env:NAME'", field=field
        )
    if parts.fragment:
        raise InvalidInput(f"{field} has a fragment (#…), which is never sent; leave it out", field=field)
    host = parse_host(parts.netloc.rpartition(":")[0] if port is not None else parts.netloc.removesuffix(":"), field=field)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, parse_port(_DEFAULT_PORT[parts.scheme] if port is None else port, field=field), path)


def parse_host(text: str, *, field: str, whole: str = "https://host/path") -> str:
    """A host name in lower case without its final dot, or a literal address in canonical form. Raises InvalidInput.

    `whole` is how what the host stands in is written, to be told where it cannot be read.

    >>> parse_host("Example.COM.", field="webhook"), parse_host("[::FFFF:10.0.0.1]", field="webhook")
    ('example.com', '::ffff:a00:1')
    """
    if text.startswith("[") and text.endswith("]"):
        try:
            address = IPv6Address(text[1:-1])
        except ValueError:
            address = None
        if address is None or address.scope_id is not None:
            raise InvalidInput(f"{field} has an IPv6 address that cannot be read, or one with a scope", field=field)
        return str(address)
    host = text.lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise InvalidInput(f"{field} has no host name that can be read; write {whole}", field=field)
    if _NUMBER.match(labels[-1]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise InvalidInput(
                f"{field} has an IPv4 address in an odd notation; write it as four decimal numbers", field=field
            ) from None
    return host


def parse_port(port: int, *, field: str) -> int:
    if port not in _LOW_PORTS and (not 1024 <= port <= 65535 or port in _OTHER_PROTOCOLS):
        raise InvalidInput(f"{field} has port {port}, where no web server answers; use 443, 80 or one above 1023", field=field)
    return port


def refusal(address: Address, *, allow_private: bool) -> str | None:
    """Why a message may not go to this address; None where it may.

    >>> refusal(IPv4Address("10.0.0.1"), allow_private=False), refusal(IPv4Address("10.0.0.1"), allow_private=True)
    ('private', None)
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or _inside(address)
        if inner is not None:
            return refusal(inner, allow_private=allow_private)
    for kind, networks in _CLOSED:
        if any(address in network for network in networks):
            return kind
    for kind, networks in _PRIVATE:
        if any(address in network for network in networks):
            return None if allow_private else kind
    return "reserved" if isinstance(address, IPv6Address) and address not in _GLOBAL_V6 else None


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a translated (64:ff9b::/96) or compatible (::/96) one reaches."""
    low = int(address) & 0xFFFFFFFF
    if address in _NAT64 or (address in _COMPATIBLE and low > 1):
        return IPv4Address(low)
    return None


def check_literal(host: str, *, allow_private: bool, field: str) -> None:
    """Raises InvalidInput where the host is a literal address to which nothing may go; names are looked up when sending."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    kind = refusal(address, allow_private=allow_private)
    if kind is not None:
        raise InvalidInput(f"{field} is {host}, an address that is {kind}; {_remedy(address, allow_private)}", field=field)


def resolve(host: str, port: int, *, allow_private: bool) -> tuple[str, ...]:
    """Every address of a host, looked up once and all checked, in the resolver's order.

    Raises Retryable where the name has none now, Permanent where any of them is closed to this receiver.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Retryable(f"{host} has no address: {getattr(error, 'strerror', None) or 'the name cannot be looked up'}") from None
    names = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for name in names:
        address = ipaddress.ip_address(name)
        kind = refusal(address, allow_private=allow_private)
        if kind is not None:
            where = name if name == host else f"{host} ({name})"
            raise Permanent(f"{where} is an address that is {kind}; {_remedy(address, allow_private)}")
    return tuple(names[:ADDRESSES_MAX])


def _remedy(address: Address, allow_private: bool) -> str:
    if not allow_private and refusal(address, allow_private=True) is None:
        return "if that is meant, set allow_private = true for this receiver, or callbacks_private = true for callbacks of clients"
    return "no message is sent there"
