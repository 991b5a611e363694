"""The life of an installation in a booted Debian, as an administrator types it: `make appliance`.

Each test goes on where the one before it ended. It needs root, and minutes; the suite does not collect it.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.appliance.machine import NEIGHBOUR, NEIGHBOUR_IP, ROOT, Machine

SUITES = ("bookworm", "trixie")
API = "curl --silent --show-error"
# How often an upgrade is killed.
KILLS = 20
# Links that lead nowhere.
LEFT = "find /etc/systemd /etc/nginx -xtype l"
SETTINGS = "/var/lib/sessiontrack/sessiontrack.toml"


@pytest.fixture(scope="module")
def package() -> Path:
    """The newest package of `make deb`."""
    made = sorted((ROOT / "dist").glob("sessiontrack_*_amd64.deb"), key=lambda path: path.stat().st_mtime)
    assert made, "There is no package yet: make deb"
    return made[-1]


@pytest.fixture(scope="module", params=SUITES)
def box(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine that has booted, with one other host on its segment."""
    machine = Machine(request.param, f"st-{request.param}")
    try:
        machine.boot()
        machine.add_segment()
        yield machine
    finally:
        machine.remove()


def call(box: Machine, path: str, token: str, *options: str) -> str:
    header = f"-H 'Authorization: Bearer {token}'"
    return box.run(f"{API} {' '.join(options)} {header} http://127.0.0.1:8000{path}")


def token(box: Machine, role: str = "operator") -> str:
    """An API token, made by root, from whichever folder."""
    name = '"test $(date +%s%N)"'
    return box.run(f"cd /srv && sessiontrack token issue {name} --role {role} --quiet 2>/dev/null").strip()


def test_apt_installs_and_starts_it(box: Machine, package: Path) -> None:
    box.put(package, "/srv/sessiontrack.deb")
    box.run("apt-get install --yes --no-install-recommends /srv/sessiontrack.deb")
    assert box.run("systemctl is-active sessiontrack.service").strip() == "active"
    told = json.loads(box.run(f"{API} http://127.0.0.1:8000/healthz"))
    assert told["version"] in box.run("sessiontrack --version")
    log = box.run("journalctl --unit sessiontrack --output cat --no-pager")
    assert f"sessiontrack {told['version']}" in log
    assert box.run("stat --format %U:%a /var/lib/sessiontrack").strip() == "sessiontrack:700"
    assert "sessiontrack doctor" in box.run("man sessiontrack | cat")
    # Its own libpq, whatever else the machine has.
    asked = "/opt/sessiontrack/bin/python -c 'import psycopg; print(psycopg.pq.__impl__)'"
    assert box.run(asked).strip() == "binary"


def test_it_looks_at_its_network_from_the_start(box: Machine) -> None:
    box.wait("journalctl --unit sessiontrack-network --output cat --no-pager | grep '1 seen, 1 connected'")
    secret = token(box)
    assert NEIGHBOUR in call(box, "/devices", secret)
    (source,) = json.loads(call(box, "/presence/sources", secret))["sources"]
    assert (source["name"], source["seen"], source["failing_since"]) == ("network", 1, None)


def test_roots_commands_work_on_it_as_its_user(box: Machine) -> None:
    printed = box.run("cd /srv && sessiontrack user add anna --role viewer --generate")
    assert "as the user sessiontrack, in /var/lib/sessiontrack" in printed
    assert "anna" in box.run("cd /tmp && sessiontrack user list")
    assert box.run("find /srv /tmp -name instance").strip() == ""
    assert box.run("find /var/lib/sessiontrack ! -user sessiontrack").strip() == ""


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("neighbours", "ip -j neigh"),
        ("arp", "arp-scan --interface=lan --localnet"),
        ("nmap", f"nmap -sn -n -oX - {NEIGHBOUR_IP}/31"),
    ],
)
def test_each_scanner_sees_the_other_host(box: Machine, name: str, command: str) -> None:
    unit = f"sessiontrack-scan@{name}.service"
    scan(box, name, command, f"--source={name}")
    secret = token(box)
    asked = f"{API} -H 'Authorization: Bearer {secret}' http://127.0.0.1:8000"
    # The kernel knows a neighbour once something was sent to it, and for half a minute.
    box.wait(
        f"curl --silent --max-time 1 http://{NEIGHBOUR_IP}:1;"
        f""" {asked}/presence/sources | grep '"{name}"' && {asked}/devices | grep {NEIGHBOUR}"""
    )
    (source,) = (
        each for each in json.loads(call(box, "/presence/sources", secret))["sources"] if each["name"] == name
    )
    assert source["failing_since"] is None, source
    box.run(f"systemctl stop {unit}")


