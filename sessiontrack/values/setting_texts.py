"""How settings read their text: into numbers, lengths of time, networks, hosts.

Each function takes the text, or makes a function that does. What it raises, ValueError or InvalidPeriod, is
the end of a sentence that says what is wrong.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from sessiontrack.exceptions import InvalidPeriod
from sessiontrack.values.periods import parse_duration

Hosts = tuple[str, ...]
_HOST = re.compile(r"\.?[a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
Networks = tuple[IPv4Network | IPv6Network, ...]
ClientSecrets = tuple[tuple[IPv4Network | IPv6Network, bytes], ...]
_SIZE = re.compile(r"([0-9]{1,12})\s*(|b|kb|mb|gb|tb|kib|mib|gib|tib)", re.ASCII | re.IGNORECASE)
_SIZE_UNITS = {
    "": 1,
    "b": 1,
    **{f"{letter}b": int(1000**power) for power, letter in enumerate("kmgt", start=1)},
    **{f"{letter}ib": int(1024**power) for power, letter in enumerate("kmgt", start=1)},
}
# Headers with another meaning cannot also name the user.
TAKEN_HEADERS = re.compile(
    "(?i)(authorization|connection|content-.*|cookie|host|x-forwarded-.*|x-csrf-token)"
)


def plain(value: str) -> str:
    return value


def folder(value: str) -> Path:
    return Path(value).expanduser().absolute()


def whole(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) <= 12 and least <= int(value) <= most):
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return read


def seconds(least: int, most: int) -> Callable[[str], int]:
    """A number of seconds, or a length of time with its units."""
    read_number = whole(least, most)

    def read(value: str) -> int:
        try:
            return read_number(str(parse_duration(value)))
        except InvalidPeriod:
            return read_number(value)

    return read


def length(value: str) -> int:
    """The seconds of a period whose length does not depend on the calendar; a day is 24 hours."""
    return parse_duration(value)


def length_or_never(value: str) -> int:
    return 0 if value.lower() == "never" else length(value)


def size(value: str) -> int:
    """`500 MB`, `2 GiB` or a plain number of bytes; 0 means no limit."""
    found = _SIZE.fullmatch(value)
    if found is None:
        raise ValueError("must be a number of bytes, like 500 MB or 2 GiB; 0 means no limit")
    unit: int = _SIZE_UNITS[found[2].lower()]
    return int(found[1]) * unit


def one_of(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of: {', '.join(choices)}")
        return value

    return read


def networks(value: str) -> Networks:
    """Addresses and networks, separated by commas or spaces."""
    return tuple(ip_network(part) for part in value.replace(",", " ").split())


def client_secrets(value: str) -> ClientSecrets:
    """`<address or network>=<secret>`, separated by commas; a space may follow a comma."""
    found = []
    for number, part in enumerate(value.split(",") if value.strip() else (), start=1):
        address, _, secret = part.strip().partition("=")
        try:
            network = ip_network(address.strip())
        except ValueError:
            network = None
        if network is None or not secret.strip():
            raise ValueError(f"client {number} is not <address or network>=<secret>")
        found.append((network, secret.strip().encode()))
    return tuple(found)


# This service's own origin, as a Content-Security-Policy writes it.
SELF = "'self'"
_ORIGIN = re.compile(r"https?://([a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)


def origins(value: str) -> tuple[str, ...]:
    """Origins as browsers send them, or `self`, by commas or spaces; the default port is dropped."""
    found = []
    for part in value.replace(",", " ").split():
        if part.strip("'").lower() == "self":
            found.append(SELF)
            continue
        origin = part.lower().removesuffix("/")
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{part} is not an origin like https://portal.example:8443")
        scheme = origin.partition(":")[0]
        found.append(origin.removesuffix({"http": ":80", "https": ":443"}[scheme]))
    return tuple(found)


def hosts(value: str) -> Hosts:
    """Host names without ports, separated by commas or spaces."""
    found = tuple(value.replace(",", " ").lower().split())
    if wrong := [host for host in found if not _HOST.fullmatch(host)]:
        raise ValueError(f"{wrong[0]} is not a host name or address, without a scheme or port")
    return found


def header_name(value: str) -> str:
    """The name of a request header, or nothing."""
    if value and not re.fullmatch("[A-Za-z][A-Za-z0-9-]{0,63}", value):
        raise ValueError("is not the name of a header: letters, digits and hyphens")
    if TAKEN_HEADERS.fullmatch(value):
        raise ValueError("has another meaning already; use a header such as X-Remote-User")
    return value
