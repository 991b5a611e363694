"""Contract 2: a path that is no plain one is not found, or refused; never a fault of the server's."""

import pytest
from flask import Flask

from tests.contract.test_errors import assert_error
from tests.support.application import Clients

# As a WSGI server hands it over: decoded from percent signs, each byte a character.
STRANGE = {
    "NUL": "\x00",
    "NUL in a word": "a\x00b",
    "control character": "\x1b[2J",
    "C1 control": "\u0085".encode().decode("latin-1"),
    "not UTF-8": "\xff\xfe",
    "overlong": "a" * 5000,
    "overlong segments": "a/" * 3000,
    "dot segments": "../../../etc/passwd",
    "dots alone": "..",
    "backslash": "..\\..\\etc\\passwd",
    "decoded slash": "a/b",
    "doubled slash": "/etc/passwd",
    "right-to-left": "\u202egnp.exe".encode().decode("latin-1"),
}


def prefixes(app: Flask) -> set[str]:
    """What each address of the application begins with, up to its first variable."""
    return {"/", *(rule.rule.partition("<")[0] for rule in app.url_map.iter_rules())}


@pytest.mark.parametrize("path", STRANGE.values(), ids=STRANGE.keys())
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_contract_2_a_strange_path_is_400_or_404(clients: Clients, method: str, path: str) -> None:
    for prefix in prefixes(clients.app):
        for client in (clients.nobody, clients.admin):
            address = prefix + ("" if prefix.endswith("/") else "/") + path
            response = client.call(method, "/", environ_overrides={"PATH_INFO": address, "REQUEST_URI": "/"})
            if path.isascii() and not path.isprintable():
                assert_error(response, 404, "not_found")
            assert response.status_code in (302, 400, 401, 403, 404, 405), (method, address)


HEADERS = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Cookie",
    "Forwarded",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Origin",
    "Range",
    "Referer",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Site",
    "Transfer-Encoding",
    "User-Agent",
    "X-CSRF-TOKEN",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Request-Id",
)
VALUES = (
    "",
    "\x00",
    "\xff\xfe",
    "9" * 5000,
    "bytes=" + "9" * 5000 + "-",
    "bytes=-1,0-,5-4",
    "Bearer \xff.\xff.\xff",
    "Bearer st_\xff",
    "Basic \xff",
    'text/html;q="',
    "text/html;q=1e999,*/*;q=nan",
    "=;=;=;sessiontrack_access=\xff.\xff.\xff",
    '"' + "\\" * 4000,
    "Thu, 99 Jan 99999 99:99:99 GMT",
    "Mon, 01 Jan 0000 00:00:00 GMT",
    "//evil.example/..%2f\\",
    "[::1",
)


@pytest.mark.parametrize("header", HEADERS)
def test_contract_2_no_header_of_a_stranger_is_a_fault(clients: Clients, header: str) -> None:
    addresses = ("/ui/login", "/static/licenses.txt", "/auth/me", "/nothing")
    for value in VALUES:
        for address in addresses:
            response = clients.nobody.call("GET", address, headers={header: value})
            assert response.status_code < 500, (value, address)
        response = clients.nobody.call("POST", "/auth/login", data="{}", headers={header: value})
        assert response.status_code in (400, 403, 415), value
