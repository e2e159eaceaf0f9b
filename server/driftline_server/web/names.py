"""Whose name a request asks for: on loopback only names of this machine, so that no stranger's name can lead a browser here."""

import ipaddress
from collections.abc import Collection


def is_meant(host: str, hosts: Collection[str]) -> bool:
    """Whether a Host header names loopback or one of `hosts`; a browser always sends one, so none at all is let through.

    >>> is_meant("127.0.0.1:8433", ()), is_meant("[::1]:8433", ()), is_meant("evil.example", ()), is_meant("", ())
    (True, True, False, True)
    """
    name = host_of(host)
    if not host or name == "localhost" or name in hosts:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_of(authority: str) -> str:
    """The name in HOST:PORT, as names are compared.

    >>> host_of("[::1]:8433"), host_of("Drift.example.com.")
    ('::1', 'drift.example.com')
    """
    host = authority.rpartition("]")[0] if authority.startswith("[") else authority.partition(":")[0]
    return host.strip("[").rstrip(".").lower()
