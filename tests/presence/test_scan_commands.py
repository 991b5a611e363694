"""`sessiontrack scan <format>`: files and standard input, into this database or to a remote one."""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import Result

from sessiontrack.sources.formats import FORMATS
from tests.support.application import NOW, Clients, LiveServer
from tests.support.captured import FOLDER
from tests.support.command import assert_one_line, invoke

TABLE = "mac,ip,name\nda:a1:19:11:22:33,10.0.0.5,phone\nzz,10.0.0.6,x\n01:00:5e:00:00:16,10.0.0.7,x\n"
MAC = "DA:A1:19:11:22:33"


class Scans:
    """Runs the commands on the database that the clients read."""

    def __init__(self, clients: Clients, folder: Path) -> None:
        self.clients = clients
        self.folder = folder

    def run(self, *arguments: str, text: str | None = None, **settings: str) -> Result:
        return invoke(self.clients.app.instance_path, "scan", *arguments, text=text, **settings)

    def ok(self, *arguments: str, text: str | None = None) -> Any:
        result = self.run(*arguments, "--json", text=text)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def file(self, name: str, content: str | bytes, at: int = NOW) -> str:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (at, at))
        return str(path)

    def sessions(self, mac: str = MAC) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.clients.admin.ok("GET", f"/sessions/list?mac={mac}")["sessions"]
        return found


@pytest.fixture
def scans(clients: Clients, tmp_path: Path, clock: time_machine.Traveller) -> Iterator[Scans]:
    return Scans(clients, tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "lines"),
    [
        ("arp-scan", "arp-scan.txt", {"taken": 2, "left_out": 0, "faulty": 0}),
        ("arp-scan", "arp-scan-plain.txt", {"taken": 2, "left_out": 0, "faulty": 0}),
        ("dnsmasq", "dnsmasq.leases", {"taken": 3, "left_out": 0, "faulty": 0}),
        ("kea", "kea-leases4.csv", {"taken": 4, "left_out": 4, "faulty": 0}),
        ("kea", "kea-leases6.csv", {"taken": 2, "left_out": 1, "faulty": 0}),
    ],
)
def test_captured_output_opens_sessions(scans: Scans, name: str, file: str, lines: dict[str, int]) -> None:
    path = scans.file(file, (FOLDER / file).read_bytes(), NOW - 60)
    answer = scans.ok(name, path)
    assert answer["lines"] == lines
    assert answer["connected"] == answer["new"] == answer["seen"] >= 1
    first = next(change for change in answer["changes"] if change["type"] == "Connected")
    assert first["at"] == NOW - 60
    assert len(scans.sessions(first["mac"])) == 1


def test_a_report_of_nmap_speaks_of_its_own_time(scans: Scans) -> None:
    text = (FOLDER / "nmap.xml").read_text().replace("1795315955", str(NOW - 120))
    answer = scans.ok("nmap", scans.file("nmap.xml", text))
    assert {change["at"] for change in answer["changes"]} == {NOW - 120}


def test_standard_input_is_of_now_and_the_summary_counts_lines(scans: Scans) -> None:
    result = scans.run("csv", text=TABLE)
    assert result.exit_code == 0, result.output
    header, *rows, summary, lines = result.stdout.splitlines()
    assert header.split() == ["mac", "type", "at", "ip", "info"]
    assert rows[0].split()[:3] == [MAC, "Connected", "2025-08-15T12:00:00+00:00"]
    assert summary == "1 seen, 1 connected, 0 disconnected, 1 new, 0 down, 0 ip_changed"
    assert lines == "Lines: 1 taken, 1 left out, 1 faulty"
    assert result.stderr == "Note: Line 3: 'zz' is not a MAC address.\n"


def test_a_report_without_any_mac_address_is_an_error_and_no_scan(scans: Scans) -> None:
    scans.ok("nmap", text=(FOLDER / "nmap.xml").read_text().replace("1795315955", str(NOW)))
    text = '<nmaprun><host><status state="up"/><address addr="10.0.0.5" addrtype="ipv4"/></host>'
    text += f'<runstats><finished time="{NOW}" exit="success"/></runstats></nmaprun>'
    result = scans.run("nmap", text=text)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "1 host without a MAC address; run nmap as root, in the segment.")


def test_stale_neighbours_are_counted_and_said_what_to_do(scans: Scans) -> None:
    lines = (f"10.0.0.{n} dev eth0 lladdr 02:00:00:00:00:0{n} STALE\n" for n in range(1, 4))
    result = scans.run("ip-neigh", "-", text="".join(lines))
    assert result.exit_code == 0, result.output
    assert "(STALE): 3. `sessiontrack scan network`" in result.stderr


def test_at_most_twenty_notes(scans: Scans) -> None:
    result = scans.run("csv", text=TABLE + "zz,,\n" * 100)
    assert result.stderr.splitlines()[-1] == "Note: and 81 more like these."
    assert len(result.stderr.splitlines()) == 21


