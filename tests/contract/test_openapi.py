"""`/openapi.json`: complete, and true to the source documents; test_openapi_validity.py: valid."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from sessiontrack.schemas.fields import MAC_PATTERN, PRINTABLE_PATTERN
from tests.support.rules import api_rules

# <mac:mac> is {mac} there.
PATH_PART = re.compile("<(?:[^<>]+:)?([^<>]+)>")
AS_BRACES = r"{\1}"
PUBLIC = {"POST /auth/login", "POST /auth", "GET /healthz", "GET /readyz"}
# Beyond these, each call documents what it can answer besides.
ALWAYS = {"200", "400", "500", "503"}
MAC = "AA:BB:CC:DD:EE:FF"
PATH = "[/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8,view-tab_edd5855b-54f1-4c51-9550-d88c2da60768]"


def parameters(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for key, value in item.items():
            for parameter in value if key == "parameters" else value.get("parameters", []):
                yield path, parameter


def test_contract_2_every_route_is_in_the_document(app: Flask, operations: dict[str, dict[str, Any]]) -> None:
    routes = {
        f"{method} {PATH_PART.sub(AS_BRACES, rule.rule)}"
        for rule in api_rules(app)
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert routes - {"GET /openapi.json"} == set(operations)


def test_contract_2_every_operation_says_what_it_takes_and_answers(
    operations: dict[str, dict[str, Any]],
) -> None:
    for name, operation in operations.items():
        statuses = set(operation["responses"])
        takes_body = "requestBody" in operation
        assert operation["summary"], name
        assert len(operation["summary"]) < 100, name
        assert operation["tags"], name
        assert statuses >= ALWAYS | ({"413"} if takes_body else set()), name
        assert takes_body == (not name.startswith("GET ")), name
        if name in PUBLIC:
            assert operation["security"] == [], name
        else:
            assert operation["security"] == [{"bearer": []}], name
            assert statuses >= {"401", "403"}, name
        assert ("413" in statuses) is ("415" in statuses), name
        for status, response in operation["responses"].items():
            (content,) = response["content"].values()
            assert content["schema"], (name, status)
            assert "example" in content, (name, status)


def test_contract_2_the_documented_errors_are_all_that_there_are(
    operations: dict[str, dict[str, Any]],
) -> None:
    special = {
        name: set(operation["responses"]) - ALWAYS - {"401", "403", "413", "415"}
        for name, operation in operations.items()
    }
    pings = ("keepalive", "session-hide", "session_hide", "session_tracepath")
    assert {name: found for name, found in special.items() if found} == {
        "POST /sessions/create": {"409"},
        **{f"POST /api/v2/{each}": {"409"} for each in pings},
        "POST /auth": {"429"},
        "POST /auth/login": {"429"},
        "POST /auth/password": {"409", "429"},
        "POST /auth/tokens": {"404", "409"},
        "GET /doctor": {"429"},
        "GET /backups/{name}": {"404"},
        "DELETE /auth/tokens/{token_id}": {"404"},
        "DELETE /auth/logins/{login_id}": {"404"},
        "POST /devices": {"409"},
        "PATCH /devices": {"404"},
        **{f"{each} /devices/{{mac}}": {"404"} for each in ("GET", "PATCH", "DELETE")},
        "GET /api/v2/sessions/{session_id}": {"404"},
        "GET /api/v2/sessions/{session_id}/views": {"404"},
        "POST /users": {"409"},
        "PATCH /users/{username}": {"404", "409"},
        "DELETE /users/{username}": {"404", "409"},
        "GET /sessions/{mac}": {"404"},
        "GET /devices/{mac}/statistics": {"404"},
        "POST /devices/{mac}/merge": {"404"},
        "PATCH /presence/sources": {"404"},
        "POST /webhooks": {"409"},
        "DELETE /webhooks/{webhook_id}": {"404"},
        "PATCH /webhooks/{webhook_id}": {"404", "409"},
        "GET /webhooks/{webhook_id}/deliveries": {"404"},
        "POST /webhooks/{webhook_id}/retry": {"404"},
        "POST /webhooks/{webhook_id}/test": {"404"},
    }
    assert "401" in operations["POST /auth/login"]["responses"]


def test_contract_2_every_parameter_is_described(document: dict[str, Any]) -> None:
    for path, parameter in parameters(document):
        text = parameter.get("description") or parameter["schema"].get("description")
        assert text, (path, parameter["name"])
        assert "type" in parameter["schema"], (path, parameter["name"])
        assert parameter["schema"]["type"] != ["string", "null"], (path, parameter["name"])


def test_contract_2_limits_show_their_range(document: dict[str, Any]) -> None:
    found = [(path, each["schema"]) for path, each in parameters(document) if each["name"] == "limit"]
    assert len(found) == 19
    for path, schema in found:
        # Of session-events, format=datatables takes more, and caps it.
        most = {"/sessions/session-events": 10**9, "/presence/now": 100}.get(path, 1000)
        assert (schema["minimum"], schema["maximum"]) == (1, most), path
        defaults = {
            "/sessions/session-events": 100,
            "/auth/logins": 100,
            "/auth/tokens": 100,
            "/devices": 100,
            "/users": 100,
            "/api/v2/sessions/{session_id}/views": 1000,
            "/webhooks": 100,
            "/webhooks/{webhook_id}/deliveries": 100,
            "/presence/now": 20,
            "/presence/at": 100,
            "/presence/shares": 100,
            "/presence/timeline": 100,
            "/presence/sessions": 100,
        }
        assert schema.get("default") == defaults.get(path), path


def test_contract_2_answers_may_carry_more_and_bodies_may_not(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    def is_open(content: dict[str, Any]) -> bool:
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        found: bool = document["components"]["schemas"][name]["additionalProperties"]
        return found

    for name, operation in operations.items():
        assert is_open(operation["responses"]["400"]["content"]), name
        if "requestBody" in operation:
            assert not is_open(operation["requestBody"]["content"]), name
    # Contract 3: exactly the seven documented keys.
    calendar_event = document["components"]["schemas"]["CalendarEvent"]
    assert calendar_event["additionalProperties"] is False
    assert len(calendar_event["properties"]) == 7


@pytest.mark.parametrize(
    ("call", "part", "expected"),
    [
        (
            "POST /sessions/create",
            "body",
            {
                "mac": MAC,
                "ip": "192.168.1.10",
                "start_time": "2025-08-01T10:00:00",
                "end_time": "2025-08-01T12:00:00",
                "event_type_conn": "Connected",
                "event_type_disc": "Disconnected",
            },
        ),
        (
            "POST /sessions/create",
            "answer",
            {"success": True, "message": f"Session created for MAC {MAC}"},
        ),
        ("DELETE /sessions/delete", "body", {"mac": MAC}),
        (
            "DELETE /sessions/delete",
            "answer",
            {"success": True, "message": f"Deleted sessions for MAC {MAC}"},
        ),
        ("POST /api/v2/sessionstart", "answer", {"description": "Session Start"}),
        ("POST /api/v2/keepalive", "body", {"visible": True, "path": PATH}),
        (
            "POST /api/v2/keepalive",
            "answer",
            {"description": "Session keepalive", "visible": True, "paths": PATH},
        ),
        ("POST /api/v2/session-hide", "body", {"path": PATH}),
    ],
)
def test_contract_2_the_examples_are_the_source_documents(
    operations: dict[str, dict[str, Any]], call: str, part: str, expected: dict[str, Any]
) -> None:
    operation = operations[call]
    described = operation["requestBody"] if part == "body" else operation["responses"]["200"]
    example = described["content"]["application/json"]["example"]
    assert {key: example[key] for key in expected} == expected


def test_contract_2_list_and_calendar_examples_are_the_source_documents(
    operations: dict[str, dict[str, Any]],
) -> None:
    def first(call: str) -> dict[str, Any]:
        content = operations[call]["responses"]["200"]["content"]["application/json"]
        found: dict[str, Any] = content["example"]["sessions"][0]
        return found

    documented = {
        "ses_MAC": MAC,
        "ses_Connection": "2025-08-01 10:00",
        "ses_Disconnection": "2025-08-01 12:00",
        "ses_Duration": "2h 0m",
        "ses_IP": "192.168.1.10",
        "ses_Info": "",
    }
    for call in ("GET /sessions/list", "GET /sessions/{mac}"):
        assert documented.items() <= first(call).items()
    assert first("GET /sessions/calendar") == {
        "resourceId": MAC,
        "title": "",
        "start": "2025-08-01T10:00:00",
        "end": "2025-08-01T12:00:00",
        "color": "#00a659",
        "tooltip": "Connection: 2025-08-01 10:00\nDisconnection: 2025-08-01 12:00\nIP: 192.168.1.10",
        "className": "no-border",
    }


@pytest.mark.parametrize("text", ["aa:bb:cc:dd:ee:ff", "AA-BB-CC-DD-EE-FF", "aabb.ccdd.eeff", "aabbccddeeff"])
def test_contract_2_the_documented_pattern_takes_every_notation_of_a_mac(text: str) -> None:
    assert re.search(MAC_PATTERN, text)
    assert not re.search(MAC_PATTERN, text[:-2])


def test_contract_2_the_documented_pattern_of_a_text_refuses_control_characters() -> None:
    assert re.search(PRINTABLE_PATTERN, "Küche, 2. Stock")
    assert not re.search(PRINTABLE_PATTERN, "a\x00b")


def test_generators_find_what_they_need_in_the_document(document: dict[str, Any]) -> None:
    # Relative to the document: right below a sub-path too.
    assert [each["url"] for each in document["servers"]] == ["."]
    operations = [
        each for path in document["paths"].values() for each in path.values() if "responses" in each
    ]
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names) > 50
    assert all(re.fullmatch("[a-z][a-z0-9_]+", name) for name in names)
    assert all(each["description"] for each in operations)
    schemas = document["components"]["schemas"]
    for branch in schemas["CreateSession"]["properties"]["ip"]["anyOf"]:
        assert branch["type"] == "string"
    assert [each["type"] for each in schemas["KeepaliveAnswer"]["properties"]["paths"]["anyOf"]] == [
        "string",
        "array",
        "null",
    ]
    for name, schema in schemas.items():
        required = set(schema.get("required", []))
        assert not [each for each in required if "default" in schema["properties"][each]], name
