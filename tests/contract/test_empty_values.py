"""Contract 2: an empty parameter and an empty optional field count as not given; booleans in a URL."""

from typing import Any

import pytest
from flask import Flask

from sessiontrack.http.endpoint import Blueprint, Call
from tests.contract.test_contract_2 import BODIES, PART, PARTS, QUERIES
from tests.contract.test_errors import MAC, SESSION, assert_error
from tests.support.application import Clients

# What a PATCH changes, and cannot clear.
NEVER_EMPTY = {
    ("PATCH", "/users/viewer"): {"password", "role"},
    ("PATCH", "/webhooks/1"): {"name", "url"},
}
pytestmark = pytest.mark.usefixtures("clock")


def declared(app: Flask) -> list[tuple[str, Call]]:
    """Every call with its address."""
    blueprints = [each for each in app.blueprints.values() if isinstance(each, Blueprint)]
    assert len(blueprints) > 8
    return [
        (PART.sub(lambda part: PARTS[part[0]], f"{each.url_prefix or ''}{call.rule}"), call)
        for each in blueprints
        for call in each.calls
    ]


def test_contract_2_an_empty_parameter_counts_as_not_given_in_every_call(clients: Clients) -> None:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    tried = 0
    for path, call in declared(clients.app):
        optional = {
            field.data_key or name: ""
            for name, field in call.query().load_fields.items()
            if not field.required and (field.data_key or name) not in QUERIES.get(path, {})
        }
        if call.method != "GET" or not optional:
            continue
        query = QUERIES.get(path, {})
        plain = clients.admin.get(path, query)
        for name in optional:
            answer = clients.admin.get(path, {**query, name: ""})
            assert (answer.status_code, answer.data) == (plain.status_code, plain.data), (path, name)
            tried += 1
        all_empty = clients.admin.get(path, {**query, **optional})
        assert all_empty.data == plain.data, path
    assert tried > 50


def test_contract_2_an_empty_optional_field_counts_as_not_given_in_every_call(clients: Clients) -> None:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    tried = 0
    for path, call in declared(clients.app):
        if call.body is None or call.role is None:
            continue
        valid = BODIES.get((call.method, path), {})
        optional = {name for name, field in call.body().load_fields.items() if not field.required}
        for name in optional - valid.keys() - NEVER_EMPTY.get((call.method, path), set()):
            for empty in (None, ""):
                answer = clients.admin.call(call.method, path, {**valid, name: empty})
                assert answer.status_code in (200, 404, 409), (path, name, answer.data)
                tried += 1
    assert tried > 40


def test_contract_2_an_empty_list_parameter_counts_as_not_given(clients: Clients) -> None:
    clients.logged_in("viewer")
    (shown,) = clients.admin.ok("GET", "/api/v2/sessions")
    assert clients.admin.ok("GET", "/api/v2/sessions?usernames[]=") == [shown]
    assert clients.admin.ok("GET", "/api/v2/sessions?usernames[]=&usernames[]=viewer") == [shown]
    assert clients.admin.ok("GET", "/api/v2/sessions?usernames[]=&usernames[]=nobody") == []


def test_contract_2_an_unknown_parameter_and_field_is_refused_empty_too(clients: Clients) -> None:
    for answer in (
        clients.viewer.get("/sessions/list", {"limitt": ""}),
        clients.operator.post("/sessions/create", {**SESSION, "limitt": ""}),
        clients.operator.post("/sessions/create", {**SESSION, "limitt": None}),
        clients.viewer.get("/openapi.json", {"limitt": ""}),
    ):
        assert set(assert_error(answer, 400, "bad_request")["errors"]) == {"limitt"}


@pytest.mark.parametrize("name", ["start", "end"])
def test_contract_2_a_required_parameter_must_not_be_empty(clients: Clients, name: str) -> None:
    query = {"start": "2025-08-01", "end": "2025-08-21", name: ""}
    answer = clients.viewer.get("/sessions/calendar", query)
    assert set(assert_error(answer, 400, "bad_request")["errors"]) == {name}


@pytest.mark.parametrize(
    ("field", "value", "cleared"),
    [
        ("name", "Printer", ""),
        ("owner", "Office", ""),
        ("grace", "30 minutes", None),
        ("alert_down", True, False),
        ("can_flap", False, True),
        ("archived", True, False),
        ("favourite", True, False),
    ],
)
@pytest.mark.parametrize("empty", [None, ""])
def test_contract_2_an_empty_field_of_a_change_is_cleared(
    clients: Clients, field: str, value: Any, cleared: Any, empty: Any
) -> None:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    url = f"/devices/{MAC}"
    assert clients.operator.ok("PATCH", url, {field: value})["device"][field] == value
    assert clients.operator.ok("PATCH", url, {field: empty, "vendor": "Acme"})["device"][field] == cleared


def test_contract_2_an_empty_vendor_is_that_of_the_address_again(clients: Clients) -> None:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    url = f"/devices/{MAC}"
    before = clients.operator.ok("GET", url)["device"]["vendor"]
    assert clients.operator.ok("PATCH", url, {"vendor": "Acme"})["device"]["vendor"] == "Acme"
    assert clients.operator.ok("PATCH", url, {"vendor": None})["device"]["vendor"] == before


@pytest.mark.parametrize("field", ["password", "role"])
@pytest.mark.parametrize("empty", [None, ""])
def test_contract_2_what_cannot_be_cleared_is_refused_by_name(
    clients: Clients, field: str, empty: Any
) -> None:
    answer = clients.admin.call("PATCH", "/users/viewer", {field: empty})
    assert set(assert_error(answer, 400, "bad_request")["errors"]) == {field}
    assert clients.logged_in("viewer").ok("GET", "/auth/me")["role"] == "viewer"


def test_contract_2_an_emptied_disabled_lets_a_user_in_again(clients: Clients) -> None:
    assert clients.admin.ok("PATCH", "/users/viewer", {"disabled": True})["user"]["disabled_at"]
    assert clients.admin.ok("PATCH", "/users/viewer", {"disabled": None})["user"]["disabled_at"] is None


@pytest.mark.parametrize(
    ("given", "is_active"),
    [(each, True) for each in ("true", "True", "TRUE", "1")]
    + [(each, False) for each in ("false", "False", "FALSE", "0")],
)
def test_contract_2_booleans_in_a_url(clients: Clients, given: str, is_active: bool) -> None:
    clients.logged_in("viewer")
    found = clients.admin.ok("GET", "/api/v2/sessions", query_string={"active": given})
    assert [each["active"] for each in found] == ([True] if is_active else [])
    body = {"username": "viewer", "password": "correct horse"}
    answer = clients.nobody.post("/auth/login", body, query_string={"cookies": given})
    assert answer.status_code == 200
    assert bool(answer.headers.getlist("Set-Cookie")) == is_active


@pytest.mark.parametrize("given", ["2", "yes", "on", " true", "t", "null", "01"])
def test_contract_2_other_booleans_are_refused(clients: Clients, given: str) -> None:
    answer = clients.admin.get("/api/v2/sessions", {"active": given})
    assert set(assert_error(answer, 400, "bad_request")["errors"]) == {"active"}