def scan(box: Machine, name: str, command: str, options: str = "") -> None:
    """Start a scanner as the documentation says."""
    lines = f"COMMAND={command}\\nEVERY=2s\\nOPTIONS={options}\\n"
    box.run(f"printf '{lines}' > /etc/sessiontrack/scans/{name}.conf")
    box.run(f"systemctl start sessiontrack-scan@{name}.service")


def test_a_scanner_that_fails_says_why_to_everybody(box: Machine) -> None:
    unit = "sessiontrack-scan@broken.service"
    scan(box, "broken", "arp-scan --interface=nowhere --localnet")
    box.wait(f"systemctl show --property=Result --value {unit} | grep exit-code")
    log = box.run(f"journalctl --unit {unit} --output cat --no-pager")
    assert "nowhere" in log
    assert "5 looks in a row have failed" in log
    secret = token(box)
    (failing,) = (
        each
        for each in json.loads(call(box, "/presence/sources", secret))["sources"]
        if each["failing_since"] is not None
    )
    assert failing["name"] == "arp-scan"
    assert "nowhere" in failing["reason"]
    failures = 'sessiontrack_source_failing_since_timestamp_seconds{source="arp-scan"}'
    assert failures in call(box, "/metrics", secret)
    assert re.search("source .*arp-scan.*nowhere", box.run("sessiontrack doctor --fast || true"))
    box.run(f"systemctl stop {unit}")


def test_a_radius_client_is_heard(box: Machine) -> None:
    box.run("sessiontrack settings set radius_clients '10.77.0.0/24=secret'")
    box.run("systemctl start sessiontrack-radius")
    station = (
        "Acct-Status-Type=Start,Acct-Session-Id=1,NAS-Identifier=ap,Calling-Station-Id=00-1A-2B-00-00-01"
    )
    box.run_at_neighbour(f"echo '{station}' | radclient -t 30 10.77.0.1:1813 acct secret")
    assert "00:1A:2B:00:00:01" in call(box, "/devices", token(box))
    assert '"radius:ap"' in call(box, "/presence/sources", token(box))


def test_dnsmasq_reports_a_lease_as_root(box: Machine) -> None:
    box.run("sessiontrack listen dhcp-script write /usr/local/lib/sessiontrack-dhcp")
    box.run("cd / && env -i /usr/local/lib/sessiontrack-dhcp add 00:1a:2b:00:00:02 10.77.0.31 laptop")
    assert "00:1A:2B:00:00:02" in call(box, "/devices", token(box))


def test_hooks_of_access_points_report_stations(box: Machine) -> None:
    """One with Python beside hostapd, and one of a shell and curl; hostapd_cli calls both so."""
    box.run("sessiontrack listen hostapd write /usr/local/lib/sessiontrack-hostapd")
    box.run("cd / && env -i /usr/local/lib/sessiontrack-hostapd wlan0 AP-STA-CONNECTED 00:1a:2b:00:00:04")
    secret = token(box)
    service = f"--url http://127.0.0.1:8000 --token {secret}"
    box.run(f"cd /srv && sessiontrack listen openwrt write hook {service}")
    box.run("cd / && env -i /srv/hook phy0-ap0 AP-STA-CONNECTED 00:1a:2b:00:00:05")
    found = call(box, "/devices/by-status?status=connected", secret)
    assert "00:1A:2B:00:00:04" in found
    assert "00:1A:2B:00:00:05" in found


