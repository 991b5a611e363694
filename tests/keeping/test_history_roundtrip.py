"""An import of an export restores equal data: every kind, every format, any text."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from sessiontrack.database import Statement
from sessiontrack.exceptions import UnreadableHistory
from sessiontrack.values.record_files import FORMATS, decode, defuse, encode, undefuse
from sessiontrack.values.records import KINDS
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.command import invoke
from tests.support.history import assert_refused, counts, run_export, run_import, stored

DAY = 86_400
# Texts that a spreadsheet would run, texts that look already escaped, and texts that CSV must quote.
TEXTS = (
    "=1+1",
    "+49",
    "-5",
    "@x",
    "'=1",
    "''@",
    "'",
    "''",
    "'tis",
    "a'=b",
    'say "a, b"',
    ",",
    '"',
    "Zoë 日本 \U0001f600",
    " = ",
    "a;=1+1",
    ";'=1|-2;@",
    '"=1',
    "true",
    "null",
    "1e5",
    "\u2028",
    "\u0085",
    "\ufeff",
)
DESCRIBE = Statement(
    "UPDATE device SET vendor = :vendor, alert_down = true, can_flap = false, archived = true,"
    " favourite = true, grace_seconds = 90, first_seen_at = :first, last_seen_at = :last WHERE id = :id"
)
ADD_USER_SESSION = Statement(
    "INSERT INTO user_session (public_id, login_key, username, started_at, last_ping, last_visible_ping,"
    " last_view, last_tab, visible_seconds, ended_at) VALUES (:public_id, :login_key, :username, :start,"
    " :last_ping, :last_visible, :view, :tab, :visible, :ended) RETURNING id"
)
ADD_VIEW = Statement("INSERT INTO view_time (session_id, view, tab, seconds) VALUES (:id, :view, :tab, :n)")


def fill(app: Flask) -> None:
    """Rows of all possible shapes."""
    with rows.writing(app) as tx:
        for n, text in enumerate(TEXTS):
            device_id = rows.add_device(tx, f"AA:BB:CC:DD:00:{n:02X}", name=text, owner=text)
            if n % 2:
                tx.run(DESCRIBE, vendor=text, first=n, last=NOW, id=device_id)
            at = NOW - n * DAY
            ip = ("", "10.0.0.9", "2001:db8::9", "::ffff:192.0.2.1")[n % 4]
            types = {"conn_type": text, "disc_type": "Device Down", "info": text, "ip": ip}
            closed = rows.add_session(tx, device_id, at, at + 60, **types)
            rows.add_session(tx, device_id, at + 60, at + 60, **types)
            rows.add_session(tx, device_id, None, at + 100, **types)
            rows.add_session(tx, device_id, at + 200, None, **types)
            rows.add_session(tx, device_id, at + 250, None)
            rows.add_session(tx, device_id, None, at + 260)
            if n % 3 == 0:
                rows.add_session(tx, device_id, at + 300, None, **types, still_connected=True)
            for voided in (False, True, True):
                link = None if voided else closed
                event_id = rows.add_event(
                    tx, device_id, at, text, voided=voided, info=text, pending_alert=n % 2 == 0
                )
                tx.run(Statement("UPDATE event SET session_id = :s WHERE id = :e"), s=link, e=event_id)
            rows.add_event(tx, device_id, at + 7, "IP Changed", info=text)
            add_user_session(tx, n, text)


def add_user_session(tx: Any, n: int, text: str) -> None:
    view, tab = ((text, text), (text, ""), (None, None))[n % 3]
    views = [("v", "", 5), ("v", text, 6), (text, "", 7), ("=", "=", 0)] if n % 4 else []
    session_id = tx.value(
        ADD_USER_SESSION,
        public_id=f"id-{n}",
        login_key=f"key {text} {n}",
        username=text,
        start=NOW + n,
        last_ping=NOW + n + 100,
        last_visible=None if n % 2 else NOW + n + 50,
        view=view,
        tab=tab,
        visible=sum(seconds for *_, seconds in views),
        ended=(None, NOW + n + 100, NOW + n + 150)[n % 3],
    )
    for view, tab, seconds in views:
        tx.run(ADD_VIEW, id=session_id, view=view, tab=tab, n=seconds)


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_end_that_is_not_there_has_no_type_but_the_one_that_was_reported(
    make_clients: Callable[..., Clients], file_format: str
) -> None:
    """Exports of former versions have `Disconnected` there; both are read back equal."""
    clients, new, former = make_clients(), make_clients().app, make_clients().app
    for n, types in enumerate(({}, {"event_type_disc": "Cable Pulled"})):
        body = {"mac": f"AA:BB:CC:00:00:0{n}", "ip": "10.0.0.5", "start_time": "2025-08-01 10:00", **types}
        clients.operator.ok("POST", "/sessions/create", body)
    exported = run_export(clients.app, "sessions", "--format", file_format)
    lines = decode(io.BytesIO(exported.encode()), file_format)
    assert [each.values["disc_type"] or None for each in lines if each.values] == [None, "Cable Pulled"]
    run_import(new, file_format, "sessions", "-", text=exported)
    empty, filled = {"csv": ("Connected,,", "Connected,Disconnected,")}.get(
        file_format, ('"disc_type":null', '"disc_type":"Disconnected"')
    )
    assert exported.count(empty) == 1
    run_import(former, file_format, "sessions", "-", text=exported.replace(empty, filled))
    sessions = [stored(each)["sessions"] for each in (clients.app, new, former)]
    assert sessions[0] == sessions[1] == sessions[2]


@pytest.mark.long
@pytest.mark.parametrize("file_format", FORMATS)
def test_everything_that_was_exported_is_imported_equal(
    make_clients: Callable[..., Clients], file_format: str
) -> None:
    here, there = make_clients().app, make_clients().app
    fill(here)
    files = {kind: run_export(here, kind, "--format", file_format) for kind in KINDS}
    for kind in KINDS:
        said = run_import(there, file_format, kind, "-", text=files[kind])
        assert said["refused"] == []
        assert counts(said, kind) == dict.fromkeys(("read", "added"), said["counts"][kind]["read"])
    assert stored(there) == stored(here)
    assert {kind: run_export(there, kind, "--format", file_format) for kind in KINDS} == files
    # Importing again, or into the original database, changes nothing.
    before = stored(here)
    for app in (there, here):
        for kind in KINDS:
            assert set(counts(run_import(app, file_format, kind, "-", text=files[kind]), kind)) == {
                "read",
                "present",
            }
        assert stored(app) == before


@pytest.mark.parametrize("order", [("sessions", "events"), ("events", "sessions")])
def test_events_find_their_sessions_whichever_comes_first(
    make_clients: Callable[..., Clients], order: tuple[str, str]
) -> None:
    here, there = make_clients().app, make_clients().app
    fill(here)
    for kind in order:
        run_import(there, "csv", kind, "-", text=run_export(here, kind))
    assert stored(there)["events"] == stored(here)["events"]


def test_deleted_sessions_come_back_with_their_events(clients: Clients) -> None:
    app = clients.app
    body = {"mac": "AA:BB:CC:DD:EE:FF", "ip": "10.0.0.1", "start_time": "2025-08-01T10:00"}
    clients.operator.ok("POST", "/sessions/create", {**body, "end_time": "2025-08-01T11:00"})
    before = stored(app)
    files = {kind: run_export(app, kind) for kind in ("sessions", "events")}
    clients.operator.ok("DELETE", "/sessions/delete", {"mac": body["mac"]})
    for kind, text in files.items():
        run_import(app, "csv", kind, "-", text=text)
    after = stored(app)
    assert after["sessions"] == before["sessions"]
    assert [row for row in after["events"] if not row[6]] == before["events"]


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(TEXTS)
JSON_VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | ANY_TEXT


@given(ANY_TEXT)
def test_defusing_is_undone_and_leaves_no_formula(text: str) -> None:
    assert undefuse(defuse(text)) == text
    for separator in ";,|\t\r\n":
        for cell in defuse(text).split(separator):
            # A tab or a carriage return at the end of one cell begins no other.
            assert not cell.lstrip(' "').rstrip("\t\r").startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize(
    "text", ["a;=1+1", "a;\"=cmd|' /C calc'!A0", "a\t=1", "a|=1", "a,=1", "a\n=1", ";;-1", "a; =1", ';"@x']
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_spreadsheet_finds_a_formula_whatever_separates_its_cells(text: str, separator: str) -> None:
    raw = b"".join(encode([{"a": "first", "b": text, "c": [text]}], ("a", "b", "c"), "csv")).decode()
    for line in raw.splitlines():
        for cell in line.split(separator):
            assert not cell.lstrip(' "[').startswith(("=", "+", "-", "@")), cell
    assert '"' in raw


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_export_holds_a_thousand_rows_at_a_time(file_format: str) -> None:
    taken = 0

    def many() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for taken in range(1, 5001):
            yield {"a": taken, "b": ""}

    before = 0
    for _ in encode(many(), ("a", "b"), file_format):
        assert taken - before <= 1000
        before = taken
    assert taken == 5000


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=5))
def test_any_texts_go_through_csv(table: list[tuple[str, str]]) -> None:
    written = [dict(zip(("a", "b"), row, strict=True)) for row in table]
    raw = b"".join(encode(written, ("a", "b"), "csv"))
    assert [line.values for line in decode(io.BytesIO(raw), "csv")] == written


@pytest.mark.parametrize("file_format", ["json", "ndjson"])
@given(table=st.lists(st.fixed_dictionaries({"a": JSON_VALUES, "b": st.lists(JSON_VALUES)}), max_size=5))
def test_any_values_go_through_json(file_format: str, table: list[dict[str, Any]]) -> None:
    raw = b"".join(encode(table, ("a", "b"), file_format))
    assert [line.values for line in decode(io.BytesIO(raw), file_format)] == table


@pytest.mark.parametrize("file_format", FORMATS)
@given(raw=st.binary() | st.text().map(str.encode))
def test_whatever_a_file_holds_only_its_own_error_is_raised(file_format: str, raw: bytes) -> None:
    try:
        for line in decode(io.BytesIO(raw), file_format):
            assert (line.values is None) == bool(line.fault)
    except UnreadableHistory:
        pass


def test_an_array_is_read_across_the_pieces_it_is_read_in() -> None:
    table = [{"a": "x" * n, "b": n} for n in range(0, 3000, 3)]
    raw = b"\xef\xbb\xbf" + b"".join(encode(table, ("a", "b"), "json"))
    lines = list(decode(io.BytesIO(raw), "json"))
    assert [line.values for line in lines] == table
    assert [line.number for line in lines] == list(range(1, 1001))


HEADER = "mac,connected_at,disconnected_at\n"
GOOD = "AA:BB:CC:DD:EE:FF,2025-08-01T10:00:00Z,2025-08-01T11:00:00Z\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The file is empty"),
        ("\n", "The file is empty"),
        ("mac,conected_at\n", "unknown column 'conected_at'"),
        ("mac,mac\n", "A column is there twice"),
        (HEADER + GOOD + '"AA', "Line 3 is not CSV"),
        (HEADER + '"a"b,c,d\n', "is not CSV"),
        (HEADER + "x\n", "every row is refused"),
        (HEADER + "x,y,z\n", "every row is refused"),
    ],
)
def test_a_csv_file_of_something_else_leaves_no_trace(app: Flask, text: str, words: str) -> None:
    assert_refused(app, "csv", "sessions", "-", text=text, words=words)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("AA:BB:CC:DD:EE:FF,2025-08-02\n", "It has 2 cells instead of 3"),
        ("AA:BB:CC:DD:EE:FF,2025-08-02 10:00,100000000000000000000\n", "is not a time"),
        ("AA:BB:CC:DD:EE:FF,2025-08-02 10:00,\x00\n", "is not a time"),
        ("'=x,2025-08-02 10:00,\n", "'=x' is not a MAC address"),
        ("FF:FF:FF:FF:FF:FF,2025-08-02 10:00,\n", "is not a MAC address of a device"),
        ("01:00:5E:00:00:01,2025-08-02 10:00,\n", "is not a MAC address of a device"),
        ("00:00:00:00:00:00,2025-08-02 10:00,\n", "is not a MAC address of a device"),
    ],
)
def test_a_wrong_csv_row_is_named_by_its_line(app: Flask, row: str, reason: str) -> None:
    said = run_import(app, "csv", "sessions", "-", text=f"{HEADER}\n{GOOD}{row}")
    (fault,) = said["refused"]
    assert fault["row"] == 4
    assert reason in fault["reason"]
    assert counts(said, "sessions") == {"read": 2, "added": 1, "refused": 1}


def test_an_unknown_name_in_json_is_refused(app: Flask) -> None:
    row = '{"mac": "AA:BB:CC:DD:EE:FF", "connected_at": "2025-08-01T10:00Z"}\n'
    said = run_import(app, "ndjson", "sessions", "-", text=row + row.replace("connected", "conected"))
    assert "'conected_at' is an unknown name" in said["refused"][0]["reason"]


@pytest.mark.parametrize("wrong", [0, 7, False, True, [], {}])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ip", "is not an IP address"),
        ("conn_type", "is not a text"),
        ("disc_type", "is not a text"),
        ("info", "is not a text"),
    ],
)
def test_in_json_null_and_an_empty_text_alone_are_not_known(
    app: Flask, name: str, reason: str, wrong: Any
) -> None:
    row = {"mac": "00:1a:2b:3c:4d:5e", "connected_at": "2025-08-01T10:00:00Z", name: wrong}
    said = run_import(app, "json", "sessions", "-", text=json.dumps([row, {**row, name: None}]))
    (fault,) = said["refused"]
    assert reason in fault["reason"]
    assert counts(said, "sessions") == {"read": 2, "added": 1, "refused": 1}


@pytest.mark.parametrize("wrong", [0, False, {}])
def test_in_json_a_path_is_a_list(app: Flask, wrong: Any) -> None:
    stay = {"_id": "one", "id_beaker_session": "one", "username": "zoe", "start": NOW, "last_ping": NOW}
    stays = [{**stay, "last_visible_path": wrong}, {**stay, "last_visible_path": []}]
    said = run_import(app, "json", "user-sessions", "-", text=json.dumps(stays))
    assert "is not a list" in said["refused"][0]["reason"]
    assert counts(said, "user-sessions") == {"read": 2, "added": 1, "refused": 1}


def test_a_csv_file_of_a_spreadsheet_is_read(app: Flask) -> None:
    text = "\ufeffmac,at,type,voided\r\naabbccddeeff,2025-08-01 10:00,Connected,TRUE\r\n"
    run_import(app, "csv", "events", "-", text=text, TIMEZONE="Europe/Berlin")
    assert stored(app)["events"][0][:3] == ("AA:BB:CC:DD:EE:FF", 1_754_035_200, "Connected")


NAMES = """MAC,Name,Owner,favourite,grace_seconds,tags
02:00:00:00:00:01,Printer,,,,
02:00:00:00:00:02,Laptop,Anna,false,600,"den,office"
02:00:00:00:00:03,Camera,,true,,
"""


def test_a_list_of_names_is_left_or_taken_where_others_are_set(make_clients: Callable[..., Clients]) -> None:
    app = make_clients().app
    with rows.writing(app) as tx:
        rows.add_device(tx, "02:00:00:00:00:01", name="Epson", owner="Office")
        two = rows.add_device(tx, "02:00:00:00:00:02", name="Laptop", owner="Ben")
        tx.run(DESCRIBE, vendor="Acme", first=NOW, last=NOW, id=two)
    words = ["import", "csv", "devices", "-"]
    done = invoke(app.instance_path, *words, text=NAMES)
    line = (
        "2 rows differ from what is set here, which stays:"
        " name 1, owner 1, favourite 1, grace_seconds 1. --overwrite takes them.\n"
    )
    assert (done.exit_code, done.stderr) == (0, line)
    names = [(row[1], row[2], row[7], row[8]) for row in stored(app)["devices"]]
    assert names == [("Epson", "Office", 0, None), ("Laptop", "Ben", 1, 90), ("Camera", "", 1, None)]
    tried = run_import(app, *words[1:], "--overwrite", "--dry-run", text=NAMES)
    assert counts(tried, "devices") == {"read": 3, "changed": 2, "present": 1}
    assert run_import(app, *words[1:], text=NAMES)["differing"] == {
        "rows": 2,
        "columns": {"name": 1, "owner": 1, "favourite": 1, "grace_seconds": 1},
    }
    done = invoke(app.instance_path, *words, "--overwrite", text=NAMES)
    assert (done.exit_code, done.stderr) == (0, "")
    names = [(row[1], row[2], row[7], row[8]) for row in stored(app)["devices"]]
    assert names == [("Printer", "Office", 0, None), ("Laptop", "Anna", 0, 600), ("Camera", "", 1, None)]
    again = run_import(app, *words[1:], "--overwrite", text=NAMES)
    assert counts(again, "devices") == {"read": 3, "present": 3}
    assert again["differing"] == {"rows": 0, "columns": {}}


def test_a_list_with_other_separators_is_refused_in_these_words(make_clients: Callable[..., Clients]) -> None:
    app = make_clients().app
    text = "mac;name\n02:00:00:00:00:01;Printer\n"
    assert_refused(app, "csv", "devices", "-", text=text, words="Columns are separated by commas.")
    done = invoke(app.instance_path, "import", "csv", "sessions", "-", "--overwrite", text="mac\n")
    assert done.exit_code == 2
    assert "--overwrite is for devices." in done.stderr
