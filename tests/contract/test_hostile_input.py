"""Contract 2: no input gets a 5xx, and what cannot be read is refused and never guessed."""

import json
from io import BytesIO
from typing import Any

import pytest

from sessiontrack.http.json_body import LARGE, SMALL, BodyLimits
from tests.contract.test_contract_2 import QUERIES, every_call
from tests.contract.test_errors import MAC, SESSION, assert_error
from tests.support.application import Clients

TIMES = ("2025-08-01T10:00:00", "2025-08-01T12:00:00")


def refused(clients: Clients, body: bytes | str) -> dict[str, Any]:
    response = clients.operator.post("/sessions/create", data=body)
    assert clients.viewer.ok("GET", "/sessions/list")["sessions"] == []
    return assert_error(response, 400, "bad_request")


def with_field(name: str, value: str) -> str:
    """A session to create in which one field is this piece of JSON."""
    rest = json.dumps({k: v for k, v in SESSION.items() if k != name})
    return f'{rest[:-1]}, "{name}": {value}}}'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("[" * 60_000, id="nested lists"),
        pytest.param('{"a":' * 10_000, id="nested objects"),
        pytest.param('{"mac":' + "[" * 30_000 + "]" * 30_000 + "}", id="nested and closed"),
        pytest.param("", id="empty"),
        pytest.param("   ", id="blank"),
        pytest.param("{", id="cut off"),
        pytest.param("{}{}", id="two objects"),
        pytest.param("{'mac': 1}", id="single quotes"),
        pytest.param("[]", id="list"),
        pytest.param("null", id="null"),
        pytest.param('"text"', id="text"),
        pytest.param("1", id="number"),
        pytest.param("9" * 5000, id="huge number"),
        pytest.param("NaN", id="NaN"),
        pytest.param('{"a": NaN}', id="NaN inside"),
        pytest.param('{"a": -Infinity}', id="Infinity"),
        pytest.param(b'{"mac": "\xff"}', id="not UTF-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param("mac=aabbccddeeff", id="a form"),
        pytest.param('{"a": "\\ud800"}', id="half of a surrogate pair"),
        pytest.param('{"\\udfff": 1}', id="half of a surrogate pair as a name"),
        pytest.param('{"a": "\x00"}', id="NUL in a text"),
    ],
)
def test_contract_2_a_body_that_is_no_json_object_is_400(clients: Clients, body: bytes | str) -> None:
    refused(clients, body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, str(2**63)) for name in SESSION),
        *((name, "1.9") for name in SESSION),
        *((name, "true") for name in SESSION),
        *((name, "null") for name in SESSION),
        *((name, '["x"]') for name in SESSION),
        *((name, '{"a": 1}') for name in SESSION),
        *((name, '""') for name in SESSION),
        *((name, '"\\u0000"') for name in SESSION),
        ("start_time", '"1e9"'),
        ("start_time", '"7"'),
        ("start_time", '"12345678901234567890"'),
        ("start_time", '"2025-02-30"'),
        ("start_time", '"10:00"'),
        ("start_time", '"tomorrow"'),
        ("start_time", '"0000-01-01"'),
        ("start_time", '"9999-12-31T23:59:59-12:00"'),
        ("start_time", "1754042400"),
        ("mac", '"aa:bb:cc:dd:ee:fg"'),
        ("mac", '"aa:bb-cc:dd-ee:ff"'),
        ("mac", '"\\uff41\\uff41:bb:cc:dd:ee:ff"'),
        ("ip", '"192.168.1.256"'),
        ("ip", '"192.168.01.1"'),
        ("ip", '"192.168.1.10/24"'),
        ("event_type_conn", '"a\\u0000b"'),
        ("event_type_conn", json.dumps("x" * 65)),
        ("event_type_disc", "1"),
    ],
)
def test_contract_2_an_invalid_field_is_400_and_named(clients: Clients, name: str, value: str) -> None:
    assert set(refused(clients, with_field(name, value))["errors"]) == {name}