def test_a_lease_file_is_asked_for_by_ssh(box: Machine) -> None:
    """The router is this machine, asked at its address on the segment."""
    home = "/var/lib/sessiontrack/.ssh"
    box.run(
        "ssh-keygen -A && mkdir -p /run/sshd && /usr/sbin/sshd"
        f" && runuser -u sessiontrack -- mkdir {home}"
        f" && runuser -u sessiontrack -- ssh-keygen -q -N '' -t ed25519 -f {home}/id_ed25519"
        f" && install -D -m 600 {home}/id_ed25519.pub ~/.ssh/authorized_keys"
        f" && runuser -u sessiontrack -- sh -c 'ssh-keyscan 10.77.0.1 > {home}/known_hosts'"
    )
    box.run('echo "$(($(date +%s) + 3600)) 00:1a:2b:00:00:03 10.77.0.32 tv *" > /srv/leases')
    scan(box, "leases", "ssh root@10.77.0.1 cat /srv/leases", "--format dnsmasq --source leases")
    secret = token(box)
    asked = f"{API} -H 'Authorization: Bearer {secret}' http://127.0.0.1:8000/devices"
    box.wait(f"{asked} | grep 00:1A:2B:00:00:03")
    box.run("systemctl stop sessiontrack-scan@leases")


@pytest.mark.parametrize("unit", ["sessiontrack-backup", "sessiontrack-prune"])
def test_what_a_timer_starts_ends_well(box: Machine, unit: str) -> None:
    box.run(f"systemctl start {unit}.service")
    assert box.run(f"systemctl show --property=Result --value {unit}.service").strip() == "success"
    assert box.run(f"systemctl is-active {unit}.timer").strip() == "active"


def test_units_expose_little(box: Machine) -> None:
    units = dict.fromkeys(("", "-radius", "-network", "-backup", "-prune"), 2.0) | {"-scan@arp": 3.0}
    for unit, most in units.items():
        rated = box.run(f"systemd-analyze security --no-pager sessiontrack{unit}.service | tail -1")
        assert float(re.findall(r": ([\d.]+)", rated)[0]) <= most


def test_nginx_serves_it_and_install_remembers(box: Machine) -> None:
    box.run(
        "mkdir -p /etc/ssl/private && openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=box"
        " -keyout /etc/ssl/private/sessiontrack.key -out /etc/ssl/certs/sessiontrack.pem"
    )
    box.run("sessiontrack install --yes --server-name box.example.org")
    box.run("ln -s ../sites-available/sessiontrack /etc/nginx/sites-enabled/")
    box.run("nginx -t && systemctl restart nginx")
    assert box.run("sessiontrack install --yes").strip().endswith("Done.")
    assert "box.example.org" in box.run("cat /etc/nginx/sites-available/sessiontrack")
    told = box.run(
        f"{API} --insecure --resolve box.example.org:443:127.0.0.1 https://box.example.org/healthz"
    )
    assert '"up"' in told


def test_uninstall_leaves_an_nginx_that_starts(box: Machine) -> None:
    box.run("sessiontrack uninstall --yes && nginx -t && systemctl restart nginx")
    box.run("test ! -L /etc/nginx/sites-enabled/sessiontrack")
    assert box.run("systemctl is-active sessiontrack").strip() == "active"


def test_root_bundles_the_log_for_who_helps(box: Machine) -> None:
    box.run("cd && sessiontrack doctor --fast --bundle help.tar.gz || test -s help.tar.gz")
    log = box.run("tar --extract --to-stdout --file ~/help.tar.gz sessiontrack/log.txt")
    assert "Serving on http://127.0.0.1:8000" in log
    box.run("! zcat ~/help.tar.gz | grep --fixed-strings --file /var/lib/sessiontrack/signing-key")


def test_reload_reads_the_settings_anew(box: Machine) -> None:
    box.run(f"echo 'server_timing = \"on\"' >> {SETTINGS} && systemctl reload sessiontrack")
    box.wait(f"{API} --include http://127.0.0.1:8000/healthz | grep --ignore-case server-timing")


