"""The documents say what the program does: settings, calls, commands, and every line of shell they show."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest
from flask import Flask

from bundling import settings
from sessiontrack import create_app
from sessiontrack.cli import COMMANDS, main
from sessiontrack.config import Settings
from sessiontrack.database import Statement
from sessiontrack.schemas.devices import ChangeDevice
from sessiontrack.schemas.presence import EventBody, ScanBody, SeenDevice
from sessiontrack.sources.formats import FORMATS, in_page
from tests.support.command import invoke
from tests.support.pages import blocks, section
from tests.support.rows import writing
from tests.support.rules import api_rules
from tests.support.server import COMMAND, Server, environment

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()


def test_reference_has_every_setting_with_its_default_and_meaning() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*)`)? ?\| (.*) \|$", REFERENCE, re.MULTILINE)
    table = [(f.name.upper(), f.metadata["default"], f.metadata["meaning"]) for f in fields(Settings)]
    assert rows == table


def test_what_is_made_of_the_settings_is_current() -> None:
    stale = "config.py has changed: run make settings"
    assert settings.PAGE.read_text("utf-8") == settings.page(), stale
    assert settings.CATALOGUE.read_text("utf-8") == settings.catalogue(), stale


def test_readme_opens_with_a_screenshot_and_all_of_its_pictures_load_fast() -> None:
    assert re.search(r"\A# sessiontrack\n\n!\[.+\]\(docs/.+\.png\)\n", README)
    shown = re.findall(r"!\[.+\]\((docs/.+\.png)\)", README)
    assert len(shown) == 3
    for each in shown:
        picture = (ROOT / each).read_bytes()
        assert picture.startswith(b"\x89PNG\r\n")
        assert len(picture) < 150_000, each


def test_reference_has_every_call(app: Flask) -> None:
    documented = {
        (method, re.sub(r"<[^>]*>", "<>", path))
        for method, path in re.findall(r"`(GET|POST|PATCH|DELETE) (/[^`]*)`", REFERENCE)
    }
    documented.add(("GET", "/api/v2/sessionstart"))
    routed = {
        (method, re.sub(r"<[^>]*>", "<>", rule.rule))
        for rule in api_rules(app)
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert documented == routed


def _fields_of_bodies() -> dict[str, set[str]]:
    """The fields that the reference lists, by call; a row without a call belongs to the one above."""
    found: dict[str, set[str]] = {}
    call = ""
    rows = re.findall(
        r"^\|(?: `(.*?)`)? \| (`.*?`) \| .*\|$", section("reference.md", "Fields of the bodies"), re.MULTILINE
    )
    for named, fields_of_it in rows:
        call = named or call
        found.setdefault(call, set()).update(re.findall(r"`(\w+)`", fields_of_it))
    return found


def test_reference_has_the_fields_of_the_bodies() -> None:
    assert _fields_of_bodies() == {
        "POST /presence/scans": set(ScanBody().fields),
        "POST /presence/events": set(EventBody().fields),
        "PATCH /devices/<mac>": set(ChangeDevice().fields),
    }
    assert all(f"`{name}`" in section("reference.md", "Fields of the bodies") for name in SeenDevice().fields)


def test_embedding_lists_the_colours_and_fonts() -> None:
    tokens = (ROOT / "sessiontrack" / "web" / "browser" / "styles" / "tokens.css").read_text()
    listed = re.findall(r"^\| (`--st-.*`) \| .+ \|$", section("embedding.md", "Widgets"), re.MULTILINE)
    named = re.findall(r"`(--st-[a-z-]+)`", " ".join(listed))
    assert sorted(named) == sorted(re.findall(r"^  (--st-[a-z-]+):", tokens, re.MULTILINE))


def test_install_says_what_the_page_says_is_left_to_do(tmp_path: Path) -> None:
    program = ("--command", "/opt/sessiontrack/bin/sessiontrack")
    printed = invoke("unused", "install", "--prefix", str(tmp_path), *program, "--yes").output
    _, _, shown = section("install.md", "As a service, behind nginx").partition("what is left to do:\n")
    lines = re.match(r"\n((?:    .+\n)+)", shown)
    assert lines is not None
    assert all(line.strip() in printed for line in lines[1].splitlines())


def test_removing_it_leaves_what_the_page_says(tmp_path: Path) -> None:
    program = ("--command", "/opt/sessiontrack/bin/sessiontrack")
    assert invoke("unused", "install", "--prefix", str(tmp_path), *program, "--yes").exit_code == 0
    (row,) = re.findall(r"^\| with pip \| (.+) \|$", section("install.md", "Remove it"), re.MULTILINE)
    first, second, third = re.findall(r"`sudo ([^`]+)`", row)
    words = shlex.split(first)
    assert words[:2] == [program[1], "uninstall"]
    removed = invoke("unused", *words[1:], "--prefix", str(tmp_path), "--yes")
    assert (removed.exit_code, second in removed.output) == (0, True), removed.output
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []
    # The program is where the page had it put.
    assert third == "rm -r /opt/sessiontrack"
    assert f"python3 -m venv {third.split()[-1]}\n" in section("install.md", "As a service, behind nginx")


def test_the_unit_of_the_first_boot_is_one(tmp_path: Path) -> None:
    (shown,) = blocks("embedding.md", "The first boot", "ini")
    unit = tmp_path / "sessiontrack-provision.service"
    # The program must exist; it is not at that place.
    program = "/opt/sessiontrack/bin/sessiontrack"
    assert program in shown
    unit.write_text(shown.replace(program, "/bin/true"))
    (tmp_path / "sessiontrack.service").write_text("[Service]\nExecStart=/bin/true\n")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_rule_for_working_hours_fires_in_them_alone(tmp_path: Path) -> None:
    """The clock of the tests begins on a Thursday; the last packet came at midnight before."""
    (rules,) = blocks("monitoring.md", "Silent sources", "yaml")
    (tmp_path / "rules.yml").write_text(rules)
    (alert,) = re.findall("alert: (.*)", rules)
    hours = {"08h59m": 0, "9h": 1, "16h59m": 1, "17h": 0, "34h": 1, "58h": 0, "82h": 0, "106h": 1}
    series = 'sessiontrack_last_heard_timestamp_seconds{kind="radius",source="radius:floor 1"}'
    told = {
        "exp_labels": {"severity": "warning"},
        "exp_annotations": {"summary": "No RADIUS packet came for an hour."},
    }
    case = {
        "interval": "1m",
        "input_series": [{"series": series, "values": "0x7000"}],
        "alert_rule_test": [
            {"alertname": alert, "eval_time": at, "exp_alerts": [told] * fires} for at, fires in hours.items()
        ],
    }
    # JSON is YAML.
    (tmp_path / "test.yml").write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [case]}))
    checked = subprocess.run(
        ["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_monitoring_shows_of_mail_is_taken_by_systemd_and_prometheus(tmp_path: Path) -> None:
    mails, asks = blocks("monitoring.md", "By mail", "ini")
    (tmp_path / "failed@nightly.service.service").write_text(mails)
    (tmp_path / "nightly.service").write_text(f"{asks}[Service]\nExecStart=/bin/true\n")
    for name in ("nightly.service", "failed@nightly.service.service"):
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", tmp_path / name], capture_output=True, text=True
        )
        assert (verified.returncode, verified.stderr) == (0, "")
    alerting, _ = blocks("monitoring.md", "By mail", "yaml")
    (tmp_path / "prometheus.yml").write_text(alerting)
    checked = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr


def test_the_owner_is_an_admin_however_often_the_machine_boots(tmp_path: Path) -> None:
    (line,) = re.findall(
        r"^ +ExecStartPost=-(/bin/sh .+)$", section("embedding.md", "The owner as admin"), re.M
    )
    assert invoke(tmp_path, "provision").exit_code == 0
    words = shlex.split(line.replace("/opt/sessiontrack/bin/sessiontrack", COMMAND))
    for is_new in (True, False):
        ran = subprocess.run(words, env=environment(tmp_path), capture_output=True, text=True, check=False)
        assert (ran.returncode == 0) is is_new
        # Not the password either: it would be in the journal.
        assert ran.stdout == ""
        assert (ran.stderr == "") is is_new
        users = {
            each["username"]: each["role"]
            for each in json.loads(invoke(tmp_path, "user", "list", "--json").stdout)
        }
        assert users == {"admin": "admin", "owner": "admin"}


def test_a_first_password_that_nobody_needs_is_thrown_away_once(tmp_path: Path) -> None:
    (line,) = re.findall(
        r"^ +ExecStartPost=(/bin/sh .+)$", section("embedding.md", "The first password"), re.M
    )
    file = tmp_path / "initial-admin-password"
    words = shlex.split(
        line.replace("/opt/sessiontrack/bin/sessiontrack", COMMAND).replace(
            "/var/lib/sessiontrack", str(tmp_path)
        )
    )
    app = create_app({"INSTANCE": tmp_path})
    assert invoke(tmp_path, "provision").exit_code == 0
    assert "the one in" in invoke(tmp_path, "doctor").stdout
    hashes = []
    for _ in range(2):
        ran = subprocess.run(words, env=environment(tmp_path), capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        assert not file.exists()
        assert "the one in" not in invoke(tmp_path, "doctor").stdout
        with writing(app) as tx:
            hashes.append(tx.rows(Statement('SELECT password_hash FROM "user"')))
    assert hashes[0] == hashes[1]


def _commands(group: click.Group, name: str) -> Iterator[str]:
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from _commands(command, f"{name} {each}")
        else:
            yield f"{name} {each}"


def test_reference_has_every_command() -> None:
    assert set(re.findall(r"^\| `(sessiontrack [^`]*)`", REFERENCE, re.MULTILINE)) == set(
        _commands(main, "sessiontrack")
    )


@pytest.mark.parametrize("name", ["sources.md", "reference.md"])
def test_formats_are_listed_as_their_table_has_them(name: str) -> None:
    """`make formats` writes them anew."""
    page = (ROOT / "docs" / name).read_text()
    assert in_page(page) == page
    assert all(f"scan {each}` | " in page for each in FORMATS)


def test_readme_is_short_and_shows_its_two_commands() -> None:
    assert len(README.splitlines()) < 120
    assert re.search(r"^make run ", README, re.MULTILINE)
    assert re.search(r"^make test ", README, re.MULTILINE)


def test_users_have_fourteen_pages_and_the_readme_names_each() -> None:
    pages = {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")}
    assert len(pages) <= 14
    assert pages <= set(re.findall(r"\]\((docs/[^)#]+)", README))


def _shown_calls(page: Path) -> list[str]:
    """The calls of the command in a page: its name as a word, and what follows in the line or the quotes."""
    text = page.read_text()
    fenced = "".join(re.findall(r"^```[a-z]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    fenced = fenced.replace("\\\n", " ")
    indented = "\n".join(re.findall(r"^    (.+)$", text, re.MULTILINE))
    quoted = "\n".join(re.findall(r"`([^`\n]+)`", text))
    called = re.compile(r"(?:^|[\s|;(=/])sessiontrack ((?:[a-z][a-z-]* ?)+[^\n|>#;)]*)", re.MULTILINE)
    return [each for place in (fenced, indented, quoted) for each in called.findall(place)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_shown_calls_of_the_command_are_understood(page: Path) -> None:
    """Only those that begin with one of its commands; `sessiontrack` is a user and a service too."""
    wrong = []
    for call in _shown_calls(page):
        words = call.replace("...", "").split(" -- ")[0].split()
        if words[0] not in COMMANDS:
            continue
        command: click.Command = main
        while isinstance(command, click.Group) and words:
            inner = command.get_command(click.Context(command), words[0])
            if inner is None:
                break
            command = inner
            words.pop(0)
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        options = {word.partition("=")[0].rstrip(".,`") for word in words if word.startswith("--")}
        stops = isinstance(command, click.Group) and words and words[0][0] not in "<"
        if stops or not options <= {*known, "--help"}:
            wrong.append(call)
    assert wrong == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda page: page.name)
def test_a_page_begins_with_what_is_in_it(page: Path) -> None:
    top, _, _ = page.read_text().partition("\n## ")
    linked = set(re.findall(r"\]\(#([^)]+)\)", top))
    assert len(top.splitlines()) <= 24
    headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    missing = [each for each in headings if _anchor(each) not in linked]
    assert missing == []


def test_pages_with_lines_to_type_say_where_the_command_is() -> None:
    note = (
        "For `sessiontrack` type `.venv/bin/sessiontrack` in a checkout,"
        " `/opt/sessiontrack/bin/sessiontrack` after an\ninstallation with pip.\n"
    )
    line = re.compile(rf"^ *sessiontrack (?:{'|'.join(COMMANDS)})\b", re.MULTILINE)
    shown = {page.name for page in ROOT.glob("docs/*.md") if line.search(page.read_text())}
    assert len(shown) >= 5
    assert {page.name for page in ROOT.glob("docs/*.md") if note in page.read_text()} == shown


def _anchors(page: Path) -> set[str]:
    """What links may name in a page: its headings, as the forges spell them."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE)}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text())
    dangling = []
    for path, anchor in targets:
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            dangling.append((path, anchor))
    assert dangling == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_recipe_that_writes_an_answer_into_a_file_fails_where_the_answer_is_an_error(page: Path) -> None:
    """Else a refusal is left in the file, as if it were the table."""
    shown = re.findall(r"^curl .*$", page.read_text(), re.MULTILINE)
    writing = [line for line in shown if re.search(r" -o \S|--output| >\s?\w", line.partition("  #>")[0])]
    assert [line for line in writing if " -fsS -o " not in line] == []
    assert writing or page.name not in ("start.md", "history.md")


def test_shell_lines_of_the_reference_run_against_a_live_server(tmp_path: Path) -> None:
    lines = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```$", REFERENCE, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    calls = [line for line in lines if "curl" in line]
    assert len(calls) >= 15
    with Server(tmp_path / "instance") as server:
        # Whatever answers an error ends the script: its line is then the last one shown.
        script = ["set -euo pipefail", 'curl() { command curl --fail-with-body "$@"; }', "set -x"]
        script += [line.replace(":8000", f":{server.port}") for line in lines]
        ran = subprocess.run(
            ["bash", "-c", "\n".join(script)], cwd=tmp_path, env=os.environ, capture_output=True, text=True
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count('"success":true') == 15
    assert '"ses_MAC":"AA:BB:CC:DD:EE:FF"' in ran.stdout
    assert '"description":"Session hide"' in ran.stdout
    assert '"token":"st_' in ran.stdout
