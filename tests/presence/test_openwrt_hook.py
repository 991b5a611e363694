"""`sessiontrack listen openwrt write`: a shell script that posts with whatever an access point has."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sessiontrack
from sessiontrack import clock
from sessiontrack.listeners.hook_script import (
    OPENWRT_KEEP,
    OPENWRT_KEEP_LEASES,
    OPENWRT_LEASES,
    OPENWRT_LINES,
    OPENWRT_PATH,
    reporter,
)
from tests.support.application import LiveServer
from tests.support.command import assert_one_line, invoke
from tests.support.pages import section
from tests.support.server import free_port
from tests.support.waiting import wait_until

HOST = os.uname().nodename
WEB = Path(sessiontrack.__file__).parent / "web"
NUMBERS = iter(range(1, 1000))
Call = Callable[..., "subprocess.CompletedProcess[str]"]


def busybox(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).symlink_to(shutil.which("busybox") or "/bin/busybox")


# What answers to the names that the script calls, and nothing else.
PROGRAMS: dict[str, Callable[[Path], None]] = {
    "curl": lambda folder: (folder / "curl").symlink_to(shutil.which("curl") or "/usr/bin/curl"),
    "busybox wget": lambda folder: busybox(folder, "wget"),
    "wget": lambda folder: (folder / "wget").symlink_to(shutil.which("wget") or "/usr/bin/wget"),
}
if shutil.which("wget") is None:
    del PROGRAMS["wget"]


@pytest.fixture(params=sorted(PROGRAMS))
def call(request: pytest.FixtureRequest, live: LiveServer, tmp_path: Path) -> Call:
    """Runs the script in BusyBox's shell, with BusyBox's programs and one that posts."""
    url = f"http://127.0.0.1:{live.server.port}"
    return script(tmp_path, url, live.tokens["operator"], PROGRAMS[request.param])


def script(folder: Path, url: str, token: str, add_program: Callable[[Path], None]) -> Call:
    path, programs = folder / "hook", folder / "bin"
    programs.mkdir()
    busybox(programs, "tr", "cut", "uname", "timeout", "env", "sed")
    add_program(programs)
    words = ["listen", "openwrt", "install", str(path), "--url", url, "--token", token]
    result = invoke(folder / "unused", *words)
    assert result.exit_code == 0, result.output
    assert path.stat().st_mode & 0o777 == 0o700

    def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        # procd sources what is in /etc/hotplug.d; dnsmasq and hostapd_cli run it.
        words = [str(path), *arguments] if arguments else ["-c", f". {path}"]
        return subprocess.run(
            [shutil.which("busybox") or "busybox", "sh", *words],
            env={"PATH": str(programs), **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def mac() -> str:
    return f"02:00:5E:0F:{next(NUMBERS):02X}:{os.getpid() % 256:02X}"


def sessions(live: LiveServer, address: str) -> list[dict[str, Any]]:
    answer = live.server.call("GET", f"/sessions/list?mac={address}", token=live.tokens["viewer"])
    found: list[dict[str, Any]] = answer.json["sessions"]
    return found


def let_a_second_pass() -> None:
    """What is said of one device within a second is said at one instant."""
    before = clock.now()
    wait_until(lambda: clock.now() > before, "the next second", 0.05)


def sources(live: LiveServer) -> set[str]:
    answer = live.server.call("GET", "/presence/sources", token=live.tokens["viewer"])
    return {each["name"] for each in answer.json["sources"]}


def test_stations_of_hostapd(call: Call, live: LiveServer) -> None:
    address = mac()
    assert (call("wlan0", "AP-STA-CONNECTED", address.lower()).returncode) == 0
    (session,) = sessions(live, address)
    assert session["ses_StillConnected"] is True
    let_a_second_pass()
    assert call("wlan0", "AP-STA-DISCONNECTED", address.lower()).returncode == 0
    assert not any(each["ses_StillConnected"] for each in sessions(live, address))
    assert f"hostapd:{HOST}:wlan0"[:64] in sources(live)


def test_leases_of_dnsmasq_and_of_hotplug(call: Call, live: LiveServer) -> None:
    first, second = mac(), mac()
    ran = call("add", first.lower(), "10.7.0.9", 'tv"; $(x) `y` \\ \u00e9')
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    ran = call(ACTION="add", MACADDR=second, IPADDR="10.7.0.8", HOSTNAME="phone")
    assert ran.returncode == 0, ran.stderr
    assert [each["ses_IP"] for each in sessions(live, first)] == ["10.7.0.9"]
    found = live.server.call("GET", f"/devices/{second}", token=live.tokens["viewer"]).json
    assert '"name": "phone"' in str(found).replace("'", '"')
    assert call("old", first, "10.7.0.9").returncode == 0
    let_a_second_pass()
    assert call("del", first, "10.7.0.9").returncode == 0
    assert not any(each["ses_StillConnected"] for each in sessions(live, first))


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        # procd leaves out a variable that is empty, and BusyBox's shell then has the router's own name in it;
        # hotplug-call hands an empty one on.
        ({}, ""),
        ({"HOSTNAME": ""}, ""),
        # Access points leave the factory under one name.
        ({"HOSTNAME": HOST}, HOST),
    ],
)
def test_a_device_has_no_name_but_what_the_caller_says(
    call: Call, live: LiveServer, variables: dict[str, str], name: str
) -> None:
    address = mac()
    ran = call(ACTION="add", MACADDR=address, IPADDR="10.7.0.7", **variables)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    found = live.server.call("GET", f"/devices/{address}", token=live.tokens["viewer"]).json["device"]
    assert found["name"] == name


def test_ipv6_and_what_says_nothing(call: Call, live: LiveServer) -> None:
    address = mac()
    duid = "00:01:00:01:2c:5a:11:22:aa:bb:cc:00:00:01"
    assert call("add", duid, "2001:db8::7", DNSMASQ_MAC=address).returncode == 0
    assert [each["ses_IP"] for each in sessions(live, address)] == ["2001:db8::7"]
    for words in (
        ["add", duid, "2001:db8::7"],
        ["init"],
        [],
        ["wlan0", "AP-ENABLED"],
        ["arp-add", address, "10.0.0.1"],
    ):
        ran = call(*words)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), words


def test_a_service_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    run = script(tmp_path, f"http://127.0.0.1:{free_port()}", "st_x", PROGRAMS["curl"])
    ran = run("wlan0", "AP-STA-CONNECTED", "02:00:00:00:00:01")
    assert ran.returncode == 1
    assert "took no report of 02:00:00:00:00:01" in ran.stderr
    ran = run("wlan0", "AP-STA-CONNECTED", "nonsense$(id)")
    assert ran.returncode == 1
    assert ran.stderr == "sessiontrack: this is no MAC address: nonsenseid\n"


@pytest.mark.parametrize(
    "options", [[], ["--url", "http://h"], ["--token", "st_x"], ["--url", "x", "--token", "t"]]
)
def test_it_needs_an_address_and_a_token(tmp_path: Path, options: list[str]) -> None:
    result = invoke(tmp_path / "unused", "listen", "openwrt", "install", str(tmp_path / "hook"), *options)
    assert result.exit_code == 1
    assert_one_line(result.stderr)
    assert not (tmp_path / "hook").exists()


@pytest.mark.parametrize("words", [["openwrt", "write"], ["hostapd", "write"], ["dhcp-script", "write"]])
def test_a_token_that_could_not_send_is_noticed_when_the_script_is_written(
    live: LiveServer, tmp_path: Path, words: list[str]
) -> None:
    url, path = f"http://127.0.0.1:{live.server.port}", tmp_path / "hook"

    def note(token: str, to: str = url) -> str:
        path.unlink(missing_ok=True)
        result = invoke(tmp_path / "unused", "listen", *words, str(path), "--url", to, "--token", token)
        assert (result.exit_code, path.exists()) == (0, True), result.output
        return result.stderr

    # An access point has no use for an address of this host alone; dnsmasq and hostapd here do.
    itself = "Note: 127.0.0.1 is each host's name for itself" if words[0] == "openwrt" else ""
    assert note(live.tokens["operator"]).startswith(itself)
    assert note(live.tokens["operator"]).count("\n") == (1 if itself else 0)
    assert "answered 401" in note("st_mistyped")
    assert "needs one with --role operator" in note(live.tokens["viewer"])
    assert "could not send from here" in note(live.tokens["operator"], f"http://127.0.0.1:{free_port()}")


def test_the_command_the_page_and_the_documents_have_the_same_lines_for_the_access_point(
    tmp_path: Path,
) -> None:
    options = ["--url", f"http://127.0.0.1:{free_port()}", "--token", "st_x"]
    printed = invoke(
        tmp_path / "unused", "listen", "openwrt", "write", str(tmp_path / "hook"), *options
    ).stdout
    shown = section("sources.md", "OpenWrt, and any access point without Python")
    page = (WEB / "browser" / "pages" / "sources.js").read_text().replace("${HOOK}", OPENWRT_PATH)
    for line in (*OPENWRT_LINES, OPENWRT_KEEP, OPENWRT_LEASES, OPENWRT_KEEP_LEASES):
        assert f"  {line}\n" in printed
        assert f"    {line}\n" in shown
        assert f'`ssh root@router "{line}"`' in page
    path = "/usr/local/lib/sessiontrack-hostapd"
    printed = invoke(tmp_path / "unused", "listen", "hostapd", "write", str(tmp_path / "other")).stdout
    shown = section("sources.md", "hostapd")
    for start in ("sudo ", "@reboot /usr/sbin/"):
        assert f"    {start}{reporter('wlan0', path)}\n" in shown
        assert f"{start.removeprefix('sudo ')}{reporter('wlan0', str(tmp_path / 'other'))}\n" in printed


@pytest.mark.parametrize(
    "before",
    ["# Put your commands here\n\nexit 0\n", "# no end\n", "#!/bin/sh -e\nexit 0\nexit 0\n", "", None],
)
def test_the_reporter_is_started_with_the_access_point_whatever_its_rc_local_is(
    tmp_path: Path, before: str | None
) -> None:
    started, file, programs = tmp_path / "started", tmp_path / "rc.local", tmp_path / "bin"
    programs.mkdir()
    busybox(programs, "sed", "sh")
    (programs / "hostapd_cli").write_text(f'#!/bin/sh\necho "$@" >> {started}\n')
    (programs / "hostapd_cli").chmod(0o700)
    if before is not None:
        file.write_text(before)

    def run(script: str) -> None:
        words = [shutil.which("busybox") or "busybox", "sh", "-c", script]
        subprocess.run(words, env={"PATH": str(programs)}, stderr=subprocess.DEVNULL, timeout=60, check=False)

    first, *lines = OPENWRT_LINES
    run("\n".join(lines).replace("/etc/rc.local", str(file)))
    run(f". {file}; wait")
    assert started.read_text() == f"{first.removeprefix('hostapd_cli ')}\n"
