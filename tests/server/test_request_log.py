"""The log: one line per request, with the id of the answer; no forged lines, no secrets."""

import json
import logging
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from sessiontrack.process.log_lines import REQUEST_ID, JsonLines, TextLines, configure, one_line
from sessiontrack.process.request_log import ACCEPTED
from tests.server.test_deploy_nginx import line_of, lines
from tests.support.application import Clients
from tests.support.command import assert_one_line, invoke
from tests.support.server import Server

TOKEN = "st_" + "aB3-" * 10 + "xyz"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"
HOSTILE = "/nowhere/%0d%0aid=0%20user=admin%1b[31m%c2%9b%e2%80%ae"


@pytest.fixture(scope="module")
def log_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("log") / "instance"
    with Server(folder, LOG="json", ADMIN_PASSWORD="correct horse", TRUSTED_PROXIES="127.0.0.0/8") as server:
        body = {"username": "admin", "password": "correct horse"}
        yield server, server.call("POST", "/auth/login", body).json["access_token"]


def test_a_line_says_who_asked_for_what_and_how_it_was_answered(log_server: tuple[Server, str]) -> None:
    server, token = log_server
    answer = server.call("GET", f"/auth/me?_={token}", token=token, **{"X-Forwarded-For": "192.0.2.7"})
    line = line_of(server, answer)
    assert line.pop("ms") >= 0
    assert line.pop("at") > 1_700_000_000
    assert line == {
        "level": "info",
        "id": answer.headers["X-Request-Id"],
        "user": "admin",
        "address": "192.0.2.7",
        "method": "GET",
        "path": "/auth/me",
        "status": 200,
    }


def test_a_line_names_the_user_whose_role_was_not_enough(log_server: tuple[Server, str]) -> None:
    server, token = log_server
    made = server.call("POST", "/auth/tokens", {"name": "look", "role": "viewer"}, token=token)
    refused = server.call("GET", "/users", token=made.json["token"])
    assert refused.status == 403
    assert line_of(server, refused)["user"] == "admin"


@pytest.mark.parametrize("secret", [TOKEN, JWT])
def test_a_token_in_an_address_is_in_no_line(log_server: tuple[Server, str], secret: str) -> None:
    server, token = log_server
    line = line_of(server, server.call("GET", f"/nowhere/{secret}?token={secret}", token=token))
    assert line["path"] == "/nowhere/[token]"
    assert secret not in server.output()
    assert token not in server.output()


def test_no_control_character_gets_into_a_line(log_server: tuple[Server, str]) -> None:
    server, _ = log_server
    line = line_of(server, server.call("GET", HOSTILE))
    assert line["status"] == 404
    assert line["user"] == "-"
    assert line["path"].isascii()
    assert line["path"].startswith("/nowhere/%0D%0Aid=0%20user=admin%1B")
    assert all(each.isprintable() for each in server.output().splitlines())


def test_a_very_long_address_is_cut(log_server: tuple[Server, str]) -> None:
    server, _ = log_server
    assert len(line_of(server, server.call("GET", f"/{'x' * 3000}"))["path"]) == 1024


def test_health_checks_leave_no_line(log_server: tuple[Server, str]) -> None:
    server, token = log_server
    for path in ("/healthz", "/readyz", "/metrics"):
        assert server.call("GET", path, token=token).status == 200
    line_of(server, server.call("GET", "/metrics"))
    paths = [each.get("path") for each in lines(server)]
    assert "/healthz" not in paths
    assert "/readyz" not in paths
    assert paths.count("/metrics") == 1


def test_a_poll_that_finds_nothing_new_leaves_no_line(log_server: tuple[Server, str]) -> None:
    server, token = log_server
    first = server.call("GET", "/presence/now", token=token)
    again = server.call("GET", "/presence/now", token=token, **{"If-None-Match": first.headers["ETag"]})
    assert again.status == 304
    # Written after what was asked before it.
    line_of(server, server.call("GET", "/presence/totals", token=token))
    ids = [each.get("id") for each in lines(server)]
    assert first.headers["X-Request-Id"] in ids
    assert again.headers["X-Request-Id"] not in ids


