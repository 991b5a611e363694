"""`/auth/password` and `/auth/logins`: what every user does with the own account (contract 5)."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from sessiontrack.background import housekeeping
from sessiontrack.config import settings_of
from sessiontrack.database import Statement
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.services import uses
from tests.support import rows
from tests.support.application import NOW, PASSWORD, ROLES, Client, Clients
from tests.support.refusals import refused

NEW = "battery staple"
HOUR = 3600


def changed(client: Client, new: str = NEW, old: str = PASSWORD) -> Any:
    return client.post("/auth/password", {"password": old, "new_password": new})


def logins(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.ok("GET", "/auth/logins")
    return found


@pytest.fixture
def lasting(make_clients: Callable[..., Clients]) -> Clients:
    """The clients of an application whose access tokens outlast a test's hours."""
    return make_clients(ACCESS_TOKEN_SECONDS="1 day")


def store_uses(clients: Clients) -> None:
    """What the housekeeping thread does once a minute."""
    with clients.app.app_context():
        housekeeping.store_uses(clients.app.extensions["sessiontrack.uses"])


@pytest.mark.parametrize("role", ROLES)
def test_every_user_changes_the_own_password(clients: Clients, role: str) -> None:
    here, elsewhere = clients.logged_in(role), clients.logged_in(role)
    other = clients.logged_in("viewer" if role != "viewer" else "admin")
    elsewhere.ok("POST", "/api/v2/sessionstart")
    assert changed(here).get_json()["ended"] == 1
    # The one that asks stays, and so does everybody else.
    here.ok("GET", "/auth/me")
    other.ok("GET", "/auth/me")
    refused(elsewhere.get("/auth/me"), 401)
    active = clients.admin.ok("GET", "/api/v2/sessions?active=true")
    assert [each["username"] for each in active].count(role) == 1
    refused(clients.nobody.post("/auth/login", {"username": role, "password": PASSWORD}), 401)
    clients.log_in(role, NEW)


def test_the_old_password_is_needed(clients: Clients) -> None:
    here = clients.logged_in("viewer")
    answer = refused(changed(here, old="a wrong one"), 400, "bad_request")
    assert answer["errors"] == {"password": ["The present password is wrong."]}
    clients.log_in("viewer")


@pytest.mark.parametrize("weak", ["short", "        ", "password1", "x" * 1025, 12345678, None])
def test_the_new_one_meets_the_rule(clients: Clients, weak: object) -> None:
    body = {"password": PASSWORD, "new_password": weak}
    answer = refused(clients.logged_in("viewer").post("/auth/password", body), 400)
    assert set(answer["errors"]) == {"new_password"}
    clients.log_in("viewer")


def test_guesses_of_the_old_one_are_counted_as_logins_are(make_clients: Callable[..., Clients]) -> None:
    clients = make_clients(LOGIN_ATTEMPTS_PER_NAME="3")
    here = clients.logged_in("viewer")
    for _ in range(3):
        refused(changed(here, old="a wrong one"), 400)
    assert refused(changed(here), 429)["error"] == "rate_limited"
    # Whoever is signed in stays so.
    here.ok("GET", "/auth/me")