def test_a_trial_says_what_would_change_and_changes_nothing(scans: Scans) -> None:
    answer = scans.ok("csv", "--dry-run", text=TABLE)
    assert (answer["connected"], answer["dry_run"], len(answer["changes"])) == (1, True, 2)
    assert scans.sessions() == []
    result = scans.run("csv", "--dry-run", text=TABLE)
    assert "A trial; nothing was changed." in result.stdout
    assert scans.ok("csv", text=TABLE)["connected"] == 1


def test_the_source_is_the_format_unless_it_is_named(scans: Scans, clock: time_machine.Traveller) -> None:
    """One source's misses do not outvote another's sighting."""
    other = "mac\n00:1a:2b:3c:4d:5e\n"
    scans.ok("csv", "--source", "cellar", text=TABLE)
    clock.shift(330)
    scans.ok("csv", "--source", "cellar", text=other)
    clock.shift(330)
    assert scans.ok("csv", text=other)["disconnected"] == 0
    assert scans.ok("csv", "--source", "cellar", text=other)["disconnected"] == 1


def test_contract_6_partial_scans_and_cut_off_ones_disconnect_nobody(
    scans: Scans, clock: time_machine.Traveller
) -> None:
    plain = "10.0.0.5\tda:a1:19:11:22:33\tx\n10.0.0.6\t00:1a:2b:3c:4d:5f\tx\n"
    scans.ok("arp-scan", text=plain)
    clock.shift(660)
    whole = (FOLDER / "arp-scan.txt").read_text()
    assert scans.ok("arp-scan", "--partial", text=whole)["disconnected"] == 0
    result = scans.run("arp-scan", text=whole[: whole.index("Ending")])
    assert "It is not whole" in result.stderr
    assert scans.sessions()[0]["ses_StillConnected"] is True
    assert scans.ok("arp-scan", text=whole)["disconnected"] == 0
    clock.shift(600)
    assert scans.ok("arp-scan", text=whole)["disconnected"] == 2


def test_a_device_on_a_faulty_line_is_not_missing(scans: Scans, clock: time_machine.Traveller) -> None:
    router = "10.0.0.1\t00:1a:2b:3c:4d:5e\tx\n"
    scans.ok("arp-scan", text=f"{router}10.0.0.5\t{MAC}\tx\n")
    clock.shift(660)
    assert scans.ok("arp-scan", text=f"{router}10.0.0.500\t{MAC}\tx\n")["disconnected"] == 0
    clock.shift(600)
    assert scans.ok("arp-scan", text=router)["disconnected"] == 1


def test_a_lease_file_that_nobody_writes_disconnects_nobody(
    scans: Scans, clock: time_machine.Traveller
) -> None:
    lease = f"{NOW + 600} da:a1:19:11:22:33 10.0.0.5 phone *\n"
    router = f"{NOW + 86400} 00:1a:2b:3c:4d:5e 10.0.0.1 router *\n"
    path = scans.file("leases", lease + router)
    scans.ok("dnsmasq", path)
    clock.shift(7200)
    assert scans.ok("dnsmasq", path)["changes"] == []
    os.utime(path, (NOW + 7200, NOW + 7200))
    assert scans.ok("dnsmasq", path)["disconnected"] == 0
    clock.shift(600)
    os.utime(path, (NOW + 7800, NOW + 7800))
    assert scans.ok("dnsmasq", path)["disconnected"] == 1
    assert scans.sessions()[0]["ses_DateTimeDisconnection"] == "2025-08-15T12:00:00+00:00"


def test_rows_with_an_instant_are_sightings_of_then(scans: Scans) -> None:
    text = f"mac,at\n{MAC},2025-08-15 10:00\n{MAC},2025-08-15 10:05\n{MAC},2025-01-01\n"
    result = scans.run("csv", text=text)
    assert result.exit_code == 0, result.output
    assert "is too late" in result.stderr
    (session,) = scans.sessions()
    assert session["ses_DateTimeConnection"] == "2025-08-15T10:00:00+00:00"
    assert session["ses_StillConnected"] is True


@pytest.mark.parametrize(("at", "word"), [(NOW - 8 * 86400, "too late"), (NOW + 3600, "future")])
def test_a_file_of_an_instant_that_is_not_accepted_is_one_line(scans: Scans, at: int, word: str) -> None:
    result = scans.run("csv", scans.file("seen.csv", TABLE, at))
    assert result.exit_code == 1
    assert word in result.stderr.splitlines()[-1]
    assert scans.sessions() == []


def test_kea_reads_the_files_beside_its_own(scans: Scans) -> None:
    log = (FOLDER / "kea-leases4.csv").read_text()
    scans.file("kea-leases4.csv.2", log)
    path = scans.file("kea-leases4.csv", log.splitlines()[0] + "\n")
    assert scans.ok("kea", path)["connected"] == 4


