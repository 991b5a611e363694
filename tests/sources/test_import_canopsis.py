"""`sessiontrack import canopsis`: user sessions in the user dialect's own shape."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.support.application import NOW, Clients
from tests.support.history import assert_refused, counts, run_import, stored

START = NOW - 3600


def user_session(number: int = 1, **more: Any) -> dict[str, Any]:
    """One as GET /api/v2/sessions lists it."""
    return {
        "_id": f"7b2c0000-0000-4000-8000-{number:012}",
        "id_beaker_session": f"beaker-{number}",
        "username": "anna",
        "start": START,
        "last_ping": START + 600,
        "last_visible_ping": START + 590,
        "last_visible_path": ["view", "tab"],
        "visible_duration": 90,
        "tab_duration": {"view": {"tab": 50, "": 10}, "other": 30},
        "active": False,
    } | more


def row(number: int = 1, ended_at: int | None = START + 600, **more: Any) -> tuple[Any, ...]:
    values = {"view": "view", "tab": "tab", "visible": 90, "last_visible": START + 590} | more
    return (
        f"7b2c0000-0000-4000-8000-{number:012}",
        f"beaker-{number}",
        "anna",
        START,
        START + 600,
        values["last_visible"],
        values["view"],
        values["tab"],
        values["visible"],
        ended_at,
    )


def as_array(sessions: list[Any]) -> str:
    return json.dumps(sessions, indent=2)


def as_lines(sessions: list[Any]) -> str:
    return "\n".join(json.dumps(each) for each in sessions)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.json"


@pytest.mark.parametrize("written", [as_array, as_lines])
def test_an_array_or_an_object_a_line(app: Flask, path: Path, written: Any) -> None:
    nothing_seen = {"last_visible_path": [], "visible_duration": 0, "tab_duration": {}}
    second = user_session(2, active=True, last_visible_ping=None, **nothing_seen, unknown={"x": 1})
    path.write_text(written([user_session(), second]))
    assert counts(run_import(app, "canopsis", str(path)), "user-sessions") == {"read": 2, "added": 2}
    views = [("other", "", 30), ("view", "", 10), ("view", "tab", 50)]
    active = row(2, None, view=None, tab=None, visible=0, last_visible=None)
    wanted = [*(row() + view for view in views), (*active, None, None, None)]
    assert stored(app)["user-sessions"] == wanted
    assert counts(run_import(app, "canopsis", str(path)), "user-sessions") == {"read": 2, "present": 2}
    assert stored(app)["user-sessions"] == wanted


def test_a_list_of_our_own_is_read_back(clients: Clients, path: Path) -> None:
    path.write_text(as_lines([user_session()]))
    run_import(clients.app, "canopsis", str(path))
    assert clients.admin.ok("GET", "/api/v2/sessions") == [user_session()]


def test_of_two_active_sessions_of_a_login_one_stays_open(app: Flask, path: Path) -> None:
    both = [user_session(number, active=True, id_beaker_session="same") for number in (1, 2)]
    path.write_text(as_array(both))
    run_import(app, "canopsis", str(path))
    ended = {each[0][-1]: each[9] for each in stored(app)["user-sessions"]}
    assert ended == {"1": None, "2": START + 600}
    assert counts(run_import(app, "canopsis", str(path)), "user-sessions") == {"read": 2, "present": 2}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (7, "It is not a JSON object"),
        (None, "It is not a JSON object"),
        ({"username": "anna"}, "start is missing"),
        (user_session(start="soon"), "is not a time"),
        (user_session(start=True), "is not a time"),
        (user_session(start=[]), "list"),
        (user_session(start=10**20), "is not a time"),
        (user_session(last_ping=START - 1), "It ends before it starts"),
        (user_session(username=None), "username has 0 characters"),
        (user_session(username="a\x00b"), "control characters"),
        (user_session(username=7), "is not a text"),
        (user_session(_id="x" * 37), "37 characters"),
        (user_session(visible_duration=91), "The sum over tab_duration is not visible_duration"),
        (user_session(visible_duration=-1), "is not a whole number"),
        (user_session(visible_duration=1.5), "is not a whole number"),
        (user_session(visible_duration=10**20), "is not a whole number"),
        (user_session(last_ping=START + 60), "It was visible for longer than it lasted"),
        (user_session(tab_duration=[]), "tab_duration is not an object"),
        (user_session(tab_duration={"view": {"tab": "x"}}), "is not a whole number"),
        (user_session(tab_duration={"a\x00": 90}), "is not a view or a tab"),
        (user_session(tab_duration={"\ud800": 90}), "is not a view or a tab"),
        (user_session(tab_duration={"x" * 513: 90}), "is not a view or a tab"),
        (user_session(last_visible_path=["a", "b", "c"]), "last_visible_path"),
        (user_session(last_visible_path=[7]), "is not a view or a tab"),
        (user_session(last_visible_path="{"), "is not JSON"),
        (user_session(active="perhaps"), "is neither true nor false"),
    ],
)
@pytest.mark.parametrize("written", [as_array, as_lines])
def test_what_cannot_be_is_refused_with_its_number_and_the_rest_is_taken(
    app: Flask, path: Path, written: Any, wrong: Any, reason: str
) -> None:
    path.write_text(written([user_session(8), wrong, user_session(9)]))
    said = run_import(app, "canopsis", str(path))
    (fault,) = said["refused"]
    number = 2
    assert fault["row"] == number
    assert reason in fault["reason"]
    assert counts(said, "user-sessions") == {"read": 3, "added": 2, "refused": 1}


def test_one_that_is_stored_and_differs_is_refused(app: Flask, path: Path) -> None:
    path.write_text(as_array([user_session()]))
    run_import(app, "canopsis", str(path))
    path.write_text(as_array([user_session(last_ping=START + 700), user_session(2)]))
    said = run_import(app, "canopsis", str(path))
    assert "is stored here already, and differs" in said["refused"][0]["reason"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[", "Item 1 is not JSON, or breaks off"),
        (b"[}", "Item 1 is not JSON"),
        (json.dumps([user_session()]).encode()[:-1], "breaks off after item 1"),
        (json.dumps([user_session(), user_session(2)]).encode()[:-9], "Item 2 is not JSON, or breaks off"),
        (json.dumps([user_session()]).encode() + b"]", "more behind"),
        (b"[" + b"[" * 100_000, "Item 1 is nested too deep"),
        (b"[" + b"9" * 5000 + b"]", "Item 1"),
        (b"[NaN]", "Item 1 is not JSON"),
        (b'["\xff"]', "is not UTF-8 text"),
        (b"nothing", "every row is refused"),
        (b"\x00\xff\n" * 50, "every row is refused"),
        (b"SQLite format 3\x00", "every row is refused"),
        (b'{"mac": "x"}', "These are no user-sessions"),
        (b"[{}]", "These are no user-sessions"),
    ],
)
def test_a_file_of_something_else_or_half_of_one_leaves_no_trace(
    app: Flask, path: Path, content: bytes, words: str
) -> None:
    path.write_bytes(content)
    assert_refused(app, "canopsis", str(path), words=words)


def test_standard_input(app: Flask) -> None:
    said = run_import(app, "canopsis", "-", text=as_lines([user_session()]))
    assert counts(said, "user-sessions") == {"read": 1, "added": 1}


def test_an_empty_array_brings_nothing(app: Flask, path: Path) -> None:
    path.write_text("[]")
    assert counts(run_import(app, "canopsis", str(path)), "user-sessions") == {}


# --- Canopsis 3 and 4


def test_canopsis_4_names_the_login_session_id(app: Flask, path: Path) -> None:
    with_id = user_session(1, id_beaker_session="", session_id="login-1")
    without = user_session(2, id_beaker_session="")
    del without["_id"]
    without["_id"] = row(2)[0]
    path.write_text(as_array([with_id, without, user_session(3, session_id="other")]))
    assert counts(run_import(app, "canopsis", str(path)), "user-sessions") == {"read": 3, "added": 3}
    keys = {each[0][-1]: each[1] for each in stored(app)["user-sessions"]}
    assert keys == {"1": "login-1", "2": row(2)[0], "3": "beaker-3"}


def test_canopsis_3_writes_none_where_there_is_no_path(app: Flask, path: Path) -> None:
    none = {"last_visible_path": "None", "last_visible_ping": "None", "visible_duration": 0}
    path.write_text(as_lines([user_session(**none, tab_duration="None")]))
    assert counts(run_import(app, "canopsis", str(path)), "user-sessions") == {"read": 1, "added": 1}
    assert stored(app)["user-sessions"] == [
        (*row(view=None, tab=None, visible=0, last_visible=None), None, None, None)
    ]


@pytest.mark.parametrize(("length", "too_much"), [(89, 1), (81, 9), (10, 2), (0, 1)])
def test_visible_time_over_the_length_by_rounding_is_cut_and_counted_as_changed(
    app: Flask, path: Path, length: int, too_much: int
) -> None:
    visible = length + too_much
    tabs = {"view": {"tab": visible - visible // 3}, "other": visible // 3}
    given = user_session(last_ping=START + length, visible_duration=visible, tab_duration=tabs)
    path.write_text(as_array([given]))
    assert counts(run_import(app, "canopsis", str(path)), "user-sessions") == {"read": 1, "changed": 1}
    found = stored(app)["user-sessions"]
    assert {each[8] for each in found} == {length}
    assert sum(each[-1] for each in found) == length
    assert counts(run_import(app, "canopsis", str(path)), "user-sessions") == {"read": 1, "present": 1}
