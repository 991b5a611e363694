"""Contract 2: the rules that hold for every endpoint."""

import json
import re
from typing import Any

import pytest
from flask import Flask

from sessiontrack.database import Statement
from tests.contract.test_errors import MAC, SESSION, assert_error
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.rules import api_rules

OTHER_MAC = "AA:BB:CC:DD:EE:F0"
ENDED = {**SESSION, "end_time": "2025-08-01T12:00:00"}
PUBLIC = {"/healthz", "/readyz", "/auth/login", "/auth", "/openapi.json"}
# By path and method: what makes the call valid. The others need nothing.
PRINTER = "AA:BB:CC:00:00:01"
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/sessions/create"): SESSION,
    ("DELETE", "/sessions/delete"): {"mac": MAC},
    ("POST", "/presence/scans"): {"source": "arp", "devices": [{"mac": PRINTER}]},
    ("POST", "/presence/events"): {"source": "arp", "mac": PRINTER, "event": "seen"},
    ("PATCH", "/presence/sources"): {"name": "arp", "archived": True},
    ("POST", "/api/v2/keepalive"): {"visible": True, "path": "[a,b]"},
    ("POST", "/api/v2/session-hide"): {"path": "[a,b]"},
    ("POST", "/api/v2/session_hide"): {"path": "[a,b]"},
    ("POST", "/api/v2/session_tracepath"): {"path": "[a,b]"},
    ("POST", "/auth/login"): {"username": "admin", "password": "correct horse"},
    ("POST", "/auth"): {"username": "admin", "password": "correct horse"},
    ("POST", "/auth/password"): {"password": "correct horse", "new_password": "correct horse"},
    ("POST", "/auth/tokens"): {"name": "a script"},
    ("POST", "/users"): {"username": "anna", "password": "correct horse"},
    ("POST", "/webhooks"): {"name": "pager", "url": "https://8.8.8.8/hook"},
    ("POST", "/devices"): {"mac": PRINTER},
    ("PATCH", "/devices"): {"macs": [MAC]},
    ("POST", f"/devices/{MAC}/merge"): {"mac": OTHER_MAC},
}
SESSION_ID = "0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10"
LOGIN_ID = "Yk3c0n9mQv2Zr8sT1uWxAg"
BACKUP = "sessiontrack-20250801T120000Z.sqlite3"
PART = re.compile("<[^>]*>")
PARTS = {
    "<mac:mac>": MAC,
    "<row_id:token_id>": "1",
    "<row_id:webhook_id>": "1",
    "<string:login_id>": LOGIN_ID,
    "<path:username>": "viewer",
    "<backup:name>": BACKUP,
    "<uuid:session_id>": SESSION_ID,
}
WINDOW = {"start": "2025-08-01", "end": "2025-08-21"}
QUERIES = {"/sessions/calendar": WINDOW, "/presence/timeline": WINDOW, "/presence/sessions": WINDOW}