def test_the_log_of_this_service_alone_is_limited(box: Machine) -> None:
    ask = f"{API} --output /dev/null http://127.0.0.1:8000/asked-"
    logged = "journalctl --unit sessiontrack | grep path=/asked-"
    box.run(f"{ask}before")
    box.wait(f"{logged}before")
    folder = "/etc/systemd/system/sessiontrack.service.d"
    box.run(f"mkdir {folder} && printf '[Service]\\nLogLevelMax=warning\\n' > {folder}/override.conf")
    box.run("systemctl daemon-reload && systemctl restart sessiontrack")
    box.wait("curl --silent --fail http://127.0.0.1:8000/readyz")
    box.run(f"{ask}limited")
    # A setting that is no longer read is a warning: what it wrote before is in the journal by then.
    box.run(f"cp {SETTINGS} /tmp/settings && echo 'log = \"xml\"' >> {SETTINGS}")
    box.run("systemctl reload sessiontrack || true")
    box.wait("journalctl --unit sessiontrack | grep xml")
    box.run(f"! {logged}limited")
    box.run(f"cp /tmp/settings {SETTINGS} && rm -r {folder}")
    box.run("systemctl daemon-reload && systemctl restart sessiontrack")
    box.wait("curl --silent --fail http://127.0.0.1:8000/readyz")


@contextmanager
def asked_meanwhile(box: Machine, what: str) -> Iterator[None]:
    """It answers before and afterwards; print how many requests are not answered."""
    code = "--max-time 1 --output /dev/null --write-out '%{http_code}\\n'"
    asking = f"{API} {code} http://127.0.0.1:8000/healthz || true"
    box.run(f"(while sleep 0.1; do {asking}; done) > /tmp/answers 2>/dev/null & echo $! > /tmp/asking")
    yield
    box.wait("curl --silent --fail http://127.0.0.1:8000/readyz")
    box.run("kill $(cat /tmp/asking) || true")
    answers = box.run("cat /tmp/answers").split()
    assert "200" in answers
    missed = sum(code != "200" for code in answers)
    print(f"{what}: {missed} of {len(answers)} requests were not answered (10 a second)")


def test_an_upgrade_makes_a_backup_and_keeps_the_data(box: Machine) -> None:
    box.run("cd /srv && dpkg-deb --raw-extract sessiontrack.deb new")
    box.run("cd /srv && sed -i 's/^Version: .*/&.1/' new/DEBIAN/control")
    box.run("cd /srv && dpkg-deb -Zgzip -z1 --build new newer.deb")
    before = call(box, "/devices", token(box))
    with asked_meanwhile(box, "upgrade of the package"):
        printed = box.run("apt-get install --yes --no-install-recommends /srv/newer.deb")
    assert "a backup of the database, before the upgrade" in printed
    assert box.run("ls /var/lib/sessiontrack/backups/*.sqlite3 | wc -l").strip() != "0"
    names = {each["mac"] for each in json.loads(before)["devices"]}
    assert names <= {each["mac"] for each in json.loads(call(box, "/devices", token(box)))["devices"]}


def test_it_is_back_after_a_power_cut_and_a_boot(box: Machine) -> None:
    secret = token(box)
    before = call(box, "/sessions/list", secret)
    box.cut_power()
    box.boot()
    box.wait("curl --silent --fail http://127.0.0.1:8000/readyz")
    assert json.loads(call(box, "/sessions/list", secret))["success"]
    assert json.loads(before)["success"]
    assert box.run("sessiontrack check").strip() != ""


def test_restore_as_root_restores_what_the_service_has(box: Machine) -> None:
    box.run("cp $(ls /var/lib/sessiontrack/backups/*.sqlite3 | tail -1) /srv/kept.sqlite3")
    box.run("chmod 600 /srv/kept.sqlite3 && sessiontrack user add late --generate")
    box.run("systemctl stop sessiontrack && cd /srv && sessiontrack restore kept.sqlite3")
    box.run("systemctl start sessiontrack")
    assert "late" not in box.run("sessiontrack user list")
    assert box.run("find /var/lib/sessiontrack ! -user sessiontrack").strip() == ""
    assert box.run("systemctl is-active sessiontrack").strip() == "active"
    box.wait("systemctl is-active sessiontrack-network")


