"""`sessiontrack listen dhcp-script` and `listen hostapd`: hook scripts, and what they record."""

import json
import os
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from sessiontrack.database import Statement
from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.hooks import read_lease_call, read_station_call
from sessiontrack.values.observations import DeviceEvent, Observation
from tests.support import databases, rows
from tests.support.application import NOW, Clients, LiveServer
from tests.support.command import assert_one_line, invoke
from tests.support.server import environment, free_port
from tests.support.waiting import SECONDS, wait_until

MAC = "AA:BB:CC:00:00:01"
LATE = 7 * 86_400
DUID = "00:01:00:01:2c:5a:11:22:aa:bb:cc:00:00:01"


def lease(*arguments: str, **variables: str) -> DeviceEvent | None:
    found = {f"DNSMASQ_{name}": value for name, value in variables.items()}
    return read_lease_call(arguments, found, NOW, LATE)


# --- what the calls say


def test_leases_of_ipv4() -> None:
    device = Observation(MAC, "10.0.0.7", name="laptop")
    for action, kind in (("add", "connected"), ("old", "seen"), ("del", "disconnected")):
        expected = DeviceEvent("dhcp", NOW, kind, device, "laptop")
        assert lease(action, "aa:bb:cc:00:00:01", "10.0.0.7", "laptop") == expected
    assert lease("add", "aa:bb:cc:00:00:01", "10.0.0.7") == DeviceEvent(
        "dhcp", NOW, "connected", Observation(MAC, "10.0.0.7")
    )


def test_a_lease_without_a_name_takes_none_from_the_hosts_own_variables() -> None:
    found = read_lease_call(("add", MAC, "10.0.0.7"), {"HOSTNAME": "router", "HOST": "router"}, NOW, LATE)
    assert found == DeviceEvent("dhcp", NOW, "connected", Observation(MAC, "10.0.0.7"))


def test_leases_of_ipv6_have_the_mac_in_a_variable_and_are_a_source_of_their_own() -> None:
    found = lease("add", DUID, "2001:db8::7", MAC="aa:bb:cc:00:00:01")
    assert found == DeviceEvent("dhcp6", NOW, "connected", Observation(MAC, "2001:db8::7"))


@pytest.mark.parametrize(
    ("action", "expires", "at"),
    [
        ("del", str(NOW - 100), NOW - 100),
        ("del", str(NOW + 100), NOW),
        ("del", str(NOW - LATE - 1), NOW),
        ("del", "0", NOW),
        ("del", "soon", NOW),
        ("old", str(NOW - 100), NOW),
    ],
)
def test_a_lease_that_ran_out_ended_then(action: str, expires: str, at: int) -> None:
    found = lease(action, MAC, "10.0.0.7", LEASE_EXPIRES=expires)
    assert found is not None
    assert found.at == at


@pytest.mark.parametrize(
    "arguments",
    [
        ["init"],
        ["tftp", "1024", "10.0.0.7", "/boot/kernel"],
        ["arp-add", MAC, "10.0.0.7"],
        ["arp-old", MAC, "10.0.0.7"],
        ["arp-del", MAC, "10.0.0.7"],
        ["relay-snoop", "fe80::1", "eth0", "2001:db8::/56"],
        ["something-new"],
    ],
)
def test_other_actions_of_dnsmasq_are_left_alone(arguments: list[str]) -> None:
    assert lease(*arguments) is None


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["add"],
        ["add", MAC],
        ["add", MAC, "10.0.0"],
        ["add", "06-01:23:45:67:89:ab", "10.0.0.7"],
        ["add", "", "10.0.0.7"],
        ["add", "ff:ff:ff:ff:ff:ff", "10.0.0.7"],
        ["add", "00:00:00:00:00:00", "10.0.0.7"],
        ["del", DUID, "2001:db8::7"],
    ],
)
def test_wrong_lease_calls_are_refused(arguments: list[str]) -> None:
    with pytest.raises(UnreadableObservations):
        lease(*arguments)


def test_stations() -> None:
    for event, kind in (("AP-STA-CONNECTED", "connected"), ("AP-STA-DISCONNECTED", "disconnected")):
        expected = DeviceEvent("hostapd:wlan0", NOW, kind, Observation(MAC))
        assert read_station_call(["wlan0", event, "aa:bb:cc:00:00:01"], NOW) == expected
    assert read_station_call(["wlan0", "AP-STA-CONNECTED", MAC, "p2p_dev_addr=aa:bb:cc:00:00:02"], NOW)
    assert read_station_call(["wlan0", "AP-STA-POSSIBLE-PSK-MISMATCH", MAC], NOW) is None
    assert read_station_call(["wlan0", "CONNECTED"], NOW) is None


