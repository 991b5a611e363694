"""What means "no address" or "no name" is that in every way in: the row is taken without it."""

import json
from collections.abc import Callable

import pytest

from sessiontrack.sources.formats import FORMATS, Reading
from sessiontrack.sources.hooks import read_lease_call
from sessiontrack.values.observations import Observation
from sessiontrack.values.timestamps import IN_UTC
from tests.support.application import NOW, Clients

MAC = "DA:A1:19:11:22:33"
NO_ADDRESS = ["0.0.0.0", "::", "null", "(unknown)", "None"]
NO_NAME = ["null", "(unknown)", "None", "-"]
LEASE = {"hw-address": MAC, "cltt": NOW, "valid-lft": 60, "state": 0}
HEADER = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n"
# The text of one device by (IP address, name).
WRITERS: dict[str, Callable[[str, str], str]] = {
    "ip-neigh": lambda ip, name: f'[{{"dst": "{ip}", "lladdr": "{MAC}", "state": ["REACHABLE"]}}]',
    "arp-scan": lambda ip, name: f"{ip}\t{MAC}\t{name}\n",
    "nmap": lambda ip, name: (
        f'<nmaprun><host><status state="up"/><address addr="{ip}" addrtype="ipv4"/><address addr="{MAC}"'
        f' addrtype="mac" vendor="{name.strip("<>")}"/></host><runstats><finished time="{NOW}"'
        ' exit="success"/></runstats></nmaprun>'
    ),
    "dnsmasq": lambda ip, name: f"0 {MAC} {ip} {name} *\n",
    "kea": lambda ip, name: f"{HEADER}{ip},{MAC},,3600,{NOW + 60},1,0,0,{name},0\n",
    "kea-json": lambda ip, name: json.dumps(
        [{"result": 0, "arguments": {"leases": [{**LEASE, "ip-address": ip, "hostname": name}]}}]
    ),
    "isc": lambda ip, name: (
        f'lease {ip} {{\n  ends never;\n  hardware ethernet {MAC};\n  client-hostname "{name}";\n}}\n'
    ),
    "mikrotik": lambda ip, name: (
        f' 0 D address={ip} mac-address={MAC} server=lan status=bound host-name="{name}"\n'
    ),
    "csv": lambda ip, name: f"mac,ip,name,vendor\n{MAC},{ip},{name},{name}\n",
}


def test_every_format_is_tried() -> None:
    assert set(WRITERS) == set(FORMATS) - {"openwrt"}, "which knows neither addresses nor names"


def seen(format_name: str, ip: str, name: str) -> Observation:
    found = FORMATS[format_name].parse(Reading(WRITERS[format_name](ip, name), NOW), IN_UTC)
    assert found.faults == ()
    (device,) = found.devices
    return device


@pytest.mark.parametrize("format_name", sorted(WRITERS))
@pytest.mark.parametrize("ip", NO_ADDRESS)
def test_no_address(format_name: str, ip: str) -> None:
    assert seen(format_name, ip, "phone").ip == ""


@pytest.mark.parametrize("format_name", sorted(WRITERS))
def test_a_zone_is_cut_off(format_name: str) -> None:
    assert seen(format_name, "fe80::1%eth0", "phone").ip == "fe80::1"


@pytest.mark.parametrize("format_name", sorted(WRITERS))
@pytest.mark.parametrize("name", NO_NAME)
def test_no_name_and_no_vendor(format_name: str, name: str) -> None:
    device = seen(format_name, "10.0.0.5", name)
    assert (device.name, device.vendor) == ("", "")


@pytest.mark.parametrize("ip", NO_ADDRESS)
def test_hooks(ip: str) -> None:
    event = read_lease_call(["add", MAC, ip, "null"], {}, NOW, 600)
    assert event is not None
    assert (event.device.ip, event.device.name, event.source) == ("", "", "dhcp")


@pytest.mark.parametrize(
    ("ip", "kept"),
    [*((each, "") for each in NO_ADDRESS), ("fe80::1%eth0", "fe80::1"), ("10.0.0.5", "10.0.0.5")],
)
def test_contract_2_calls(clients: Clients, ip: str, kept: str) -> None:
    device = {"mac": MAC, "ip": ip, "name": "null", "vendor": "(unknown)"}
    clients.admin.ok("POST", "/presence/scans", {"source": "s", "devices": [device]})
    clients.admin.ok("POST", "/presence/events", {"source": "e", "mac": MAC, "ip": ip, "event": "seen"})
    (session,) = clients.admin.ok("GET", f"/sessions/list?mac={MAC}")["sessions"]
    assert session["ses_IP"] == kept
    (found,) = clients.admin.ok("GET", "/devices?status=all")["devices"]
    assert (found["name"], found["vendor"]) == ("", "")
    other = {"mac": "02:00:00:00:00:01", "ip": ip, "start_time": "2025-08-01T10:00:00"}
    clients.admin.ok("POST", "/sessions/create", other)
    (session,) = clients.admin.ok("GET", f"/sessions/list?mac={other['mac']}")["sessions"]
    assert session["ses_IP"] == kept