def test_a_user_without_a_password_cannot_change_it(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        tx.run(Statement("UPDATE \"user\" SET password_hash = '' WHERE username = 'viewer'"))
    refused(changed(clients.viewer), 409, "conflict")


def test_the_admins_first_password_is_forgotten(clients: Clients) -> None:
    file = settings_of(clients.app).instance / "initial-admin-password"
    file.write_text(PASSWORD)
    changed(clients.logged_in("admin"))
    assert not file.exists()


def test_own_logins_are_listed_and_ended(lasting: Clients) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        first = lasting.logged_in("viewer")
        clock.shift(HOUR)
        second = lasting.logged_in("viewer")
        lasting.log_in("admin")
        found = logins(first)
        assert [(each["current"], each["created_at"]) for each in found] == [(True, NOW), (False, NOW + HOUR)]
        assert {each["address"] for each in found} == {"127.0.0.1"}
        assert [each["current"] for each in logins(second)] == [True, False]
        assert not any(each["current"] for each in logins(lasting.viewer))

        assert second.ok("DELETE", "/auth/logins")["ended"] == 1
        refused(first.get("/auth/me"), 401)
        assert len(logins(second)) == 1
        assert len(logins(lasting.admin)) == 1
        # An API token is no login: all of them end.
        assert lasting.viewer.ok("DELETE", "/auth/logins")["ended"] == 1
        refused(second.get("/auth/me"), 401)
        lasting.viewer.ok("GET", "/auth/me")


@pytest.mark.parametrize("role", ROLES)
def test_one_own_login_is_ended(clients: Clients, role: str) -> None:
    here, elsewhere, third = (clients.logged_in(role) for _ in range(3))
    elsewhere.ok("POST", "/api/v2/sessionstart")
    (own,) = (each["id"] for each in logins(elsewhere) if each["current"])
    assert here.ok("DELETE", f"/auth/logins/{own}") == {"success": True, "message": "The login has ended"}
    refused(elsewhere.get("/auth/me"), 401)
    sessions = clients.admin.ok("GET", "/api/v2/sessions")
    assert [each["active"] for each in sessions if each["id_beaker_session"] == own] == [False]
    third.ok("GET", "/auth/me")
    assert len(logins(here)) == 2
    refused(here.delete(f"/auth/logins/{own}"), 404, "not_found")


def test_in_the_second_in_which_a_login_expires_there_is_nothing_to_end(
    make_clients: Callable[..., Clients],
) -> None:
    clients = make_clients(ACCESS_TOKEN_SECONDS="1 hour", REFRESH_TOKEN_SECONDS="2 hours")
    with time_machine.travel(NOW, tick=False) as clock:
        clients.logged_in("viewer")
        clock.shift(2 * HOUR - 1)
        here = clients.logged_in("viewer")
        (own,) = (each["id"] for each in logins(here) if not each["current"])
        clock.shift(1)
        assert [each["current"] for each in logins(here)] == [True]
        refused(here.delete(f"/auth/logins/{own}"), 404, "not_found")
        assert here.ok("DELETE", "/auth/logins")["ended"] == 0


def test_nobody_ends_anothers_login(clients: Clients) -> None:
    theirs = clients.logged_in("viewer")
    (login,) = logins(theirs)
    for client in (clients.logged_in("admin"), clients.admin, clients.operator):
        refused(client.delete(f"/auth/logins/{login['id']}"), 404, "not_found")
    theirs.ok("GET", "/auth/me")


def test_logins_come_in_pages(clients: Clients) -> None:
    here = clients.logged_in("viewer")
    clients.log_in("viewer")
    response = here.get("/auth/logins", {"limit": "1", "offset": "1"})
    assert response.headers["X-Total-Count"] == "2"
    assert [each["current"] for each in response.get_json()] == [False]


def test_last_use_is_stored_to_the_hour(lasting: Clients) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        here = lasting.logged_in("viewer")
        used = []
        for minutes in (10, 40, 30):
            clock.shift(60 * minutes)
            used.append(logins(here)[0]["last_used_at"])
            store_uses(lasting)
        used.append(logins(here)[0]["last_used_at"])
    # Signed in at NOW; stored at ten past, and not again before ten past the next hour.
    assert used == [NOW, NOW + 600, NOW + 600, NOW + 4800]


def test_what_a_clock_ahead_has_stored_gives_way(lasting: Clients) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        here = lasting.logged_in("viewer")
        clock.shift(2 * HOUR)
        here.ok("GET", "/auth/me")
        store_uses(lasting)
        clock.shift(-HOUR)
        here.ok("GET", "/auth/me")
        store_uses(lasting)
        assert logins(here)[0]["last_used_at"] == NOW + HOUR


def test_tokens_say_when_they_were_last_used(clients: Clients) -> None:
    def used() -> dict[str, int | None]:
        return {each["name"]: each["last_used_at"] for each in clients.admin.ok("GET", "/auth/tokens")}

    with time_machine.travel(NOW, tick=False):
        assert set(used().values()) == {None}
        clients.viewer.ok("GET", "/auth/me")
        refused(clients.operator.get("/auth/tokens"), 403)
        store_uses(clients)
        # One that may not do what it asked for was used all the same.
        assert used() == dict.fromkeys(("admin's", "operator's", "viewer's"), NOW)


@pytest.mark.parametrize("error", [StorageUnavailable("The database is locked."), RuntimeError("A bug.")])
def test_what_cannot_be_stored_now_is_stored_later(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def locked(*args: object) -> None:
        raise error

    with time_machine.travel(NOW, tick=False):
        clients.viewer.ok("GET", "/auth/me")
        with monkeypatch.context() as patched:
            patched.setattr(uses, "store", locked)
            store_uses(clients)
        store_uses(clients)
        tokens = clients.admin.ok("GET", "/auth/tokens")
    assert {each["name"]: each["last_used_at"] for each in tokens}["viewer's"] == NOW