@pytest.mark.parametrize(
    "arguments", [[], ["wlan0"], ["wlan0", "AP-STA-CONNECTED"], ["wlan0", "AP-STA-CONNECTED", "x"]]
)
def test_wrong_station_calls_are_refused(arguments: list[str]) -> None:
    with pytest.raises(UnreadableObservations):
        read_station_call(arguments, NOW)


WORDS = st.one_of(
    st.sampled_from(["add", "old", "del", "wlan0", "AP-STA-CONNECTED", MAC, "10.0.0.7", "::1"]), st.text()
)


@given(st.lists(WORDS, max_size=5), st.dictionaries(st.sampled_from(["MAC", "LEASE_EXPIRES"]), WORDS))
def test_any_call_is_read_or_refused_by_name(arguments: list[str], variables: dict[str, str]) -> None:
    for read in (lambda: lease(*arguments, **variables), lambda: read_station_call(arguments, NOW)):
        try:
            found = read()
        except UnreadableObservations:
            continue
        assert found is None or (len(found.source) <= 64 and found.info.isprintable())


# --- the commands


def sessions(clients: Clients, mac: str = MAC) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = clients.admin.ok("GET", f"/sessions/list?mac={mac}")["sessions"]
    return found


def test_dnsmasqs_calls_open_and_close_a_session(clients: Clients, clock: Any) -> None:
    for action in ("add", "old", "del"):
        result = invoke(clients.app.instance_path, "listen", "dhcp-script", action, MAC, "10.0.0.7", "laptop")
        assert (result.exit_code, result.output) == (0, "")
        clock.shift(60)
    (session,) = sessions(clients)
    assert session["ses_DurationSeconds"] == 120
    assert (session["ses_IP"], session["ses_Info"]) == ("10.0.0.7", "laptop")


def test_the_end_of_one_lease_does_not_end_the_other(
    clients: Clients, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DNSMASQ_MAC", MAC)
    for arguments in (("add", MAC, "10.0.0.7"), ("add", DUID, "2001:db8::7"), ("del", DUID, "2001:db8::7")):
        assert invoke(clients.app.instance_path, "listen", "dhcp-script", *arguments).exit_code == 0
        clock.shift(60)
    assert [each["ses_StillConnected"] for each in sessions(clients)] == [True]


def test_hostapds_calls_open_and_close_a_session(clients: Clients, clock: Any) -> None:
    for event in ("AP-STA-CONNECTED", "AP-STA-DISCONNECTED"):
        assert invoke(clients.app.instance_path, "listen", "hostapd", "wlan0", event, MAC).exit_code == 0
        clock.shift(60)
    assert [each["ses_DurationSeconds"] for each in sessions(clients)] == [60]


def test_what_cannot_be_read_is_one_line_and_exit_code_1(clients: Clients) -> None:
    result = invoke(clients.app.instance_path, "listen", "dhcp-script", "add", "-x", "10.0.0.7")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "'-x'", "MAC address")
    assert invoke(clients.app.instance_path, "listen", "dhcp-script", "arp-add", "?", "?").exit_code == 0


@pytest.mark.parametrize("listener", ["dhcp-script", "hostapd"])
def test_install_writes_a_script_that_works_from_anywhere(
    clients: Clients, tmp_path: Path, listener: str
) -> None:
    hook = tmp_path / "a folder" / "it's a hook"
    hook.parent.mkdir()
    databases.tell_folder(Path(clients.app.instance_path))
    for _ in range(2):
        result = invoke(clients.app.instance_path, "listen", listener, "install", str(hook))
        assert result.exit_code == 0, result.output
    assert str(hook) in result.stdout
    assert stat.S_IMODE(hook.stat().st_mode) == 0o755
    words = {"dhcp-script": ["add", MAC, "10.0.0.7"], "hostapd": ["wlan0", "AP-STA-CONNECTED", MAC]}[listener]
    bare = {"PATH": "/bin:/usr/bin", "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(
        [str(hook), *words], cwd="/", env=bare, capture_output=True, text=True, timeout=SECONDS
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert [each["ses_StillConnected"] for each in sessions(clients)] == [True]


def test_install_overwrites_nobody_elses_file(tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\necho mine\n")
    result = invoke(tmp_path, "listen", "hostapd", "install", str(hook))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "hook")
    assert hook.read_text() == "#!/bin/sh\necho mine\n"
    result = invoke(tmp_path, "listen", "hostapd", "install", str(tmp_path / "missing" / "hook"))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "missing")