@pytest.mark.parametrize("request_id", ["4c2f1a9b8e7d6c5b4a39281706f5e4d3", "a.b_c-12", "x" * 64])
def test_the_id_of_a_trusted_proxy_is_taken_over(log_server: tuple[Server, str], request_id: str) -> None:
    answer = log_server[0].call("GET", "/healthz", **{"X-Request-Id": request_id})
    assert answer.headers.get_all("X-Request-Id") == [request_id]


@pytest.mark.parametrize(
    "request_id", ["", "short", "x" * 65, "a b c d e f", "<script>alert(1)", "-starts-wrong", "a,b,c,d,e"]
)
def test_one_that_is_no_id_is_not(log_server: tuple[Server, str], request_id: str) -> None:
    answer = log_server[0].call("GET", "/healthz", **{"X-Request-Id": request_id})
    (made,) = answer.headers.get_all("X-Request-Id") or []
    assert made != request_id
    assert ACCEPTED.fullmatch(made)


def test_nobody_else_names_a_request(clients: Clients) -> None:
    answer = clients.viewer.call("GET", "/auth/me", headers={"X-Request-Id": "forged-by-the-client"})
    other = clients.viewer.get("/auth/me")
    ids = {each.headers["X-Request-Id"] for each in (answer, other)}
    assert len(ids) == 2
    assert "forged-by-the-client" not in ids


# --- lines of every kind


def written(formatter: logging.Formatter, message: Any, *arguments: object, failed: bool = False) -> str:
    record = logging.LogRecord("sessiontrack.http.errors", logging.WARNING, "", 0, message, arguments, None)
    if failed:
        try:
            raise ValueError(f"first\n2025 forged \x1b[2J {TOKEN}")
        except ValueError:
            record.exc_info = sys.exc_info()
    return formatter.format(record)


def test_text_is_name_and_value_and_quoted_where_it_must_be() -> None:
    fields = {"id": "1", "user": 'anna "x" status=200', "empty": "", "status": 404, "name": "Küche"}
    line = written(TextLines(), fields)
    assert line == 'id=1 user="anna \\"x\\" status=200" empty="" status=404 name=Küche'


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()])
def test_a_stack_trace_is_one_line_without_secrets(formatter: logging.Formatter) -> None:
    line = written(formatter, "GET %r failed with %s", "/x\n", TOKEN, failed=True)
    assert line.isprintable()
    assert "Traceback" in line
    assert "\\n2025 forged" in line
    assert TOKEN not in line
    assert line.count("[token]") == 2


def test_json_is_ascii_whatever_the_message_holds() -> None:
    line = written(JsonLines(), "Küche \u202e \x9b \ud800 %s", "x")
    assert line.isascii()
    assert json.loads(line)["message"] == "Küche \u202e \x9b \ud800 x"


@pytest.mark.parametrize("text", ["a\r\nb", "\x1b[31m", "\x9b", "\u2028", "\u202e", "\x00", "\ud800"])
def test_one_line_escapes_what_is_no_letter(text: str) -> None:
    assert one_line(text).isprintable()
    assert one_line("Küche, 2. Stock") == "Küche, 2. Stock"


def test_lines_carry_their_priority_for_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], logging.getLogger("sessiontrack").level
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    written_to = StringIO()
    # Left over from an answer that another test did not close.
    REQUEST_ID.set("")
    try:
        root.handlers.clear()
        configure("text")
        # Again, as for another application in the same process.
        configure("text")
        monkeypatch.setattr(sys, "stderr", written_to)
        logging.getLogger("sessiontrack.test").warning("careful")
        logging.getLogger("sessiontrack.test").info("fine")
    finally:
        root.handlers[:] = handlers
        logging.getLogger("sessiontrack").setLevel(level)
    assert written_to.getvalue() == "<4>WARNING sessiontrack.test: careful\n<6>INFO sessiontrack.test: fine\n"


def test_whoever_logs_already_is_not_disturbed() -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    assert before
    configure("json")
    assert root.handlers == before


def test_a_wrong_setting_is_refused(tmp_path: Path) -> None:
    result = invoke(tmp_path, "migrate", LOG="xml")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "SESSIONTRACK_LOG", "text, json")
