"""Contract 2: what a body can cost is bounded, at every call: by counts, since a time says little here."""

import json
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from werkzeug.test import TestResponse

from sessiontrack.http.json_body import LARGE, SMALL
from tests.contract.test_contract_2 import BODIES, PUBLIC, QUERIES, every_call
from tests.contract.test_errors import assert_error
from tests.support.application import Client, Clients

LARGEST_REFUSAL = 16 << 10
# An empty body's calls of functions are some 400; a line for each name would be 9,000 and more.
MOST_CALLS = 10
MOST_MEMORY = 4 << 20
EMOJI = "\U0001f600"


def filled(part: Callable[[int], str], opening: str = "{", closing: str = "}", size: int = 0) -> bytes:
    """As many parts as the limit has room for."""
    room = (size or SMALL.length) - len((opening + closing).encode())
    parts, number = [], 0
    while room >= (length := len((text := part(number)).encode()) + 1):
        parts.append(text)
        room -= length
        number += 1
    return f"{opening}{','.join(parts)}{closing}".encode()


def unknown_names(prefix: str = "") -> bytes:
    return filled(lambda number: f'"{prefix}{number}":0')


HOSTILE = {
    "names": unknown_names(),
    "long names": filled(lambda number: f'"{number}{"x" * 3000}":0'),
    "names of four bytes": unknown_names(EMOJI * 100),
    "names of control characters": unknown_names("\\u0001" * 100),
    "one name again and again": filled(lambda number: '"a":0'),
    "nested names": filled(lambda number: f'"{number}":0', '{"a":{', "}}"),
    "objects": filled(lambda number: "{}", '{"a":[', "]}"),
    "lists": filled(lambda number: "[]", '{"a":[', "]}"),
    "numbers": filled(lambda number: "1e9", '{"a":[', "]}"),
    "texts": filled(lambda number: '""', '{"a":[', "]}"),
    "deep": b'{"a":' + b"[" * 1900 + b"]" * 1900 + b"}",
    "blank": b" " * SMALL.length,
    "a list": filled(lambda number: "1", "[", "]"),
    "halves of pairs": b'{"a":"' + b"\\ud83d" * 10_000 + b'"}',
    "long numbers before a constant": filled(lambda number: "1" * 4300, '{"a":[', ",NaN]}"),
    "not UTF-8": b'{"a":"' + b"\xff" * 60_000 + b'"}',
}