def every_call(app: Flask) -> list[tuple[str, str]]:
    """(method, path) of every endpoint there is."""
    found = {
        (method, PART.sub(lambda part: PARTS[part[0]], rule.rule))
        for rule in api_rules(app)
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert len(found) > 25
    assert not any("<" in path for _, path in found)
    return sorted(found)


def call(clients: Clients, method: str, path: str, body: Any = None, query: Any = None) -> Any:
    """A call that is valid but for what is given here."""
    client = clients.admin
    if path == "/auth/refresh":
        client = clients.with_token(clients.log_in("admin")["refresh_token"])
    body = {**BODIES.get((method, path), {}), **(body or {})}
    query = {**QUERIES.get(path, {}), **(query or {})}
    return client.call(method, path, body or None, query_string=query)


# --- tokens


def test_contract_2_every_endpoint_but_the_public_ones_needs_a_token(clients: Clients) -> None:
    for method, path in every_call(clients.app):
        response = clients.nobody.call(method, path, query_string={"nonsense": "1"}, data="{")
        if path in PUBLIC:
            assert_error(response, 400, "bad_request")
        else:
            assert_error(response, 401, "unauthorized")


# --- what is unknown


def test_contract_2_unknown_parameters_are_refused_by_name_everywhere(clients: Clients) -> None:
    for method, path in every_call(clients.app):
        response = call(clients, method, path, query={"limitt": "1"})
        errors = assert_error(response, 400, "bad_request")["errors"]
        assert set(errors) == {"limitt"}, (method, path)


def test_contract_2_unknown_fields_are_refused_by_name_everywhere(clients: Clients) -> None:
    for method, path in every_call(clients.app):
        response = call(clients, method, path, body={"macc": MAC})
        errors = assert_error(response, 400, "bad_request")["errors"]
        assert set(errors) == {"macc"}, (method, path)


def test_contract_2_parameters_of_calendar_and_table_widgets_are_accepted_everywhere(
    clients: Clients,
) -> None:
    clients.admin.ok("POST", "/api/v2/sessionstart")
    with rows.writing(clients.app) as tx:
        tx.run(Statement("UPDATE user_session SET public_id = :public_id"), public_id=SESSION_ID)
    clients.admin.ok("POST", "/webhooks", {"name": "first", "url": "https://8.8.8.8/"})
    seen = {"source": "arp", "mac": "AA:BB:CC:00:00:02", "event": "seen"}
    clients.operator.ok("POST", "/presence/events", seen)
    widgets = {"timeZone": "Europe/Berlin", "timezone": "UTC", "_": "1754042400000", "draw": "7"}
    for method, path in every_call(clients.app):
        if path.startswith("/devices/"):
            for mac in (MAC, OTHER_MAC):
                clients.operator.ok("POST", "/sessions/create", {**SESSION, "mac": mac})
        kept = ("/auth/tokens/1", "/auth/logout", f"/backups/{BACKUP}", f"/auth/logins/{LOGIN_ID}")
        removed = (("DELETE", "/users/viewer"), ("DELETE", "/webhooks/1"))
        if path not in kept and (method, path) not in removed:
            response = call(clients, method, path, query=widgets)
            assert response.status_code == 200, (method, path, response.get_data())


@pytest.mark.parametrize("name", ["time_zone", "TimeZone", "__", "Draw", "draw[]", "Limit", "MAC"])
def test_contract_2_names_are_not_guessed(clients: Clients, name: str) -> None:
    response = clients.viewer.get("/sessions/list", {name: "1"})
    assert set(assert_error(response, 400, "bad_request")["errors"]) == {name}


def test_contract_2_of_a_parameter_given_twice_the_first_counts(clients: Clients) -> None:
    clients.operator.ok("POST", "/sessions/create", ENDED)
    window = "start=2025-08-01&end=2025-08-02"
    # Calendar widgets append theirs.
    twice = f"/sessions/calendar?{window}&start=2030-01-01T00:00:00Z&end=nonsense"
    assert len(clients.viewer.ok("GET", twice)["sessions"]) == 1
    assert clients.viewer.get(f"/sessions/calendar?start=nonsense&{window}").status_code == 400
    assert clients.viewer.ok("GET", f"/sessions/list?mac={MAC}&mac=00:00:00:00:00:01")["sessions"]
    assert not clients.viewer.ok("GET", f"/sessions/list?mac=00:00:00:00:00:01&mac={MAC}")["sessions"]
    assert clients.operator.ok("DELETE", f"/sessions/delete?mac={MAC}&mac=x")["deleted"] == 1


# --- bodies


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "application/json; charset=utf-8",
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/plain;charset=UTF-8",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "nonsense",
    ],
)
def test_contract_2_a_body_is_read_as_json_whatever_its_content_type(
    clients: Clients, content_type: str | None
) -> None:
    kwargs = {"data": json.dumps(ENDED), "content_type": content_type}
    assert clients.operator.ok("POST", "/sessions/create", **kwargs)["success"]
    kwargs["data"] = json.dumps({"mac": MAC})
    assert clients.operator.ok("DELETE", "/sessions/delete", **kwargs)["deleted"] == 1
    kwargs["data"] = f"mac={MAC}"
    assert_error(clients.operator.call("DELETE", "/sessions/delete", **kwargs), 400, "bad_request")


