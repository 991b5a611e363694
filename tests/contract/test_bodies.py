"""Contract 2: bodies that are nearly JSON, begin with a byte order mark, or are compressed."""

import gzip
import json
from typing import Any

import pytest

from tests.contract.test_errors import SESSION, assert_error
from tests.support.application import Clients

# The source document's own example, in which a comma is missing.
KEEPALIVE = """{
    "visible":true
    "path":"[/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8,view-tab_edd5855b-54f1-4c51-9550-d88c2da60768]"
}"""


@pytest.mark.parametrize(
    ("path", "body", "line", "column"),
    [
        ("/api/v2/keepalive", KEEPALIVE, 3, 5),
        ("/sessions/create", '{"mac": "AA:BB:CC:DD:EE:FF",\n  // optional\n}', 2, 3),
        ("/sessions/create", "{'mac': 1}", 1, 2),
        ("/sessions/create", '{"mac": ', 1, 9),
        ("/sessions/create", '{"mac": 1}}', 1, 11),
        ("/presence/scans", '{"source": "arp",\n\n "devices": [}', 3, 14),
        ("/auth/login", "username", 1, 1),
        ("/sessions/create", '{"mac": "NaN",\n "ip": NaN}', 2, 8),
        ("/sessions/create", '{"mac\\"": "-", "ip": [1, -Infinity]}', 1, 26),
        ("/sessions/create", '{"ip": ' + "9" * 5_000 + "}", 1, 8),
        ("/sessions/create", '{"mac": "\\\\ud800 \\ud83d\\ude00 \\ud83d"}', 1, 31),
        ("/sessions/create", '{"a": 1,\n "\\udc00": 2}', 2, 3),
        ("/sessions/create", b'{"mac":\n "\xc3\xa9\xff"}', 2, 4),
        ("/sessions/create", '{"mac": "AA:BB:CC:DD:EE:FF"}'.encode("utf-16"), 1, 1),
    ],
)
def test_contract_2_malformed_json_is_answered_with_line_and_column(
    clients: Clients, path: str, body: str | bytes, line: int, column: int
) -> None:
    answer = clients.operator.call("POST", path, data=body)
    message = assert_error(answer, 400, "bad_request")["message"]
    assert f"line {line}, column {column}" in message


@pytest.mark.parametrize("body", [b"\xff{}", b'{"mac": NaN}', b'{"mac": "\\ud800"}', b"[" * 90_000])
def test_contract_2_what_else_is_no_json_is_refused_too(clients: Clients, body: bytes) -> None:
    assert_error(clients.operator.call("POST", "/presence/scans", data=body), 400, "bad_request")


def test_contract_2_a_byte_order_mark_is_skipped(clients: Clients) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(SESSION).encode()
    assert clients.operator.call("POST", "/sessions/create", data=body).status_code == 200
    twice = b"\xef\xbb\xbf" + body
    assert_error(clients.operator.call("POST", "/sessions/create", data=twice), 400, "bad_request")
    empty = clients.operator.call("POST", "/api/v2/sessionstart", data=b"\xef\xbb\xbf")
    assert empty.status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, identity", "x-unknown"])
def test_contract_2_a_compressed_body_is_415_and_says_so(clients: Clients, encoding: str) -> None:
    body = gzip.compress(json.dumps(SESSION).encode())
    for path in ("/sessions/create", "/presence/scans", "/auth"):
        answer = clients.operator.call("POST", path, data=body, headers={"Content-Encoding": encoding})
        error = assert_error(answer, 415, "unsupported_media_type")
        assert "compressed" in error["message"]


def test_contract_2_a_body_that_says_it_is_not_compressed_is_read(clients: Clients) -> None:
    headers: dict[str, Any] = {"Content-Encoding": "identity"}
    answer = clients.operator.call("POST", "/sessions/create", SESSION, headers=headers)
    assert answer.status_code == 200