@contextmanager
def wrong_clock(box: Machine, offset: str) -> Iterator[Callable[[str], None]]:
    """The service under libfaketime, which reads the offset from a file; it is as it was afterwards."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    box.put(library, "/usr/lib/sessiontrack-clock.so")
    # libfaketime 0.9.10 fails in Python 3.11's sleep if the monotonic clock is the true one.
    sleep = (
        "import select, time\\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\\n"
    )
    box.run(f"mkdir -p /srv/ahead && printf '{sleep}' > /srv/ahead/sitecustomize.py")

    def turn(offset: str) -> None:
        box.run(f"echo '{offset}' > /srv/ahead/new && mv /srv/ahead/new /srv/ahead/clock")

    turn(offset)
    folder = "/etc/systemd/system/sessiontrack.service.d"
    variables = (
        "LD_PRELOAD=/usr/lib/sessiontrack-clock.so FAKETIME_TIMESTAMP_FILE=/srv/ahead/clock"
        " PYTHONPATH=/srv/ahead FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1"
        " FAKE_UTIME=0"
    )
    restart = "systemctl daemon-reload && systemctl restart sessiontrack"
    box.run(
        f"mkdir {folder} && printf '[Service]\\nEnvironment={variables}\\n' > {folder}/clock.conf"
        f" && {restart}"
    )
    yield turn
    box.run(f"rm -r {folder} && {restart}")


@pytest.mark.parametrize(
    "behind", ["-1000d", f"-{int(time.time()) // 86_400 - 1}d"], ids=["years", "in 1970"]
)
def test_a_start_in_the_past_records_nothing_until_the_clock_is_right(box: Machine, behind: str) -> None:
    secret = token(box)
    body = '{"source": "arp", "devices": [{"mac": "00:1a:2b:3c:4d:99"}]}'

    def recorded() -> bool:
        return bool(json.loads(call(box, "/presence/scans", secret, f"--data '{body}'"))["success"])

    assert recorded()
    with wrong_clock(box, behind) as turn:
        box.wait(f"{API} http://127.0.0.1:8000/readyz | grep clock_unsure")
        assert not recorded()
        assert "00:1A:2B:3C:4D:99" in call(box, "/devices", secret)
        # A time source answers.
        turn("+0")
        box.wait("curl --silent --fail http://127.0.0.1:8000/readyz")
        assert recorded()
    assert recorded()
    log = box.run(
        "journalctl --unit sessiontrack --output cat --no-pager | grep -c 'cannot be before' || true"
    )
    assert int(log) > 0


def test_a_jump_of_the_clock_ahead_leaves_nothing_behind(box: Machine) -> None:
    """An hour for a while, then 2040, while the service runs."""
    secret, mac = token(box), "00:1A:2B:3C:4D:98"
    body = json.dumps({"source": "arp", "devices": [{"mac": mac}]})

    def look() -> int:
        asked = f"--output /dev/null --write-out '%{{http_code}}' --data '{body}'"
        return int(call(box, "/presence/scans", secret, asked))

    with wrong_clock(box, "+0") as turn:
        assert look() == 200
        turn("+1h")
        assert look() == 200
        turn("+14y")
        assert look() == 503
        box.wait(f"{API} http://127.0.0.1:8000/readyz | grep clock_unsure")
        turn("+0")
        box.wait("curl --silent --fail http://127.0.0.1:8000/readyz")
        assert look() == 200
        now = int(box.run("date +%s"))
        sessions = json.loads(call(box, f"/sessions/{mac}?period=all", secret))["sessions"]
        assert [each["ses_StillConnected"] for each in sessions] == [1]
        assert sessions[0]["ses_DurationSeconds"] < 600
        heard = {
            each["name"]: datetime.fromisoformat(each["last_look"]).timestamp()
            for each in json.loads(call(box, "/presence/sources", secret))["sources"]
            if each["last_look"] is not None
        }
        assert "arp" in heard
        assert all(each < now + 60 for each in heard.values()), heard
    box.run("sessiontrack check")


def test_upgrades_that_are_killed_go_on(box: Machine) -> None:
    """SIGKILL for apt, dpkg and the package's scripts, a little later each time, and the way out of it."""
    before = json.loads(call(box, "/devices", token(box)))["devices"]
    for turn in range(KILLS):
        version = f"s/^Version: .*/&.{turn + 2}/"
        box.run(f"cd /srv && rm -rf again && cp -r new again && sed -i '{version}' again/DEBIAN/control")
        box.run("cd /srv && dpkg-deb -Zgzip -z1 --build again again.deb")
        install = "apt-get install --yes --no-install-recommends /srv/again.deb"
        # All of its processes are in the group of a unit, which systemd kills.
        box.run(f"systemd-run --quiet --unit=killed-{turn} sh -c '{install}'")
        box.run(f"sleep {turn * 10 / KILLS}; systemctl kill --signal=KILL killed-{turn} || true")
        box.wait(f"! systemctl is-active --quiet killed-{turn}")
        box.run("dpkg --install /srv/again.deb")
        box.wait("curl --silent --fail http://127.0.0.1:8000/readyz")
        box.run("systemctl reset-failed || true")
    after = json.loads(call(box, "/devices", token(box)))["devices"]
    assert {each["mac"] for each in before} <= {each["mac"] for each in after}
    box.run("sessiontrack check")