def test_a_hook_for_a_service_elsewhere(live: LiveServer, tmp_path: Path) -> None:
    hook, url = tmp_path / "hook", f"http://127.0.0.1:{live.server.port}"
    mac = "AA:BB:CC:00:07:07"
    token = live.tokens["operator"]
    assert invoke(tmp_path, "listen", "dhcp-script", "install", str(hook), "--url", url).exit_code == 1
    result = invoke(
        tmp_path, "listen", "dhcp-script", "install", str(hook), "--url", f"{url}/", "--token", token
    )
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(hook.stat().st_mode) == 0o700
    variables = environment(tmp_path / "unused")
    ran = subprocess.run(
        [str(hook), "add", mac, "10.0.0.7", "laptop"], env=variables, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert not (tmp_path / "unused").exists()
    found = live.server.call("GET", f"/sessions/list?mac={mac}", token=live.tokens["viewer"]).json
    assert found["sessions"][0]["ses_Info"] == "laptop"


@pytest.mark.parametrize(
    ("url", "token", "words"),
    [
        ("http://127.0.0.1:{port}", "viewer", ("403",)),
        ("http://127.0.0.1:{port}", "st_nothing", ("401",)),
        ("http://127.0.0.1:{port}/elsewhere", "operator", ("404",)),
        ("http://127.0.0.1:{free}", "operator", ("cannot be reached",)),
        ("ftp://127.0.0.1", "operator", ("http",)),
        ("http://[", "operator", ("cannot be reached",)),
        ("http://127.0.0.1:{port}", "st_a\nb", ("characters",)),
    ],
)
def test_a_service_elsewhere_that_does_not_take_it(
    live: LiveServer, tmp_path: Path, url: str, token: str, words: tuple[str, ...]
) -> None:
    chosen = url.format(port=live.server.port, free=free_port())
    secret = live.tokens.get(token, token)
    options = ("--url", chosen, "--token", secret)
    result = invoke(tmp_path, "listen", "dhcp-script", "record", *options, "add", MAC, "10.0.0.7")
    assert result.exit_code == 1
    assert_one_line(result.stderr, *words)
    assert secret not in result.stderr


def test_a_redirect_does_not_take_the_token_elsewhere(tmp_path: Path) -> None:
    paths = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Redirecting) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        options = ("--url", f"http://127.0.0.1:{server.server_port}", "--token", "st_secret")
        result = invoke(tmp_path, "listen", "hostapd", "record", *options, "wlan0", "AP-STA-CONNECTED", MAC)
        server.shutdown()
    assert result.exit_code == 1
    assert_one_line(result.stderr, "302")
    assert paths == ["/presence/events"]


# --- the real dnsmasq


@contextmanager
def dnsmasq(folder: Path, hook: Path, *options: str, before: tuple[str, ...] = ()) -> Iterator[None]:
    log = folder / "dnsmasq.log"
    arguments = [
        *("--keep-in-foreground", "--log-facility=-", "--port=0", "--conf-file=/dev/null", "--pid-file="),
        *(f"--dhcp-leasefile={folder / 'leases'}", f"--dhcp-script={hook}", "--no-ping", *options),
    ]
    if os.geteuid() == 0:
        arguments.append("--user=root")
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    program = shutil.which("dnsmasq", path=path)
    assert program is not None
    with log.open("wb") as output:
        process = subprocess.Popen([*before, program, *arguments], stdout=output, stderr=output)
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.fixture
def hook(clients: Clients, tmp_path: Path) -> Path:
    path = tmp_path / "hook"
    databases.tell_folder(Path(clients.app.instance_path))
    assert invoke(clients.app.instance_path, "listen", "dhcp-script", "install", str(path)).exit_code == 0
    return path


def test_dnsmasq_tells_its_leases_when_it_starts(clients: Clients, tmp_path: Path, hook: Path) -> None:
    now = int(time.time())
    gone = "AA:BB:CC:00:00:02"
    assert (
        invoke(clients.app.instance_path, "listen", "dhcp-script", "add", gone, "127.9.0.52").exit_code == 0
    )
    (tmp_path / "leases").write_text(
        f"{now + 3600} {MAC.lower()} 127.9.0.51 laptop *\n{now - 60} {gone.lower()} 127.9.0.52 phone *\n"
    )
    options = ("--dhcp-range=127.9.0.50,127.9.0.60", f"--dhcp-alternate-port={free_port()},{free_port()}")
    with dnsmasq(tmp_path, hook, *options):
        wait_until(
            lambda: bool(sessions(clients)) and not sessions(clients, gone)[0]["ses_StillConnected"],
            "what dnsmasq tells of its leases",
        )
    (session,) = sessions(clients)
    assert session["ses_StillConnected"] is True
    assert session["ses_IP"] == "127.9.0.51"


NETWORK = """
ip netns add {a}; ip netns add {b}
ip link add v0 netns {a} type veth peer name v1 netns {b} address {mac}
ip -n {a} addr add 10.77.0.1/24 dev v0; ip -n {a} link set v0 up; ip -n {a} link set lo up
ip -n {b} link set v1 up
"""


