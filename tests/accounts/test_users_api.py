"""`/users` and `/settings` (contract 5: an admin's)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.security import generate_password_hash

from sessiontrack.config import Settings, describe_settings
from sessiontrack.database import Statement
from tests.support import rows
from tests.support.application import Clients
from tests.support.refusals import refused

ANNA = {"username": "anna", "password": "correct horse", "role": "operator"}


def names(clients: Clients) -> list[str]:
    return [each["username"] for each in clients.admin.ok("GET", "/users")]


def test_contract_5_a_user_is_added_and_signs_in(clients: Clients) -> None:
    user = clients.admin.ok("POST", "/users", ANNA)["user"]
    assert (user["username"], user["role"], user["disabled_at"]) == ("anna", "operator", None)
    assert "password" not in str(clients.admin.ok("GET", "/users"))
    assert clients.logged_in("anna").ok("GET", "/auth/me")["role"] == "operator"
    refused(clients.admin.post("/users", ANNA), 409, "conflict")
    assert names(clients) == ["admin", "anna", "operator", "viewer"]


def test_contract_5_changes_hold_from_the_next_request_on(clients: Clients) -> None:
    viewer = clients.logged_in("viewer")
    clients.admin.ok("PATCH", "/users/viewer", {"role": "operator"})
    assert viewer.ok("GET", "/auth/me")["role"] == "operator"
    clients.admin.ok("PATCH", "/users/viewer", {"password": "another one"})
    refused(viewer.get("/auth/me"), 401)
    again = clients.with_token(clients.log_in("viewer", "another one")["access_token"])
    assert clients.admin.ok("PATCH", "/users/viewer", {"disabled": True})["user"]["disabled_at"]
    refused(again.get("/auth/me"), 401)
    assert clients.admin.ok("PATCH", "/users/viewer", {"disabled": False})["user"]["disabled_at"] is None
    clients.log_in("viewer", "another one")
    clients.admin.ok("DELETE", "/users/viewer")
    refused(clients.admin.delete("/users/viewer"), 404)
    refused(clients.admin.call("PATCH", "/users/viewer", {"role": "viewer"}), 404)
    refused(clients.admin.call("PATCH", "/users/viewer", {}), 404)


def test_contract_5_the_last_admin_stays(clients: Clients) -> None:
    for body in ({"role": "viewer"}, {"disabled": True}, {"password": "a new one", "role": "operator"}):
        refused(clients.admin.call("PATCH", "/users/admin", body), 409, "conflict")
    refused(clients.admin.delete("/users/admin"), 409, "conflict")
    # Nothing of what was refused was done.
    clients.log_in("admin")


def test_contract_5_of_two_admins_that_go_at_once_one_stays(clients: Clients) -> None:
    clients.admin.ok("POST", "/users", {**ANNA, "role": "admin"})
    other = clients.logged_in("anna")
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda each: each[0].delete(each[1]).status_code,
                [(clients.admin, "/users/anna"), (other, "/users/admin")],
            )
        )
    assert 200 in answers
    assert answers.count(200) == 1


@pytest.mark.parametrize("name", ["a/b", "é ü", "a%b", "x" * 64, "..x"])
def test_a_name_of_any_printable_characters_is_found_in_the_path(clients: Clients, name: str) -> None:
    clients.admin.ok("POST", "/users", {**ANNA, "username": name})
    clients.admin.ok("PATCH", f"/users/{quote(name)}", {"role": "viewer"})
    clients.admin.ok("DELETE", f"/users/{quote(name)}")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "correct horse"}, "username"),
        ({"username": "x"}, "password"),
        ({**ANNA, "username": ""}, "username"),
        ({**ANNA, "username": "a\nb"}, "username"),
        ({**ANNA, "username": "x" * 65}, "username"),
        ({**ANNA, "password": ""}, "password"),
        ({**ANNA, "password": "x" * 1025}, "password"),
        ({**ANNA, "role": "root"}, "role"),
        ({**ANNA, "id": 1}, "id"),
    ],
)
def test_contract_2_bad_users_are_refused_by_field(
    clients: Clients, body: dict[str, Any], field: str
) -> None:
    assert set(refused(clients.admin.post("/users", body), 400)["errors"]) == {field}


@pytest.mark.parametrize("body", [{"disabled": 1}, {"role": "root"}, {"username": "b"}, {"password": ""}])
def test_contract_2_bad_changes_are_refused(clients: Clients, body: dict[str, Any]) -> None:
    refused(clients.admin.call("PATCH", "/users/viewer", body), 400)


def test_the_first_password_is_forgotten_once_it_is_another(clients: Clients) -> None:
    file = Path(clients.app.instance_path) / "initial-admin-password"
    file.write_text("first")
    clients.admin.ok("PATCH", "/users/admin", {"password": "another one"})
    assert not file.exists()


def test_settings_tell_where_each_value_is_from(
    make_clients: Callable[..., Clients], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONTRACK_THREADS", "3")
    clients = make_clients(TIMEZONE="Europe/Berlin", ADMIN_PASSWORD="secret word")
    found = clients.admin.ok("GET", "/settings")
    by_name = {each["name"]: each for each in found["settings"]}
    assert len(by_name) == len(Settings.__dataclass_fields__)
    assert found["file"].endswith("sessiontrack.toml")
    shown = {name: (by_name[name]["value"], by_name[name]["source"]) for name in by_name}
    assert shown["TIMEZONE"] == ("Europe/Berlin", "command line")
    assert shown["THREADS"] == ("3", "environment")
    assert shown["SESSION_ALIVE_SECONDS"] == ("300", "default")
    assert shown["ADMIN_PASSWORD"] == (None, "command line")
    assert by_name["RADIUS_CLIENTS"]["secret"] is True
    assert "secret word" not in str(found)


def test_settings_of_the_file_are_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "sessiontrack.toml").write_text('timezone = "Europe/Paris"\nthreads = 2\n')
    found = {
        each["name"]: each
        for each in describe_settings({"INSTANCE": tmp_path}, {"SESSIONTRACK_THREADS": "5"})
    }
    assert (found["TIMEZONE"]["value"], found["TIMEZONE"]["source"]) == ("Europe/Paris", "file")
    assert (found["THREADS"]["value"], found["THREADS"]["source"]) == ("5", "environment")


@pytest.mark.parametrize(
    "url", ["postgresql://anna:s3:c@r@et@host/db", "postgresql://host/db?user=a&password=s3c@ret&x=1"]
)
def test_a_password_in_an_address_is_not_told(tmp_path: Path, url: str) -> None:
    found = describe_settings({"INSTANCE": tmp_path, "DATABASE_URL": url}, {})
    value = next(each["value"] for each in found if each["name"] == "DATABASE_URL")
    assert "***" in value
    assert "ret" not in value


WEAK = ("x", "short", " " * 8, "password", "Password", "x" * 1025)


@pytest.mark.parametrize("password", WEAK)
def test_contract_5_a_weak_password_is_refused(clients: Clients, password: str) -> None:
    for method, path, body in (
        ("POST", "/users", {**ANNA, "password": password}),
        ("PATCH", "/users/viewer", {"password": password}),
    ):
        refusal = refused(clients.admin.call(method, path, body), 400)
        assert set(refusal["errors"]) == {"password"}
        assert "8 to 1024 characters" in refusal["message"]
    clients.log_in("viewer")


def test_contract_5_a_weak_password_of_before_the_rule_stays_valid(clients: Clients) -> None:
    weak = generate_password_hash("x", method="pbkdf2:sha256:1")
    with rows.writing(clients.app) as tx:
        tx.run(Statement('UPDATE "user" SET password_hash = :weak, password_meets_rule = NULL'), weak=weak)
    clients.log_in("viewer", "x")
    with rows.writing(clients.app) as tx:
        told = dict(tx.rows(Statement('SELECT username, password_meets_rule FROM "user"')))
    assert told == {"admin": None, "operator": None, "viewer": False}


def test_contract_5_without_the_user_admin_nothing_points_to_the_first_password(clients: Clients) -> None:
    file = Path(clients.app.instance_path) / "initial-admin-password"
    file.write_text("the first one")
    clients.admin.ok("POST", "/users", {**ANNA, "role": "admin"})
    assert file.name in clients.nobody.get("/ui/login").text
    clients.logged_in("anna").ok("DELETE", "/users/admin")
    assert not file.exists()
    assert file.name not in clients.nobody.get("/ui/login").text


@pytest.mark.parametrize("name", ["ad\x85min", "\u202enimda", "ad\u200bmin"])
def test_a_name_with_what_nobody_sees_is_refused(clients: Clients, name: str) -> None:
    for path, body in (
        ("/users", {**ANNA, "username": name}),
        ("/auth/tokens", {"name": name}),
        ("/webhooks", {"name": name, "url": "https://8.8.8.8/"}),
    ):
        assert refused(clients.admin.post(path, body), 400)["errors"].keys() & {"name", "username"}


def test_names_that_look_alike_are_one_name(clients: Clients) -> None:
    for name in ("Admin", "ADMIN", "\uff41dmin", " admin"):
        refused(clients.admin.post("/users", {**ANNA, "username": name}), 409, "conflict")
    # Ten tries of one name, whatever they look like.
    tries = [("viewer", "Viewer", "VIEWER")[n % 3] for n in range(12)]
    found = [
        clients.nobody.post(
            "/auth/login",
            {"username": name, "password": "wrong"},
            environ_overrides={"REMOTE_ADDR": "10.1.1.1"},
        ).status_code
        for name in tries
    ]
    assert found == [401] * 10 + [429] * 2