def calls_of(act: Callable[[], TestResponse]) -> tuple[int, TestResponse]:
    """How many functions are called, Python's and C's: the same on any machine."""
    count = 0

    def observe(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(observe)
    try:
        response = act()
    finally:
        sys.setprofile(before)
    return count, response


def assert_cheap(hostile: Callable[[], TestResponse], empty: Callable[[], TestResponse]) -> None:
    """A refusal that costs and answers little, however much was sent."""
    for act in (empty, hostile):
        act().close()
    tracemalloc.start()
    try:
        hostile()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    least, _ = calls_of(empty)
    found, response = calls_of(hostile)
    assert response.status_code < 500
    assert found <= MOST_CALLS * least
    assert peak < MOST_MEMORY
    assert response.status_code == 200 or len(response.get_data()) < LARGEST_REFUSAL


def assert_cheap_call(client: Client, method: str, path: str, body: bytes) -> None:
    query = QUERIES.get(path)
    assert_cheap(
        lambda: client.call(method, path, data=body, query_string=query),
        lambda: client.call(method, path, data="{}", query_string=query),
    )


@pytest.mark.parametrize("who", ["nobody", "viewer", "admin"])
@pytest.mark.parametrize("body", ["names", "names of control characters"])
def test_contract_2_a_hostile_body_costs_at_most_ten_empty_ones_at_every_call(
    clients: Clients, who: str, body: str
) -> None:
    for method, path in every_call(clients.app):
        assert_cheap_call(getattr(clients, who), method, path, HOSTILE[body])


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_contract_2_whatever_a_stranger_sends_costs_at_most_ten_empty_bodies(
    clients: Clients, body: bytes
) -> None:
    for method, path in every_call(clients.app):
        if path in PUBLIC:
            assert_cheap_call(clients.nobody, method, path, body)


FIELD_VALUES = {
    "long text": json.dumps("1 " * 30_000),
    "long word": json.dumps("a" * 60_000),
    "commas": json.dumps("," * 60_000),
    "digits": "9" * 4000,
    "colons": json.dumps("a:" * 30_000),
    "texts": json.dumps(["x"] * 12_000),
    "objects": json.dumps([{}] * 1900),
    "nested names": json.dumps({str(number): 0 for number in range(900)}),
}


@pytest.mark.parametrize("value", FIELD_VALUES.values(), ids=FIELD_VALUES.keys())
def test_contract_2_no_field_costs_more_than_ten_empty_bodies(clients: Clients, value: str) -> None:
    for (method, path), valid in BODIES.items():
        if path == "/presence/scans":
            continue
        for field in valid:
            rest = json.dumps({name: each for name, each in valid.items() if name != field})
            body = f'{rest[:-1]}{", " if len(rest) > 2 else ""}"{field}": {value}}}'.encode()
            assert len(body) <= SMALL.length
            assert_cheap_call(clients.admin, method, path, body)


@pytest.mark.parametrize("path", ["/auth/login", "/auth", "/healthz", "/readyz", "/openapi.json"])
def test_contract_2_of_many_unknown_names_twenty_are_named_and_the_others_counted(
    clients: Clients, path: str
) -> None:
    count = 5000
    body = {"x" * 150 + str(number): 0 for number in range(20)} | {str(n): 0 for n in range(20, count)}
    method = "POST" if path.startswith("/auth") else "GET"
    refusal = clients.nobody.call(method, path, data=json.dumps(body)).get_json()
    # All but their first hundred characters are left out, which are the same.
    assert refusal["errors"] == {"x" * 100: ["Unknown field."]}
    assert f"and {count - 20} more" in refusal["message"]
    few = {str(number): 0 for number in range(25)}
    refusal = clients.nobody.call(method, path, data=json.dumps(few)).get_json()
    assert list(refusal["errors"])[:20] == [str(number) for number in range(20)]
    assert "and 5 more" in refusal["message"]


def scan(device: str) -> bytes:
    return b'{"source":"arp","devices":[' + device.encode() + b"]}"


def test_contract_2_unknown_names_in_a_device_of_a_scan_are_counted(clients: Clients) -> None:
    names = ",".join(f'"n{number}":0' for number in range(10_000))
    refusal = clients.operator.post("/presence/scans", data=scan(f'{{"mac":"x",{names}}}')).get_json()
    assert len(refusal["errors"]) == 20
    assert refusal["errors"]["devices.0.n0"] == ["Unknown field."]
    assert "and 9981 more" in refusal["errors"]["devices.0"][0]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(filled(lambda number: f'"{number}":0', size=LARGE.length // 2), id="names"),
        pytest.param(scan("{" + '"a":0,' * 1_000_000 + '"b":0}'), id="names of a device"),
        pytest.param(scan("[]," * 1_000_000 + "[]"), id="lists"),
        pytest.param(scan("{}," * 600_000 + "{}"), id="objects"),
    ],
)
def test_contract_2_a_long_body_is_refused_before_anything_is_made_of_it(
    clients: Clients, body: bytes
) -> None:
    tracemalloc.start()
    try:
        response = clients.operator.post("/presence/scans", data=body)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status_code == 400
    assert len(response.get_data()) < LARGEST_REFUSAL
    # The bytes, and the text that they are: no object for each part.
    assert peak < 4 * len(body)
    assert kept < 2 * len(body)


def test_contract_2_a_scan_of_as_many_devices_as_may_be_is_read(clients: Clients) -> None:
    device: dict[str, Any] = {"ip": "192.168.1.2", "name": "[TV] {1}", "vendor": "a: b"}
    macs = (f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(65_536))
    devices = [{"mac": mac, **device} for mac in macs]
    body = {"source": "arp", "devices": [*devices[:-1], {**devices[-1], "namee": ""}]}
    refusal = clients.operator.post("/presence/scans", body).get_json()
    assert refusal["errors"] == {"devices.65535.namee": ["Unknown field."]}


@pytest.mark.parametrize("name", ["Accept", "Accept-Language", "Cookie", "Host", "If-None-Match"])
def test_contract_2_a_header_repeated_a_hundred_times_is_not_taken_apart(clients: Clients, name: str) -> None:
    for path in ("/ui/login", "/ui/nothing", "/auth/me", "/healthz", "/static/licenses.txt"):
        response = clients.nobody.call("GET", path, headers={name: "a=b;q=0.1, " * 80_000})
        assert_error(response, 431, "bad_request")