def test_contract_2_a_field_that_stands_twice_is_refused_by_name(clients: Clients) -> None:
    body = refused(clients, with_field("start_time", f'"{TIMES[0]}", "start_time": "{TIMES[1]}"'))
    assert set(body["errors"]) == {"start_time"}


@pytest.mark.parametrize("visible", ["1", "0", '"true"', "null", "1.0", "[]"])
def test_contract_2_and_4_visible_is_a_json_boolean(clients: Clients, visible: str) -> None:
    clients.viewer.ok("POST", "/api/v2/sessionstart")
    response = clients.viewer.post("/api/v2/keepalive", data=f'{{"visible": {visible}, "path": "a"}}')
    assert set(assert_error(response, 400, "bad_request")["errors"]) == {"visible"}


LISTS = ("/sessions/list", f"/sessions/{MAC}", "/sessions/session-events", "/api/v2/sessions", "/auth/tokens")
NO_LIMIT = ["0", "-1", "1001", "1.9", "1e2", " 1", "+1", "0x10", "abc", "\u0661", "1\x00"]


@pytest.mark.parametrize("limit", [*NO_LIMIT, str(2**63), "9" * 5000])
@pytest.mark.parametrize("path", LISTS)
def test_contract_2_a_limit_out_of_range_is_400(clients: Clients, path: str, limit: str) -> None:
    # Only objects alone are limited to what other lists are; a table's "All" is capped.
    shape = {"format": "json"} if path == "/sessions/session-events" else {}
    response = clients.admin.get(path, {"limit": limit, **shape})
    assert set(assert_error(response, 400, "bad_request")["errors"]) == {"limit"}


@pytest.mark.parametrize("offset", ["-1", "1.5", "abc", str(2**63), "9" * 5000])
@pytest.mark.parametrize("path", LISTS)
def test_contract_2_an_offset_out_of_range_is_400(clients: Clients, path: str, offset: str) -> None:
    response = clients.admin.get(path, {"offset": offset})
    assert set(assert_error(response, 400, "bad_request")["errors"]) == {"offset"}


def test_contract_2_far_pages_are_empty(clients: Clients) -> None:
    far = {"limit": "1000", "offset": str(10**12)}
    for path in ("/api/v2/sessions", "/auth/tokens"):
        assert clients.admin.ok("GET", path, query_string=far) == []
    for path in ("/sessions/list", f"/sessions/{MAC}"):
        assert clients.admin.ok("GET", path, query_string=far)["sessions"] == []
    for extra in ({"limit": "1000"}, {"limit": "100000", "format": "datatables"}):
        query = {"page": str(10**12), **extra}
        answer = clients.admin.ok("GET", "/sessions/session-events", query_string=query)
        assert answer.get("events", answer.get("data")) == []


@pytest.mark.parametrize("page", ["0", "-1", "1.5", "x", str(2**63), "9" * 5000])
def test_contract_2_a_page_out_of_range_is_400(clients: Clients, page: str) -> None:
    response = clients.viewer.get("/sessions/session-events", {"page": page})
    assert set(assert_error(response, 400, "bad_request")["errors"]) == {"page"}


BAD_TIMES = ["7", "1e9", "12345678901234567890", "2025-13-01", "10:00", "\x00", "now", "2025-08-01T25:00"]


@pytest.mark.parametrize("text", BAD_TIMES)
@pytest.mark.parametrize("name", ["start_date", "end_date"])
def test_contract_2_an_unreadable_instant_is_400(clients: Clients, name: str, text: str) -> None:
    body = assert_error(clients.viewer.get("/sessions/list", {name: text}), 400, "bad_request")
    assert set(body["errors"]) == {name}
    assert "YYYY-MM-DD" in body["message"]


@pytest.mark.parametrize("text", ["1e9", "-1", "1.5", "12345678901234567890", "9" * 5000, "999999999999"])
@pytest.mark.parametrize("name", ["started_after", "stopped_before"])
def test_contract_2_an_unreadable_timestamp_is_400(clients: Clients, name: str, text: str) -> None:
    body = assert_error(clients.viewer.get("/api/v2/sessions", {name: text}), 400, "bad_request")
    assert set(body["errors"]) == {name}
    assert "epoch seconds" in body["message"]