@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"', "true", "{", "mac=x", '{"mac":}', b"\xff"])
def test_contract_2_a_body_that_is_no_json_object_is_400_everywhere(
    clients: Clients, body: str | bytes
) -> None:
    refresh = clients.with_token(clients.log_in("admin")["refresh_token"])
    for method, path in every_call(clients.app):
        client = refresh if path == "/auth/refresh" else clients.admin
        response = client.call(method, path, data=body, query_string=QUERIES.get(path))
        assert "errors" not in assert_error(response, 400, "bad_request"), (method, path)


def test_contract_2_an_empty_body_is_400_where_a_field_is_required(clients: Clients) -> None:
    for (method, path), body in BODIES.items():
        required = {"visible"} if path.endswith("keepalive") else set(body) - {"event_type_conn"}
        errors = assert_error(clients.admin.call(method, path), 400, "bad_request")["errors"]
        assert set(errors) == required, (method, path)


def test_contract_2_answers_are_json_in_utf_8(clients: Clients) -> None:
    clients.operator.ok("POST", "/sessions/create", {**ENDED, "event_type_conn": "Verbunden: Küche"})
    answer = clients.viewer.get("/sessions/session-events", {"period": "all", "search": "küche"})
    assert answer.content_type == "application/json"
    assert "Verbunden: Küche".encode() in answer.data


# --- addresses


@pytest.mark.parametrize(
    "mac",
    [
        "aa:bb:cc:dd:ee:ff",
        "AA:BB:CC:DD:EE:FF",
        "AA-BB-CC-DD-EE-FF",
        "aa-bb-cc-dd-ee-ff",
        "aabb.ccdd.eeff",
        "AABB.CCDD.EEFF",
        "aabbccddeeff",
        "AABBCCDDEEFF",
        " aa:bb:cc:dd:ee:ff ",
    ],
)
def test_contract_2_a_mac_in_every_notation_is_one_device(clients: Clients, mac: str) -> None:
    created = clients.operator.ok("POST", "/sessions/create", {**SESSION, "mac": mac})
    assert created["message"] == f"Session created for MAC {MAC}"
    for path, query in (
        ("/sessions/list", {"mac": mac}),
        (f"/sessions/{mac}", {"period": "all"}),
        ("/sessions/list", {"mac": MAC}),
    ):
        (session,) = clients.viewer.ok("GET", path, query_string=query)["sessions"]
        assert session["ses_MAC"] == MAC
    window = {"start": "2025-08-01", "end": "2025-08-02", "mac": mac}
    (shown,) = clients.viewer.ok("GET", "/sessions/calendar", query_string=window)["sessions"]
    assert shown["resourceId"] == MAC
    deleted = clients.operator.ok("DELETE", "/sessions/delete", {"mac": mac})
    assert deleted == {"success": True, "message": f"Deleted sessions for MAC {MAC}", "deleted": 1}


@pytest.mark.parametrize("mac", ["x", "aa:bb:cc:dd:ee", "aa:bb:cc:dd:ee:ff:00", "aa:bb-cc:dd-ee:ff", "all"])
def test_contract_2_no_mac_is_400_wherever_one_is_due(clients: Clients, mac: str) -> None:
    window = {"start": "2025-08-01", "end": "2025-08-02", "mac": mac}
    for response in (
        clients.operator.post("/sessions/create", {**SESSION, "mac": mac}),
        clients.operator.delete("/sessions/delete", {"mac": mac}),
        clients.operator.call("DELETE", "/sessions/delete", query_string={"mac": mac}),
        clients.viewer.get("/sessions/list", {"mac": mac}),
        clients.viewer.get("/sessions/calendar", window),
        clients.viewer.get(f"/sessions/{mac}"),
    ):
        body = assert_error(response, 400, "bad_request")
        assert set(body["errors"]) == {"mac"}
        assert "aa:bb:cc:dd:ee:ff" in body["message"]


@pytest.mark.parametrize(
    ("ip", "canonical"),
    [
        ("192.168.1.10", "192.168.1.10"),
        ("2001:DB8:0:0:0:0:0:20", "2001:db8::20"),
        ("2001:0db8::0020", "2001:db8::20"),
        ("::FFFF:192.0.2.1", "::ffff:192.0.2.1"),
    ],
)
def test_contract_2_ips_are_answered_in_canonical_form(clients: Clients, ip: str, canonical: str) -> None:
    clients.operator.ok("POST", "/sessions/create", {**ENDED, "ip": ip})
    (session,) = clients.viewer.ok("GET", "/sessions/list")["sessions"]
    assert session["ses_IP"] == canonical
    # The same session in other words, so nothing happens.
    clients.operator.ok("POST", "/sessions/create", {**ENDED, "ip": canonical})


# --- sessions still open, and sizes of answers


@pytest.mark.usefixtures("clock")
def test_contract_2_still_connected_shows_dots_and_the_duration_so_far(clients: Clients) -> None:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    (session,) = clients.viewer.ok("GET", "/sessions/list")["sessions"]
    assert session["ses_Disconnection"] == "..."
    assert session["ses_Duration"] == "14d 2h 0m"
    assert session["ses_DurationSeconds"] == NOW - 1_754_042_400


def test_contract_2_a_missing_end_is_a_missing_event(clients: Clients) -> None:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    clients.operator.ok("POST", "/sessions/create", {**SESSION, "start_time": "2025-08-02T10:00:00"})
    lost, open_one = clients.viewer.ok("GET", "/sessions/list")["sessions"]
    assert (lost["ses_Disconnection"], lost["ses_Duration"]) == ("<missing event>", "...")
    assert lost["ses_DurationSeconds"] is None
    assert open_one["ses_Disconnection"] == "..."


@pytest.mark.parametrize(
    ("end", "duration"),
    [
        ("10:00:00", "0h 0m"),
        ("10:00:59", "0h 0m"),
        ("10:01:00", "0h 1m"),
        ("12:00:00", "2h 0m"),
        ("12:59:59", "2h 59m"),
    ],
)
def test_contract_2_durations(clients: Clients, end: str, duration: str) -> None:
    clients.operator.ok("POST", "/sessions/create", {**SESSION, "end_time": f"2025-08-01T{end}"})
    (session,) = clients.viewer.ok("GET", "/sessions/list")["sessions"]
    assert session["ses_Duration"] == duration


@pytest.mark.parametrize(("end", "duration"), [("02T10:00", "1d 0h 0m"), ("02T12:03", "1d 2h 3m")])
def test_contract_2_durations_from_a_day_on(clients: Clients, end: str, duration: str) -> None:
    clients.operator.ok("POST", "/sessions/create", {**SESSION, "end_time": f"2025-08-{end}"})
    (session,) = clients.viewer.ok("GET", "/sessions/list")["sessions"]
    assert session["ses_Duration"] == duration