def test_a_real_client_gets_a_lease_and_gives_it_back(clients: Clients, tmp_path: Path, hook: Path) -> None:
    """In two network namespaces; where those cannot be made, with dnsmasq's documented calls."""
    a, b = (f"sessiontrack-{os.getpid()}-{end}" for end in "ab")
    made = subprocess.run(
        ["sh", "-ec", f"PATH=$PATH:/usr/sbin:/sbin; {NETWORK.format(a=a, b=b, mac=MAC)}"], capture_output=True
    )
    try:
        if made.returncode == 0:
            _lease_and_release(tmp_path, hook, a, b, lambda: bool(sessions(clients)))
        else:
            for action in ("add", "del"):
                subprocess.run([str(hook), action, MAC, "10.77.0.50", "laptop"], check=True)
                time.sleep(1)
    finally:
        for name in (a, b):
            subprocess.run(
                ["sh", "-c", f"PATH=$PATH:/usr/sbin:/sbin; ip netns del {name}"], capture_output=True
            )
    wait_until(
        lambda: [each["ses_StillConnected"] for each in sessions(clients)] == [False], "the session's end"
    )
    (session,) = sessions(clients)
    assert session["ses_IP"].startswith("10.77.0.5")
    assert session["ses_Info"] == "laptop"
    answer = clients.admin.ok("GET", "/sessions/session-events?type=all")
    assert json.dumps(answer).count('"type": "New Device"') == 1


def _lease_and_release(folder: Path, hook: Path, a: str, b: str, has_lease: Callable[[], bool]) -> None:
    set_address = folder / "set-address"
    set_address.write_text('#!/bin/sh\n[ "$1" = bound ] && /sbin/ip addr add $ip/24 dev $interface; exit 0\n')
    set_address.chmod(0o755)
    options = ("--dhcp-range=10.77.0.50,10.77.0.59,1h", "--interface=v0", "--bind-interfaces")
    into = ("ip", "netns", "exec")
    client = [*into, b, "busybox", "udhcpc", "-f", "-i", "v1", "-R", "-x", "hostname:laptop", "-t", "20"]
    with dnsmasq(folder, hook, *options, before=(*into, a)):
        asking = subprocess.Popen(
            [*client, "-T", "1", "-s", str(set_address)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(has_lease, "a lease")
            # A departure at the instant of the connection would come before it.
            time.sleep(1)
        finally:
            asking.terminate()
            asking.wait(SECONDS)
        wait_until(lambda: not (folder / "leases").read_text().strip(), "the lease given back")


# --- which of several hosts says it


def _names(clients: Clients) -> list[str]:
    with rows.writing(clients.app) as tx:
        return [name for (name,) in tx.rows(Statement("SELECT name FROM source ORDER BY id"))]


@pytest.mark.parametrize("named", ["", "lobby"])
def test_the_source_tells_hosts_apart_unless_it_is_named(clients: Clients, named: str) -> None:
    options = ["--source", named] if named else []
    for words in (
        ["hostapd", "record", *options, "phy0-ap0", "AP-STA-CONNECTED", MAC],
        ["dhcp-script", "record", *options, "add", MAC, "10.0.0.7"],
    ):
        assert invoke(clients.app.instance_path, "listen", *words).exit_code == 0
    host = os.uname().nodename
    assert _names(clients) == ([named] if named else [f"hostapd:{host}:phy0-ap0", f"dhcp:{host}"])


def test_the_name_of_the_source_is_in_the_script(tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    assert invoke(tmp_path, "listen", "hostapd", "install", str(hook), "--source", "lobby").exit_code == 0
    assert "SESSIONTRACK_SOURCE=lobby" in hook.read_text()


def test_a_connection_under_the_name_of_earlier_versions_ends_too(clients: Clients) -> None:
    body = {"source": "hostapd:phy0-ap0", "mac": MAC, "event": "connected"}
    clients.operator.ok("POST", "/presence/events", body)
    words = ["listen", "hostapd", "phy0-ap0", "AP-STA-DISCONNECTED", MAC]
    assert invoke(clients.app.instance_path, *words).exit_code == 0
    assert clients.viewer.ok("GET", f"/devices/{MAC}")["device"]["status"] == "disconnected"


def test_connected_and_kicked_within_one_second_is_gone(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    for word in ("CONNECTED", "DISCONNECTED"):
        words = ["listen", "hostapd", "phy0-ap0", f"AP-STA-{word}", MAC]
        assert invoke(clients.app.instance_path, *words).exit_code == 0
    assert clients.viewer.ok("GET", f"/devices/{MAC}")["device"]["status"] == "disconnected"
