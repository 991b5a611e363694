"""Where a webhook may lead: a public address, or one that the settings allow, and nowhere else.

A name is resolved once; the addresses that come out of that are judged and connected to, so that a name which
changes between the look and the connection gains nothing.
"""

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from sessiontrack.exceptions import InvalidInput, TargetRefused, TargetUnreachable

LONGEST_URL = 2048
PORTS = {"http": 80, "https": 443}
REMEDY = "To allow it: sessiontrack settings set WEBHOOK_ALLOW, with all networks that receivers are in."
Address = IPv4Address | IPv6Address
Networks = Iterable[IPv4Network | IPv6Network]
Resolver = Callable[..., Iterable[tuple[Any, ...]]]

# Beside what the standard library calls not global, which depends on its version: addresses with one of
# another kind inside of them (who opens that up is not known here), protocol assignments, segment ids.
NOT_PUBLIC = tuple(
    ip_network(each)
    for each in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
# What a browser or the C library takes for an IPv4 address, in whichever notation: 127.1, 0x7f.1, 2130706433.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """A URL, taken apart.

    path: with the query, as it is asked for.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL as lists and logs show it: many receivers know their senders by a secret in the path."""
        return f"{self.scheme}://{self.authority}/{'...' if self.path != '/' else ''}"


def read_target(url: str) -> Target:
    """Take a URL apart.

    Raises:
        InvalidInput: it is none, or not one for a webhook; the message does not repeat it.
    """
    wrong = "A webhook's URL is like https://host/path: http or https, without user, password or fragment."
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidInput(wrong)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput(wrong) from None
    if parts.scheme not in PORTS or "@" in parts.netloc or parts.fragment or port == 0:
        raise InvalidInput(wrong)
    if not _is_host(host):
        raise InvalidInput("A webhook's host is a name or an address in its usual notation.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def _is_host(host: str) -> bool:
    if ":" in host or _NUMERIC.fullmatch(host):
        try:
            # A zone (fe80::1%eth0) is of this host alone.
            return "%" not in host and (":" in host or str(ip_address(host)) == host)
        except ValueError:
            return False
    return len(host) <= 253 and _NAME.fullmatch(host) is not None


def is_allowed(address: Address, allowed: Networks) -> bool:
    """Whether to connect there: a public address of one host, or one of the networks that are allowed."""
    if _is_in(address, allowed):
        return True
    is_one_host = address.is_global and not address.is_multicast and not address.is_reserved
    return is_one_host and not _is_in(address, NOT_PUBLIC)


def _is_in(address: Address, networks: Networks) -> bool:
    return any(address.version == each.version and address in each for each in networks)


def addresses_of(target: Target, allowed: Networks, resolve: Resolver = socket.getaddrinfo) -> list[str]:
    """Where to connect to, best first: what the name means now, less what is not allowed.

    Raises:
        TargetRefused: none of the addresses is allowed.
        TargetUnreachable: the name has no address just now.
    """
    try:
        found = resolve(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TargetUnreachable(f"{target.host} has no address just now.") from None
    # In the order of the resolver, each once.
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    chosen = [each for each in addresses if is_allowed(ip_address(each), allowed)]
    if not chosen:
        shown = ", ".join(addresses[:3]) or "nothing"
        is_itself = addresses == [target.host]
        subject = f"{shown} is" if is_itself else f"{target.host} leads to {shown}:"
        raise TargetRefused(f"{subject} not a public address, and not in WEBHOOK_ALLOW. {REMEDY}")
    return chosen


def check_target(url: str, allowed: Networks, resolve: Resolver = socket.getaddrinfo) -> Target:
    """What can be said of a URL before anything is sent; a name without an address now may have one later.

    Raises:
        InvalidInput: it is no URL for a webhook, or leads where it may not.
    """
    target = read_target(url)
    try:
        addresses_of(target, allowed, resolve)
    except TargetRefused as error:
        raise InvalidInput(error.message) from error
    except TargetUnreachable:
        pass
    return target
