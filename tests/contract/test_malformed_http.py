"""Contract 2, against the real server: what is no HTTP request, and bodies that are too long."""

import json
import socket
from contextlib import suppress
from typing import Any

import pytest

from sessiontrack.http.json_body import SMALL
from tests.support.application import LiveServer
from tests.support.waiting import SECONDS

POST = b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def send(live: LiveServer, request: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body of the one answer, after which the server closes the connection.

    It may answer and close before it has read everything.
    """
    with socket.create_connection(("127.0.0.1", live.server.port), timeout=SECONDS) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    assert "content-type: application/json" in [line.lower() for line in lines[1:]]
    return int(lines[0].split()[1]), json.loads(body)


def assert_shape(body: dict[str, Any], code: str) -> None:
    assert set(body) == {"success", "error", "message"}
    assert (body["success"], body["error"]) == (False, code)
    assert body["message"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"garbage\r\n\r\n", 400, id="no request line"),
        pytest.param(b"GET /healthz HTTP/9.9\r\n\r\n", 400, id="unknown version"),
        pytest.param(b'GE"T /healthz HTTP/1.1\r\n\r\n', 400, id="malformed method"),
        pytest.param(b"GET /\xff HTTP/1.1\r\n\r\n", 400, id="raw byte in the address"),
        pytest.param(GET + b"X A: b\r\n\r\n", 400, id="malformed header"),
        pytest.param(GET + b"X-A: " + b"a" * 65_536 + b"\r\n\r\n", 431, id="64 KB header"),
        pytest.param(GET + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n", 431, id="200 headers"),
        pytest.param(b"GET /?" + b"a" * 65_536 + b" HTTP/1.1\r\n\r\n", 414, id="64 KB address"),
        pytest.param(POST + b"Content-Length: -2\r\n\r\n{}", 400, id="negative length"),
        pytest.param(POST + b"Content-Length: x\r\n\r\n{}", 400, id="length is no number"),
        pytest.param(POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, id="two lengths"),
        pytest.param(
            POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            400,
            id="length and chunks",
        ),
        pytest.param(POST + b"Transfer-Encoding: weird\r\n\r\n", 400, id="unknown transfer coding"),
        pytest.param(POST + b"Expect: weird\r\n\r\n", 417, id="unknown expectation"),
        pytest.param(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400, id="chunk size is no number"),
        pytest.param(CHUNKED + b"2\r\n{}xx0\r\n\r\n", 400, id="chunk without its end"),
    ],
)
def test_contract_2_the_servers_own_errors_have_the_shape(
    live: LiveServer, request_bytes: bytes, status: int
) -> None:
    answered, body = send(live, request_bytes)
    assert answered == status
    assert_shape(body, "bad_request")


@pytest.mark.parametrize("size", [SMALL.length, SMALL.length + 1])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_contract_2_413_one_byte_over_64_kib_from_the_real_server(
    live: LiveServer, size: int, in_chunks: bool
) -> None:
    # No field is known: a body that was read is 400 for another reason.
    content = b'{"x": 1}' + b" " * (size - 8)
    closing = POST + b"Connection: close\r\n"
    if in_chunks:
        request = closing + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, content)
    else:
        request = closing + b"Content-Length: %d\r\n\r\n%s" % (size, content)
    status, body = send(live, request)
    if size > SMALL.length:
        assert status == 413
        assert_shape(body, "payload_too_large")
    else:
        assert status == 400
        assert "x" in body["errors"]


def test_contract_2_a_huge_length_is_413_before_anything_is_read(live: LiveServer) -> None:
    status, body = send(live, POST + b"Connection: close\r\nContent-Length: " + b"9" * 20 + b"\r\n\r\n{}")
    assert status == 413
    assert_shape(body, "payload_too_large")