def test_it_moves_to_postgresql(box: Machine) -> None:
    """As docs/scaling.md says; units and commands go on, on the server."""
    url = "postgresql+psycopg://sessiontrack:secret@127.0.0.1/sessiontrack"
    box.wait("cd / && runuser -u postgres -- psql --command='SELECT 1'")
    sql = "CREATE ROLE sessiontrack LOGIN PASSWORD '\\''secret'\\''"
    box.run(f"cd / && runuser -u postgres -- psql --command='{sql}'")
    box.run("cd / && runuser -u postgres -- createdb -O sessiontrack -E UTF8 -T template0 sessiontrack")
    before = call(box, "/sessions/list", token(box))
    box.run("systemctl stop sessiontrack")
    file = "sqlite:////var/lib/sessiontrack/sessiontrack.sqlite3"
    box.run(f"sessiontrack migrate-database --switch {file} {url}")
    box.run("systemctl start sessiontrack")
    box.wait("curl --silent --fail http://127.0.0.1:8000/readyz")
    known = {each["ses_MAC"] for each in json.loads(before)["sessions"]}
    assert known <= {
        each["ses_MAC"] for each in json.loads(call(box, "/sessions/list", token(box)))["sessions"]
    }
    box.run("sessiontrack user add bert --role viewer --generate")
    names = """SELECT username FROM "user" ORDER BY username"""
    assert "bert" in box.run(f"cd / && runuser -u postgres -- psql sessiontrack --command='{names}'")
    secret = token(box)
    last = json.loads(call(box, "/presence/sources", secret))["sources"]
    assert "network" in {each["name"] for each in last}
    box.run("systemctl start sessiontrack-backup.service")
    result = "systemctl show --property=Result --value sessiontrack-backup.service"
    assert box.run(result).strip() == "success"
    assert box.run("ls /var/lib/sessiontrack/backups/*.dump | wc -l").strip() == "1"
    box.run("sessiontrack doctor --json > /srv/doctor.json || true")


def test_remove_keeps_the_data_and_purge_asks(box: Machine) -> None:
    box.run("apt-get remove --yes sessiontrack")
    box.run("test -e /var/lib/sessiontrack/sessiontrack.sqlite3")
    box.run("test ! -e /opt/sessiontrack/bin/sessiontrack")
    assert "the data stays" in box.run("apt-get purge --yes sessiontrack")
    box.run("test -e /var/lib/sessiontrack/sessiontrack.sqlite3")
    box.run("apt-get install --yes --no-install-recommends /srv/newer.deb")
    box.run("echo sessiontrack sessiontrack/remove-data boolean true | debconf-set-selections")
    box.run("systemctl enable sessiontrack-radius sessiontrack-scan@broken")
    box.run("apt-get purge --yes sessiontrack && test ! -e /var/lib/sessiontrack")
    assert box.run(LEFT).strip() == ""
    assert box.run("systemctl --failed --no-legend").strip() == ""


