"""Reverse proxies: whose `X-Forwarded-*` headers are believed, and from which end they are read.

`X-Request-Id` goes with them: only a trusted proxy names a request.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from werkzeug.middleware.proxy_fix import ProxyFix

from sessiontrack.config import Networks

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORWARDED = ("FOR", "PROTO", "HOST", "PORT", "PREFIX")


class TrustedProxies:
    """Middleware: headers of a trusted proxy are used, anybody else's are dropped.

    Of the addresses in `X-Forwarded-For`, the last one that is no trusted proxy's is the client: those
    before it are the client's own words.
    """

    def __init__(self, app: "WSGIApplication", trusted: Networks) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not self._is_trusted(environ.get("REMOTE_ADDR", "")):
            for name in FORWARDED:
                environ.pop(f"HTTP_X_FORWARDED_{name}", None)
            environ.pop("HTTP_X_REQUEST_ID", None)
            return self._app(environ, start_response)
        hops = self._hops(environ.get("HTTP_X_FORWARDED_FOR", ""))
        fixed = ProxyFix(self._app, x_for=hops, x_proto=1, x_host=1, x_prefix=1)
        return fixed(environ, start_response)

    def _hops(self, forwarded_for: str) -> int:
        addresses = [part.strip() for part in forwarded_for.split(",")]
        trailing = 0
        for address in reversed(addresses):
            if not self._is_trusted(address):
                break
            trailing += 1
        return min(trailing + 1, len(addresses))

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