def test_contract_2_many_names_are_refused(clients: Clients) -> None:
    for path in ("/api/v2/sessions", "/api/v2/session-stats"):
        most = "&".join(["usernames[]=a"] * 1000)
        assert clients.viewer.ok("GET", f"{path}?{most}") == []
        response = clients.viewer.get(f"{path}?{most}&usernames[]=a")
        assert set(assert_error(response, 400, "bad_request")["errors"]) == {"usernames[]"}


@pytest.mark.parametrize(
    "query", ["%ff=%ff", "=", "a%00b=1", "%ed%a0%80=1", "&".join(f"a{n}=1" for n in range(999))]
)
def test_contract_2_strange_parameters_are_refused(clients: Clients, query: str) -> None:
    response = clients.viewer.get(f"/sessions/list?{query}")
    assert assert_error(response, 400, "bad_request")["errors"]


def test_contract_2_strange_search_texts_are_only_texts(clients: Clients) -> None:
    for text in ("%", "_", "\\", "'", '"', "\ud800".encode("utf-8", "surrogatepass"), "x" * 255):
        answer = clients.viewer.ok("GET", "/sessions/session-events", query_string={"search": text})
        assert answer["total"] == 0
    for text in ("x" * 256, "\x00"):
        response = clients.viewer.get("/sessions/session-events", {"search": text})
        assert set(assert_error(response, 400, "bad_request")["errors"]) == {"search"}


# --- the limits: 16 MiB of a scan, 64 KiB of anything else


def chunked(body: bytes) -> dict[str, Any]:
    """As a server hands over a body without Content-Length."""
    environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    return {"input_stream": BytesIO(body), "environ_overrides": environ}


def padded(body: dict[str, Any], size: int) -> bytes:
    written = json.dumps(body).encode()
    return written + b" " * (size - len(written))


LIMITS = [
    pytest.param("/sessions/create", SESSION, SMALL, id="64 KiB"),
    pytest.param("/presence/scans", {"source": "arp", "devices": [{"mac": MAC}]}, LARGE, id="16 MiB"),
]


@pytest.mark.parametrize(("path", "body", "limits"), LIMITS)
def test_contract_2_a_body_of_the_limit_is_read(
    clients: Clients, path: str, body: dict[str, Any], limits: BodyLimits
) -> None:
    whole = padded(body, limits.length)
    assert clients.operator.post(path, data=whole).status_code == 200
    assert clients.operator.post(path, **chunked(whole)).status_code == 200


@pytest.mark.parametrize(("path", "body", "limits"), LIMITS)
def test_contract_2_413_one_byte_over_the_limit(
    clients: Clients, path: str, body: dict[str, Any], limits: BodyLimits
) -> None:
    too_long = padded(body, limits.length + 1)
    for kwargs in ({"data": too_long}, chunked(too_long)):
        response = clients.operator.post(path, headers={"Accept": "text/html"}, **kwargs)
        assert_error(response, 413, "payload_too_large")
        assert clients.viewer.ok("GET", "/sessions/list")["sessions"] == []


def test_contract_2_only_a_scan_may_be_longer_than_64_kib(clients: Clients) -> None:
    """A GET has no body, and is refused as any other."""
    for method, path in every_call(clients.app):
        if path != "/presence/scans":
            query = QUERIES.get(path)
            response = clients.admin.call(method, path, data=padded({}, SMALL.length + 1), query_string=query)
            if path != "/auth/refresh":
                assert_error(response, 413, "payload_too_large")


def test_contract_2_a_body_that_cannot_be_read_is_400(clients: Clients) -> None:
    class Broken(BytesIO):
        """What servers raise at a malformed chunk is an exception of their own."""

        def read(self, size: int | None = -1) -> bytes:
            raise RuntimeError("Invalid chunk size: zz")

        readinto = None  # type: ignore[assignment]

    broken = {**chunked(b""), "input_stream": Broken()}
    assert_error(clients.operator.post("/sessions/create", **broken), 400, "bad_request")
