"""Signing in is limited per name and per address, in all workers and across restarts (contract 5)."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from time_machine import Traveller

from sessiontrack.database import Statement, Transaction
from sessiontrack.services import login_throttle, users
from sessiontrack.services.login_addresses import note_login
from sessiontrack.services.login_throttle import count_attempt, forgive
from tests.support.application import NOW, PASSWORD, Clients
from tests.support.refusals import refused
from tests.support.server import Answer, Server
from tests.support.waiting import SECONDS, wait_until

LIMITS = (3, 5)
WINDOW = 300
ROWS = Statement("SELECT count(*) FROM login_throttle")


def attempt(tx: Transaction, now: int, username: str = "anna", address: str = "1.2.3.4") -> int:
    return count_attempt(tx, now, username, address, LIMITS, WINDOW)


def log_in(clients: Clients, username: str, password: str, address: str = "127.0.0.1", **headers: str) -> int:
    """The status; an answer of 429 has Retry-After."""
    response = clients.nobody.post(
        "/auth/login",
        {"username": username, "password": password},
        headers=headers,
        environ_overrides={"REMOTE_ADDR": address},
    )
    if response.status_code != 200:
        refused(response, response.status_code)
    return response.status_code


def test_a_name_waits_after_its_limit_until_the_window_ends(tx: Transaction, now: int) -> None:
    assert [attempt(tx, now) for _ in range(5)] == [0, 0, 0, WINDOW, WINDOW]
    assert attempt(tx, now + 100) == WINDOW - 100
    assert attempt(tx, now + WINDOW - 1) == 1
    assert [attempt(tx, now + WINDOW) for _ in range(4)] == [0, 0, 0, WINDOW]


def test_an_address_waits_after_its_limit_whatever_the_names(tx: Transaction, now: int) -> None:
    waits = [attempt(tx, now, f"user{n}") for n in range(7)]
    assert waits == [0] * 5 + [WINDOW] * 2
    assert attempt(tx, now, "anna", "1.2.3.5") == 0
    assert attempt(tx, now + WINDOW, "anna") == 0


def test_a_name_waits_whatever_the_addresses(tx: Transaction, now: int) -> None:
    waits = [attempt(tx, now, "anna", f"1.2.3.{n}") for n in range(5)]
    assert waits == [0, 0, 0, WINDOW, WINDOW]
    assert attempt(tx, now, "bert", "1.2.3.9") == 0


def test_what_a_names_limit_refuses_does_not_count_against_the_address(tx: Transaction, now: int) -> None:
    for _ in range(100):
        attempt(tx, now, "anna")
    assert attempt(tx, now, "bert") == 0


def test_what_an_addresses_limit_refuses_counts_against_no_name_and_leaves_no_row(
    tx: Transaction, now: int
) -> None:
    waits = [attempt(tx, now, f"user{n}") for n in range(1500)]
    assert waits == [0] * 5 + [WINDOW] * 1495
    assert tx.value(ROWS) == 6
    for _ in range(12):
        assert attempt(tx, now, "anna") == WINDOW
    assert [attempt(tx, now, "anna", "1.2.3.5") for _ in range(4)] == [0, 0, 0, WINDOW]


def test_rows_are_bounded_in_number(tx: Transaction, now: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_throttle, "MOST_ROWS", 100)
    for n in range(500):
        assert attempt(tx, now + n // 10, f"user{n}", f"1.2.{n // 250}.{n % 250}") == 0
        assert tx.value(ROWS) <= 100
    # The oldest go first: the last one still counts.
    assert [attempt(tx, now + 50, "user499", "1.2.9.9") for _ in range(3)] == [0, 0, WINDOW - 1]


def known(tx: Transaction, now: int, address: str) -> None:
    """Somebody signed in from there before."""
    users.add_user(tx, now, "anna", "no hash", "viewer")
    user_id = tx.value(Statement('SELECT id FROM "user" WHERE username = :name'), name="anna")
    note_login(tx, now, user_id, "anna", address)


def test_who_signed_in_from_there_before_is_not_locked_out_from_elsewhere(tx: Transaction, now: int) -> None:
    known(tx, now, "1.2.3.4")
    assert [attempt(tx, now, "anna", f"6.6.6.{n}") for n in range(5)] == [0, 0, 0, WINDOW, WINDOW]
    # From there it has tries of its own, as many; and they free nobody else.
    assert attempt(tx, now, "anna") == 0
    forgive(tx, "anna", "1.2.3.4")
    assert attempt(tx, now, "anna", "6.6.6.9") == WINDOW
    assert [attempt(tx, now, "anna") for _ in range(4)] == [0, 0, 0, WINDOW]


def test_an_address_is_known_for_its_own_user_only(tx: Transaction, now: int) -> None:
    known(tx, now, "1.2.3.4")
    for n in range(4):
        attempt(tx, now, "bert", f"6.6.6.{n}")
    assert attempt(tx, now, "bert") == WINDOW


def test_contract_5_a_name_under_attack_still_signs_in_where_it_did_before(
    clients: Clients, clock: Traveller
) -> None:
    assert log_in(clients, "viewer", PASSWORD, address="1.2.3.4") == 200
    assert [log_in(clients, "viewer", "wrong", address=f"6.6.6.{n}") for n in range(12)][-1] == 429
    assert log_in(clients, "viewer", PASSWORD, address="1.2.3.5") == 429
    assert log_in(clients, "viewer", PASSWORD, address="1.2.3.4") == 200


def test_a_right_password_counts_against_nobody(tx: Transaction, now: int) -> None:
    for _ in range(20):
        assert attempt(tx, now) == 0
        forgive(tx, "anna", "1.2.3.4")
    for _ in range(2):
        attempt(tx, now)
    attempt(tx, now)
    forgive(tx, "anna", "1.2.3.4")
    # The name starts anew, and the two wrong ones still count against the address.
    assert [attempt(tx, now) for _ in range(4)] == [0, 0, 0, WINDOW]
    assert attempt(tx, now, "bert") == WINDOW


def test_own_right_passwords_do_not_wash_an_address_clean(tx: Transaction, now: int) -> None:
    for n in range(5):
        attempt(tx, now, f"user{n}")
        attempt(tx, now, "mallory")
        forgive(tx, "mallory", "1.2.3.4")
    assert attempt(tx, now, "user9") == WINDOW


def test_a_clock_that_was_ahead_locks_nobody_out(tx: Transaction, now: int) -> None:
    ahead = now + 10 * 365 * 86_400
    assert [attempt(tx, ahead) for _ in range(4)][-1] == WINDOW
    assert attempt(tx, now) == 0


def test_an_attempt_that_waited_to_be_written_forgets_none_of_those_that_came_after_it(
    tx: Transaction, now: int
) -> None:
    assert [attempt(tx, now + 5) for _ in range(3)] == [0, 0, 0]
    assert attempt(tx, now) == WINDOW + 5
    assert login_throttle.count_over(tx, now, WINDOW) == login_throttle.forget_over(tx, now, WINDOW) == 0
    assert attempt(tx, now + 6) == WINDOW - 1


def test_what_is_over_is_forgotten(tx: Transaction, now: int) -> None:
    for n in range(5):
        attempt(tx, now, f"user{n}", f"1.2.3.{n}")
    assert tx.value(ROWS) == 10
    attempt(tx, now + WINDOW, "anna")
    assert tx.value(ROWS) == 2


def test_contract_5_after_ten_wrong_passwords_the_right_one_waits_too(
    clients: Clients, clock: Traveller
) -> None:
    assert [log_in(clients, "viewer", "wrong") for _ in range(12)] == [401] * 10 + [429] * 2
    assert log_in(clients, "viewer", PASSWORD) == 429
    assert log_in(clients, "viewer", PASSWORD, address="1.2.3.4") == 429
    assert log_in(clients, "operator", PASSWORD) == 200
    response = clients.nobody.post("/auth", {"username": "viewer", "password": PASSWORD})
    refused(response, 429)
    assert response.headers["Retry-After"] == "300"
    # Who is signed in already stays so.
    clients.viewer.ok("GET", "/auth/me")
    clock.shift(300)
    assert log_in(clients, "viewer", PASSWORD) == 200


def test_contract_5_a_name_that_does_not_exist_is_limited_alike(clients: Clients, clock: Traveller) -> None:
    assert [log_in(clients, "nobody", "wrong") for _ in range(12)] == [401] * 10 + [429] * 2


def test_contract_5_an_address_that_tries_many_names_waits_alone(clients: Clients, clock: Traveller) -> None:
    found = [log_in(clients, f"user{n}", "wrong", address="6.6.6.6") for n in range(35)]
    assert found == [401] * 30 + [429] * 5
    assert log_in(clients, "viewer", PASSWORD, address="6.6.6.6") == 429
    assert log_in(clients, "viewer", PASSWORD, address="6.6.6.7") == 200


def test_contract_5_many_right_logins_are_not_limited(clients: Clients, clock: Traveller) -> None:
    assert {log_in(clients, "viewer", PASSWORD) for _ in range(40)} == {200}


@pytest.mark.parametrize(
    ("first", "second", "counted_as_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:DB8:1:2:0:0:0:2", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("1.2.3.4", "::ffff:1.2.3.4", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("1.2.3.4", "1.2.3.5", False),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.5", False),
        ("", "unix:", False),
    ],
)
def test_an_ipv6_subscriber_counts_once_whatever_its_addresses(
    tx: Transaction, now: int, first: str, second: str, counted_as_one: bool
) -> None:
    waits = [attempt(tx, now, f"user{n}", first) for n in range(6)]
    assert waits == [0] * 5 + [WINDOW]
    assert attempt(tx, now, "bert", second) == (WINDOW if counted_as_one else 0)
    for n in range(3):
        forgive(tx, f"user{n}", second)
    assert attempt(tx, now, "carl", first) == (0 if counted_as_one else WINDOW)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP"])
def test_contract_5_a_forged_address_does_not_help(clients: Clients, clock: Traveller, header: str) -> None:
    found = [log_in(clients, f"user{n}", "wrong", **{header: f"9.9.9.{n}"}) for n in range(35)]
    assert found == [401] * 30 + [429] * 5


def test_contract_7_behind_a_trusted_proxy_the_address_is_read_from_the_right(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(TRUSTED_PROXIES="127.0.0.1")

    def through_proxy(n: int, address: str) -> int:
        return log_in(clients, f"user{n}", "wrong", **{"X-Forwarded-For": f"9.9.9.{n}, {address}"})

    assert [through_proxy(n, "6.6.6.6") for n in range(35)] == [401] * 30 + [429] * 5
    assert through_proxy(99, "6.6.6.7") == 401
    # Somebody who is no trusted proxy says so too.
    direct = [
        log_in(clients, f"other{n}", "wrong", address="5.5.5.5", **{"X-Forwarded-For": f"9.9.9.{n}"})
        for n in range(35)
    ]
    assert direct == [401] * 30 + [429] * 5


def test_contract_5_a_hundred_bad_logins_at_once_hold_in_every_worker_and_after_a_restart(
    instance: Path,
) -> None:

    def bad(server: Server, n: int) -> Answer:
        body = {"username": "viewer", "password": f"wrong {n}"}
        return server.call("POST", "/auth/login", body, **{"X-Forwarded-For": f"9.9.9.{n}"})

    with Server(instance, workers=4) as server:
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda n: bad(server, n), range(100)))
        assert Counter(answer.status for answer in answers) == {401: 10, 429: 90}
        for answer in answers:
            refused(answer, answer.status)
        right = {"username": "operator", "password": PASSWORD}
        assert server.call("POST", "/auth/login", right).status == 200
    with Server(instance, workers=1) as server:
        refused(bad(server, 0), 429)
        assert server.call("POST", "/auth/login", right).status == 200


def test_while_many_sign_in_there_is_room_for_others_and_more_are_told_to_come_again(
    make_clients: Callable[..., Clients], monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = make_clients(THREADS=4, LOGIN_ATTEMPTS_PER_NAME=1)
    hashing, go_on = Event(), Event()
    at_once = []

    def check(stored: str | None, password: str) -> bool:
        at_once.append(1)
        hashing.set()
        assert go_on.wait(SECONDS)
        at_once.append(-1)
        return True

    monkeypatch.setattr(users, "is_password", check)
    with ThreadPoolExecutor(8) as pool:
        taken = [pool.submit(log_in, clients, name, PASSWORD) for name in ("viewer", "operator", "admin")]
        assert hashing.wait(SECONDS)
        places = clients.app.extensions["sessiontrack.login_places"]._places
        wait_until(lambda: not places._value, "the others, on their way to their places")
        response = clients.nobody.post("/auth/login", {"username": "nobody", "password": "x"})
        assert refused(response, 429)["message"].startswith("Many are signing in")
        assert response.headers["Retry-After"] == "1"
        clients.viewer.ok("GET", "/auth/me")
        go_on.set()
        assert [each.result() for each in taken] == [200] * 3
    # One at a time; and whoever was told to come again has not used up an attempt.
    assert at_once == [1, -1] * 3
    monkeypatch.setattr(users, "is_password", lambda stored, password: False)
    assert [log_in(clients, "nobody", "x") for _ in range(2)] == [401, 429]


def test_the_window_is_a_setting(make_clients: Callable[..., Clients], clock: Traveller) -> None:
    clients = make_clients(LOGIN_ATTEMPTS_PER_NAME=1, LOGIN_WINDOW_SECONDS=7)
    assert [log_in(clients, "viewer", "wrong"), log_in(clients, "viewer", PASSWORD)] == [401, 429]
    clock.move_to(NOW + 7)
    assert log_in(clients, "viewer", PASSWORD) == 200