def test_root_prepares_a_new_host_before_the_first_start(box: Machine) -> None:
    """A restore, or a user: neither leaves files of root's, which the service could not read."""
    data = "/var/lib/sessiontrack"
    roots = f"find {data} ! -user sessiontrack"
    box.run("apt-get install --yes --no-install-recommends /srv/newer.deb")
    box.run(f"systemctl stop sessiontrack && rm -r {data} && install -d {data}")
    assert "is restored" in box.run("cd /srv && sessiontrack restore kept.sqlite3")
    assert box.run(roots).strip() == ""
    box.run("systemctl start sessiontrack")
    assert "anna" in box.run("sessiontrack user list")
    box.run(f"systemctl stop sessiontrack && rm -r {data} && install -d {data}")
    box.run("cd /srv && sessiontrack init && sessiontrack user add anna --role admin --generate")
    assert box.run(roots).strip() == ""
    box.run("systemctl start sessiontrack")
    assert "anna" in box.run("sessiontrack user list")
    assert box.run(roots).strip() == ""


def test_with_pip_it_is_installed_updated_and_uninstalled(box: Machine) -> None:
    """As docs/install.md says, from wheels: the machine has no package index."""
    box.add_segment()
    for wheel in wheels(box.run("python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'").strip()):
        box.put(wheel, f"/srv/wheels/{wheel.name}")
    box.run("echo sessiontrack sessiontrack/remove-data boolean true | debconf-set-selections")
    box.run("apt-get purge --yes sessiontrack || true")
    program, command = "/opt/sessiontrack/bin/sessiontrack", "/usr/local/bin/sessiontrack"
    pip = "/opt/sessiontrack/bin/pip install --quiet --no-index --find-links /srv/wheels"
    # As after a purge, which takes away the empty folder.
    box.run("rmdir /opt || true")
    box.run(f"umask 077 && python3 -m venv /opt/sessiontrack && {pip} sessiontrack")
    for remedy in ("chmod -R go+rX /opt/sessiontrack", "chmod go+rx /opt"):
        assert remedy in box.run(f"{program} install --yes", check=False)
        box.run(remedy)
    left = box.run(f"{program} install --yes --server-name box.example.org")
    for line in ("systemd-sysusers /etc/sysusers.d/sessiontrack.conf", "systemctl daemon-reload"):
        assert line in left
        box.run(line)
    box.run(
        "systemctl enable --now sessiontrack.service sessiontrack-network.service sessiontrack-backup.timer"
    )
    box.run(f"ln -s {program} {command}")
    secret = token(box)
    box.wait(f"{API} -H 'Authorization: Bearer {secret}' http://127.0.0.1:8000/devices | grep {NEIGHBOUR}")
    with asked_meanwhile(box, "update with pip"):
        box.run("sessiontrack backup /var/lib/sessiontrack/backups --keep 14")
        # Under its own number it would be there already.
        box.run(f"{pip} --no-deps --force-reinstall sessiontrack")
        assert box.run("sessiontrack install --yes").strip().endswith("Done.")
        box.run("systemctl daemon-reload && systemctl restart sessiontrack")
    assert NEIGHBOUR in call(box, "/devices", secret)
    box.run("sessiontrack check")
    assert box.run("systemctl is-active sessiontrack-network").strip() == "active"
    said = box.run(f"{program} uninstall --purge --yes")
    assert "userdel sessiontrack" in said
    box.run(f"rm {command} && userdel sessiontrack && test ! -e /var/lib/sessiontrack && nginx -t")
    assert box.run(LEFT).strip() == ""
    assert box.run("systemctl --failed --no-legend").strip() == ""


def wheels(python: str) -> list[Path]:
    """Those of the package's requirements for that Python, and our own, which `make deb` has left."""
    folder = ROOT / "build" / "appliance" / f"wheels-{python}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    chosen = ["--only-binary=:all:", "--python-version", python, "--dest", folder]
    platforms = [
        f"--platform={each}_x86_64" for each in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
    ]
    exact = ["--require-hashes", "--requirement", ROOT / "requirements" / "package.txt"]
    subprocess.run([*pip, *chosen, *platforms, *exact], check=True)
    return [*folder.glob("*.whl"), *(ROOT / "build" / "deb" / "wheel").glob("*.whl")]


def test_lintian_finds_no_error(package: Path) -> None:
    found = subprocess.run(["lintian", "--fail-on", "error", package], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