def test_bytes_that_are_not_text_spoil_one_line_only(scans: Scans) -> None:
    content = b"\xef\xbb\xbfmac,name\nda:a1:19:11:22:33,caf\xe9\n\xff\xfe,x\n"
    answer = scans.ok("csv", scans.file("seen.csv", content))
    assert answer["lines"] == {"taken": 1, "left_out": 0, "faulty": 1}


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("content", ["", "\x00\x01\x02", "hello, world\n"])
def test_what_cannot_be_read_is_one_line_and_changes_nothing(scans: Scans, name: str, content: str) -> None:
    result = scans.run(name, "-", text=content)
    assert result.exit_code == 1
    assert_one_line(result.stderr)


def test_a_file_that_is_not_there_is_one_line(scans: Scans) -> None:
    result = scans.run("nmap", str(scans.folder / "nothing.xml"))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "nothing.xml cannot be read: No such file")


def test_input_without_end_is_refused(scans: Scans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiontrack.cli.scan_input.MOST_BYTES", 2 * 1024**2)
    result = scans.run("csv", "/dev/zero")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "longer than 2 MiB")


# --- to a remote sessiontrack


def test_a_remote_sessiontrack_takes_it_in(live: LiveServer, tmp_path: Path) -> None:
    mac = "02:00:5C:A5:00:01"
    text = f"mac,ip,name\n{mac},10.9.0.1,far\n00:1a:2b:3c:4d:5e,,\n"
    variables = {
        "URL": f"http://127.0.0.1:{live.server.port}/",
        "TOKEN": live.tokens["operator"],
    }
    result = invoke(tmp_path / "unused", "scan", "csv", "--source", "remote", text=text, **variables)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].startswith("2 seen, 2 connected")
    assert result.stderr == ""
    assert not (tmp_path / "unused").exists()
    listed = live.server.call("GET", f"/sessions/list?mac={mac}", token=live.tokens["viewer"]).json
    assert listed["sessions"][0]["ses_IP"] == "10.9.0.1"
    dated = f"mac,at\n{mac},1970-01-02\n"
    result = invoke(tmp_path / "unused", "scan", "csv", "--json", text=dated, **variables)
    assert result.exit_code == 0, result.output
    assert "too late" in result.stderr
    assert "changes" not in json.loads(result.stdout)


def test_a_viewers_token_and_a_wrong_one_are_one_line(live: LiveServer, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{live.server.port}"
    for token, status in ((live.tokens["viewer"], "403"), ("wrong", "401")):
        result = invoke(tmp_path, "scan", "csv", "--url", url, "--token", token, text="mac\n" + MAC)
        assert result.exit_code == 1
        assert_one_line(result.stderr, f"answered {status}: ")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "127.0.0.1:8000", "http://", "http://[", "http://h:x", "http://u:p@h"]
)
def test_what_is_no_url_is_one_line(tmp_path: Path, url: str) -> None:
    result = invoke(tmp_path, "scan", "csv", text="mac\n" + MAC, URL=url, TOKEN="st_x")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "https://host")


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = invoke(tmp_path, "scan", "csv", text="mac\n" + MAC, URL="http://127.0.0.1:1", TOKEN="st_x")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "cannot be reached", "refused")


ANSWERS = [
    (200, b"<html>", "does not answer like"),
    (200, b"[]", "does not answer like"),
    (200, b'{"success": true, "seen": "many"}', "does not answer like"),
    (302, b"", "answered 302"),
    (401, b'{"message": "Sign in."}', "answered 401: the web server before it asks for a sign-in of its own"),
    (500, b"<html>", "answered 500: Internal Server Error"),
    (503, b'{"message": "try\\nagain"}', "answered 503: try again"),
]


@pytest.mark.parametrize(("status", "body", "words"), ANSWERS)
def test_strange_answers_are_one_line_and_no_redirect_gets_the_token(
    tmp_path: Path, status: int, body: bytes, words: str
) -> None:
    asked: list[str] = []

    class Strange(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("WWW-Authenticate", 'Basic realm="appliance"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Strange) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/base"
        result = invoke(tmp_path, "scan", "csv", "--url", url, "--token", "st_x", text="mac\n" + MAC)
        server.shutdown()
    assert result.exit_code == 1
    assert_one_line(result.stderr, words)
    assert asked == ["/base/presence/scans"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "http://127.0.0.1:1"],
        ["--token", "st_x"],
        ["--url", "http://127.0.0.1:1", "--token", "st_x", "--dry-run"],
    ],
)
def test_options_that_contradict_each_other_are_a_wrong_call(tmp_path: Path, arguments: list[str]) -> None:
    result = invoke(tmp_path / "unused", "scan", "csv", *arguments, text="mac\n" + MAC)
    assert result.exit_code == 2
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("source", ["x" * 65, "a\tb"])
def test_a_source_has_a_name_that_can_be_kept(scans: Scans, source: str) -> None:
    result = scans.run("csv", "--source", source, text="mac\n" + MAC)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "name of a source")


def test_what_the_remote_variables_are_is_known(scans: Scans) -> None:
    result = invoke(scans.clients.app.instance_path, "migrate", URL="http://127.0.0.1:1", TOKEN="st_x")
    assert (result.exit_code, result.stderr) == (0, "")
