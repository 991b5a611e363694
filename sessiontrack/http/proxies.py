"""Reverse proxies: whose `X-Forwarded-*` headers are believed, how they are read, and whom they sign in.

`X-Request-Id` goes with them: only a trusted proxy names a request.
"""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from werkzeug.middleware.proxy_fix import ProxyFix

from sessiontrack.exceptions import Unauthorized
from sessiontrack.http.errors import error_body, refuse
from sessiontrack.values.names import is_name
from sessiontrack.values.setting_texts import Networks

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# IPv6 with an IPv4 tail; a zone can be of any length.
LONGEST_ADDRESS = 45
PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
NO_PREFIX = "X-Forwarded-Prefix is not a path of ordinary segments, like /sessiontrack."
SCHEMES = ("http", "https")
FORWARDED = ("FOR", "PROTO", "HOST", "PORT", "PREFIX")


class TrustedProxies:
    """Middleware: headers of a trusted proxy are used, anybody else's are dropped.

    Of the addresses in `X-Forwarded-For`, the last one that is no trusted proxy's is the client: those
    before it are the client's own words.

    Args:
        user_header: the header in which a trusted proxy names the user; "" for none.
    """

    def __init__(self, app: "WSGIApplication", trusted: Networks, user_header: str = "") -> None:
        self._app = app
        self._trusted = trusted
        self._dropped = ["HTTP_X_REQUEST_ID", *(f"HTTP_X_FORWARDED_{name}" for name in FORWARDED)]
        if user_header:
            self._dropped.append(_variable(user_header))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not self._is_trusted(environ.get("REMOTE_ADDR", "")):
            for name in self._dropped:
                environ.pop(name, None)
            return self._app(environ, start_response)
        if not _is_plain(environ.get("HTTP_X_FORWARDED_PREFIX", "")):
            return refuse(start_response, HTTPStatus.BAD_REQUEST, error_body("bad_request", NO_PREFIX))
        if environ.get("HTTP_X_FORWARDED_PROTO", "http").lower() not in SCHEMES:
            del environ["HTTP_X_FORWARDED_PROTO"]
        hops = self._hops(environ.get("HTTP_X_FORWARDED_FOR", ""))
        fixed = ProxyFix(self._app, x_for=hops, x_proto=1, x_host=1, x_prefix=1)
        return fixed(environ, start_response)

    def _hops(self, forwarded_for: str) -> int:
        addresses = [part.strip() for part in forwarded_for.split(",")]
        trailing = 0
        for address in reversed(addresses):
            if not self._is_trusted(address):
                # What is no address (`unknown`) says nothing: the client is then the proxy that sent it.
                return trailing + _is_address(address)
            trailing += 1
        return trailing

    def _is_trusted(self, address: Any) -> bool:
        if not self._trusted:
            return False
        try:
            found = ip_address(address)
        except ValueError:
            return False
        # An IPv6 socket gives the address of an IPv4 client in this form.
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self._trusted)


def user_named_by_proxy(environ: Mapping[str, Any], header: str) -> str | None:
    """Whom a trusted proxy has authenticated; None where it names nobody.

    Behind TrustedProxies, which has dropped the header where it came from anybody else.

    Args:
        header: the setting; "" where no proxy signs anybody in.
    Raises:
        Unauthorized: the header names no one user. Servers join a repeated header by commas, and which name
        is then the proxy's cannot be known: so a name has no comma.
    """
    sent = environ.get(_variable(header), "").strip() if header else ""
    if not sent:
        return None
    try:
        # WSGI hands over bytes, each as one character.
        name: str = sent.encode("latin-1").decode()
    except UnicodeError as error:
        raise Unauthorized(f"The header {header} is not UTF-8.") from error
    if "," in name or not is_name(name):
        raise Unauthorized(f"The header {header} does not name one user.")
    return name


def _is_plain(prefix: str) -> bool:
    """Whether redirects and cookies may begin with it: it leads nowhere else."""
    # Of several, ProxyFix takes the last.
    prefix = prefix.rpartition(",")[2].strip()
    return PREFIX.fullmatch(prefix) is not None and not {".", ".."} & set(prefix.split("/"))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return len(text) <= LONGEST_ADDRESS


def _variable(header: str) -> str:
    """Its name in a WSGI environment."""
    return f"HTTP_{header.upper().replace('-', '_')}"
