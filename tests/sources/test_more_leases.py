"""ISC dhcpd, Kea's answers, MikroTik, OpenWrt; and the one-liners that docs/sources.md shows for others."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources import isc, kea_json, mikrotik, openwrt
from sessiontrack.sources.csv_file import parse_table
from sessiontrack.values.observations import Observation
from sessiontrack.values.timestamps import IN_UTC
from tests.support.application import NOW

DOCS = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
PHONE = Observation("02:00:5E:C0:00:01", "192.168.1.10", True, "phone")
TABLET = Observation("02:00:5E:C0:00:02", "192.168.1.11")

# --- ISC dhcpd

# NOW is 2025-08-15 12:00:00 UTC.
ISC = r"""# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

authoring-byte-order little-endian;
server-duid "\000\001\000\0012\225\026\207\000\032+<M^";

failover peer "pair" state {
  my state normal at 5 2025/08/15 08:00:00;
}
lease 192.168.1.10 {
  starts 5 2025/08/15 00:00:00;
  ends 5 2025/08/15 11:00:00;
  binding state active;
  hardware ethernet 02:00:5e:c0:00:09;
}
lease 192.168.1.10 {
  starts 5 2025/08/15 11:00:00;
  ends 5 2025/08/15 23:00:00;
  cltt 5 2025/08/15 11:00:00;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 02:00:5e:c0:00:01;
  uid "\001\002\000^\300\000\001";
  set vendor-class-identifier = "a } ; b { \" c";
  on expiry { set x = "1"; }
  client-hostname "phone";
}
lease 192.168.1.11 {
  starts epoch 1755259000; # Fri Aug 15 11:56:40 2025
  ends never;
  binding state active;
  hardware ethernet 2:0:5e:c0:0:2;
}
lease 192.168.1.12 {
  ends 5 2025/08/15 23:00:00;
  binding state free;
  hardware ethernet 02:00:5e:c0:00:03;
}
lease 192.168.1.13 {
  ends epoch 1755259200;
  binding state active;
  hardware ethernet 02:00:5e:c0:00:04;
}
lease 192.168.1.14 {
  ends 5 2025/08/15 23:00:00;
  binding state abandoned;
}
host printer { dynamic; hardware ethernet 02:00:5e:c0:00:05; fixed-address 192.168.1.5; }
ia-na "\001\000" {
  iaaddr 2001:db8::5 { binding state active; ends never; }
}
"""


def test_leases_of_isc() -> None:
    found = isc.parse_leases(ISC, NOW)
    assert found.devices == (PHONE, TABLET)
    assert (found.taken, found.left_out, found.faults, found.is_whole) == (2, 3, (), True)
    assert isc.parse_leases(ISC, NOW - 1).taken == 3


def test_two_files_of_isc_and_one_that_is_cut_off() -> None:
    assert isc.parse_leases(ISC + ISC, NOW).devices == (PHONE, TABLET)
    for end in ("\n  ends never", " active;\n  hardware ethernet 2", "lease 192.168.1.12 {"):
        found = isc.parse_leases(ISC[: ISC.index(end) + 8], NOW)
        assert found.is_whole is False
        assert PHONE in found.devices
    found = isc.parse_leases(ISC + ISC[: ISC.index("starts")], NOW)
    assert (found.devices, found.is_whole) == ((PHONE, TABLET), False)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("2:0:5e:c0:0:2", "zz", "Line 29: 'zz' is not a MAC address."),
        ("lease 192.168.1.11", "lease 300.1.1.1", "Line 29: '300.1.1.1' is not an IP address."),
        ("ends never", "ends 9 2025/13/15 1", "Line 29: '9 2025/13/15 1' is not an instant."),
    ],
)
def test_a_faulty_lease_of_isc_is_named_by_its_line(old: str, new: str, fault: str) -> None:
    found = isc.parse_leases(ISC.replace(old, new, 1), NOW)
    assert found.faults == (fault,)
    assert (found.is_whole, PHONE in found.devices) == (True, True)


def test_a_name_of_isc_may_have_escapes() -> None:
    text = r'lease 10.0.0.1 { hardware ethernet 02:00:5e:c0:00:01; client-hostname "caf\351 \"b\""; }'
    assert isc.parse_leases(text, NOW).devices[0].name == 'caf\xe9 "b"'


# --- Kea


def kea(**changes: object) -> dict[str, object]:
    lease = {
        "cltt": NOW - 60,
        "client-id": "01:02:00:5e:c0:00:01",
        "fqdn-fwd": False,
        "fqdn-rev": False,
        "hostname": "phone.",
        "hw-address": "02:00:5e:c0:00:01",
        "ip-address": "192.168.1.10",
        "state": 0,
        "subnet-id": 1,
        "valid-lft": 3600,
    }
    return {**lease, **changes}


def answer(*leases: object, result: int = 0, text: str = "2 IPv4 lease(s) found.") -> str:
    return json.dumps([{"arguments": {"leases": list(leases)}, "result": result, "text": text}])


TABLET_LEASE = kea(**{"hw-address": "02:00:5e:c0:00:02", "ip-address": "192.168.1.11", "hostname": ""})
KEA = answer(kea(), TABLET_LEASE)


def test_leases_that_kea_answers() -> None:
    over = [kea(state=1), kea(**{"valid-lft": 60}), kea(**{"valid-lft": 0})]
    unknown = {
        key: value for key, value in kea(**{"ip-address": "2001:db8::1"}).items() if key != "hw-address"
    }
    found = kea_json.parse_answer(answer(kea(), TABLET_LEASE, *over, unknown), NOW)
    assert found.devices == (PHONE, TABLET)
    assert (found.taken, found.left_out, found.faults, found.is_whole) == (2, 4, (), True)
    forever = kea(**{"cltt": 0, "valid-lft": 0xFFFFFFFF})
    assert kea_json.parse_answer(answer(forever), NOW).devices == (PHONE,)


def test_other_shapes_of_keas_answer() -> None:
    one = {"result": 0, "arguments": {"leases": [kea()]}}
    for text in (json.dumps(one), json.dumps({"leases": [kea()]}), json.dumps([kea()]), KEA + KEA):
        assert PHONE in kea_json.parse_answer(text, NOW).devices
    empty = kea_json.parse_answer('[{"result": 3, "text": "0 IPv4 lease(s) found."}]', NOW)
    assert (empty.devices, empty.is_whole) == ((), True)
    cut = kea_json.parse_answer(KEA + KEA[:-9], NOW)
    assert (cut.devices, cut.is_whole) == ((PHONE, TABLET), False)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[{"result": 1, "text": "unable to connect"}]', "unable to connect"),
        ('[{"result": 2, "text": "not supported"}]', "not supported"),
        ("", "lease4-get-all"),
        ("{}", "lease4-get-all"),
        ('[{"result": 0}]', "lease4-get-all"),
        ('{"leases": 7}', "lease4-get-all"),
        ("[" * 100_000, "lease4-get-all"),
    ],
)
def test_what_is_no_answer_of_keas_is_refused(text: str, word: str) -> None:
    with pytest.raises(UnreadableObservations, match=word):
        kea_json.parse_answer(text, NOW)


@pytest.mark.parametrize(
    "lease",
    [7, kea(cltt="x"), kea(hostname=7), kea(**{"hw-address": "zz"}), kea(**{"ip-address": "300.1.1.1"})],
)
def test_a_faulty_lease_of_kea_is_named_by_its_number(lease: object) -> None:
    found = kea_json.parse_answer(answer(TABLET_LEASE, lease), NOW)
    assert found.faults[0].startswith("Lease 2 of 2: ")
    assert TABLET in found.devices


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (r"Zo\303\253", "Zoë"),
        (r"Zo\353", "Zoë"),
        (r"a\"b\\c", 'a"b\\c'),
        ("Zoë", "Zoë"),
        (r"\777", "\N{LATIN SMALL LETTER Y WITH DIAERESIS}"),
    ],
)
def test_a_name_of_isc_is_the_bytes_that_the_client_sent(written: str, name: str) -> None:
    found = isc.parse_leases(ISC.replace('"phone"', f'"{written}"'), NOW)
    assert found.devices[0].name == name


# --- MikroTik

MIKROTIK_7 = """Flags: D - DYNAMIC
Columns: ADDRESS, MAC-ADDRESS, HOST-NAME, SERVER, STATUS, LAST-SEEN
#   ADDRESS       MAC-ADDRESS        HOST-NAME  SERVER   STATUS   LAST-SEEN
;;; 192.168.1.99 is not this one's address
0   192.168.1.2   02:00:5E:C0:00:08  nas        defconf  waiting  never
1 D 192.168.1.10  02:00:5E:C0:00:01  phone      defconf  bound    1m32s
2 D 192.168.1.11  02:00:5E:C0:00:02             defconf  bound    2h4m
"""
MIKROTIK_6 = """Flags: X - disabled, R - radius, D - dynamic, B - blocked
 #   ADDRESS         MAC-ADDRESS       HOST-NAME     SERVER    RATE-LIMIT   STATUS
 0   192.168.1.2     02:00:5E:C0:00:08               dhcp1                  waiting
 1 D 192.168.1.10    02:00:5E:C0:00:01 phone         dhcp1                  bound
 2 D 192.168.1.11    02:00:5E:C0:00:02               dhcp1                  bound
"""
MIKROTIK_DETAIL = """Flags: X - disabled, R - radius, D - dynamic, B - blocked
 0   ;;; nas = 7
     address=192.168.1.2 mac-address=02:00:5E:C0:00:08 server=dhcp1 dhcp-option="" status=waiting
     last-seen=never

 1 D address=192.168.1.10 mac-address=02:00:5E:C0:00:01 client-id="1:2:0:5e:c0:0:1" address-lists=""
     server=dhcp1 status=bound expires-after=8m27s last-seen=1m33s active-address=192.168.1.10
     active-mac-address=02:00:5E:C0:00:01 active-server=dhcp1 host-name="phone"

 2 D address=192.168.1.11 mac-address=02:00:5E:C0:00:02 server=dhcp1 status=bound
"""
MIKROTIK_TERSE = "".join(
    f" {number} D address=192.168.1.1{number} mac-address=02:00:5E:C0:00:0{number + 1} server=dhcp1"
    f" status=bound{name}\n"
    for number, name in enumerate([" host-name=phone", ""])
)


@pytest.mark.parametrize("text", [MIKROTIK_7, MIKROTIK_6, MIKROTIK_DETAIL, MIKROTIK_TERSE])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_leases_of_mikrotik(text: str, end: str) -> None:
    found = mikrotik.parse_leases(text.replace("\n", end))
    assert found.devices == (PHONE, TABLET)
    assert (found.taken, found.faults, found.is_whole) == (2, (), True)
    assert mikrotik.parse_leases(text + text).devices == (PHONE, TABLET)


def test_comments_of_routeros_6_stand_before_their_lease() -> None:
    commented = MIKROTIK_6.replace(
        " 1 D 192.168.1.10 ", " 1 D ;;; in the hall 02:00:5E:C0:00:07\n     192.168.1.10 "
    ).replace(" 2 D 192.168.1.11 ", " 2   ;;;\n     192.168.1.11 ")
    found = mikrotik.parse_leases(commented)
    assert (found.devices, found.faults, found.left_out) == ((PHONE, TABLET), (), 1)


@pytest.mark.parametrize("name", ["waiting", "busy", "bound"])
def test_a_name_of_mikrotik_that_is_a_state_is_a_name(name: str) -> None:
    for text in (MIKROTIK_7, MIKROTIK_6, MIKROTIK_DETAIL, MIKROTIK_TERSE):
        named = text.replace(f"{'phone':<{len(name)}}  ", f"{name:<5}  ").replace("phone", name)
        named = named.replace("nas    ", f"{name:<7}")
        seen = mikrotik.parse_leases(named).devices
        assert [each.mac for each in seen] == [PHONE.mac, TABLET.mac]
        assert seen[0].name == name


def test_a_name_of_mikrotik_may_have_quotation_marks() -> None:
    quoted = MIKROTIK_DETAIL.replace('"phone"', r'"a \"b\" \\c"')
    assert mikrotik.parse_leases(quoted).devices[0].name == r'a "b" \c'


def test_faulty_and_cut_off_lines_of_mikrotik() -> None:
    found = mikrotik.parse_leases(MIKROTIK_7.replace("02:00:5E:C0:00:02", "zz:00:5E:C0:00:02"))
    assert (found.devices, found.is_whole) == ((PHONE,), True)
    assert found.faults == ("Line 7: 'zz:00:5E:C0:00:02' is not a MAC address.",)
    found = mikrotik.parse_leases(MIKROTIK_7[: MIKROTIK_7.index(":C0:00:02")])
    assert (found.devices, found.is_whole) == ((PHONE,), False)


@pytest.mark.parametrize("text", ["", "hello", "no such item", "Flags: D - DYNAMIC\n"])
def test_what_is_not_mikrotiks_is_refused(text: str) -> None:
    with pytest.raises(UnreadableObservations):
        mikrotik.parse_leases(text)


# --- OpenWrt

OPENWRT = json.dumps(
    {
        "freq": 5180,
        "clients": {
            "02:00:5e:c0:00:01": {"auth": True, "assoc": True, "authorized": True, "signal": -51},
            "02:00:5e:c0:00:02": {"auth": True, "assoc": True, "authorized": True, "signal": -60},
            "02:00:5e:c0:00:03": {"auth": True, "assoc": False, "authorized": False},
        },
    },
    indent="\t",
)


def test_stations_of_openwrt() -> None:
    found = openwrt.parse_clients(OPENWRT)
    assert found.devices == (Observation(PHONE.mac), Observation(TABLET.mac))
    assert (found.taken, found.left_out, found.is_whole) == (2, 1, True)
    nobody = openwrt.parse_clients('{"freq": 2412, "clients": {}}')
    assert (nobody.devices, nobody.is_whole) == ((), True)


def test_several_interfaces_of_openwrt_and_an_answer_that_is_cut_off() -> None:
    other = OPENWRT.replace("c0:00:02", "c0:00:07")
    assert len(openwrt.parse_clients(f"{OPENWRT}\n{other}").devices) == 3
    found = openwrt.parse_clients(f"{OPENWRT}\n{other[:-9]}")
    assert (len(found.devices), found.is_whole) == (2, False)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"clients": []}', "Command failed: Not found", OPENWRT[:-5]]
)
def test_what_is_not_openwrts_is_refused(text: str) -> None:
    with pytest.raises(UnreadableObservations):
        openwrt.parse_clients(text)


def test_a_faulty_station_is_named() -> None:
    found = openwrt.parse_clients('{"clients": {"zz": {}, "02:00:5e:c0:00:01": {}, "02:00:5e:c0:00:02": 7}}')
    assert [fault.split(":")[0] for fault in found.faults] == ["Client 'zz'", "Client '02"]
    assert found.devices[0] == Observation(PHONE.mac)


# --- one-liners

OPNSENSE = json.dumps(
    {
        "total": 3,
        "rowCount": 3,
        "rows": [
            {"address": "192.168.1.10", "mac": "02:00:5e:c0:00:01", "hostname": "phone", "status": "online"},
            {"address": "192.168.1.11", "mac": "02:00:5e:c0:00:02", "hostname": "", "status": "online"},
            {"address": "192.168.1.12", "mac": "02:00:5e:c0:00:03", "hostname": "tv", "status": "offline"},
        ],
    }
)
UNIFI = (
    "Name,Vendor,Connection,Network,Experience,IP Address,Down,Up,Uptime,MAC Address\n"
    '"phone",Acme,WiFi,Default,Excellent,192.168.1.10,1.2 GB,"34,5 MB",1d 2h,02:00:5e:c0:00:01\n'
    ",,Port 3,Default,,192.168.1.11,0,0,5m,02:00:5e:c0:00:02\n"
)
IWINFO = """02:00:5E:C0:00:01  -51 dBm / -95 dBm (SNR 44)  20 ms ago
\tRX: 6.0 MBit/s                                1234 Pkts.
\tTX: 72.2 MBit/s, MCS 7, 20MHz                  567 Pkts.
\texpected throughput: unknown

02:00:5E:C0:00:02  -60 dBm / -95 dBm (SNR 35)  10 ms ago
\tRX: 6.0 MBit/s                                1234 Pkts.
\tTX: 72.2 MBit/s, MCS 7, 20MHz                  567 Pkts.
\texpected throughput: unknown

"""
ARPWATCH = (
    f"2:0:5e:c0:0:1\t192.168.1.10\t{NOW}\tphone\teth0\n2:0:5e:c0:0:2\t192.168.1.11\t{NOW - 60}\t\teth0\n"
)
ONE_LINERS = re.findall(r"^(.+?) \| (.+) \| sessiontrack scan csv -$", DOCS, re.MULTILINE)


def run(word: str, text: str) -> str:
    (script,) = [script for source, script in ONE_LINERS if word in source]
    ran = subprocess.run(
        ["sh", "-c", script], input=text, capture_output=True, text=True, timeout=60, check=True
    )
    return ran.stdout


def test_every_one_liner_is_tried() -> None:
    assert len(ONE_LINERS) == 4


@pytest.mark.parametrize(("word", "text"), [("opnsense", OPNSENSE), ("clients.csv", UNIFI)])
def test_one_liners_with_addresses_and_names(word: str, text: str) -> None:
    found = parse_table(run(word, text), IN_UTC)
    assert (found.devices, found.faults) == ((PHONE, TABLET), ())


def test_the_one_liner_for_iwinfo() -> None:
    found = parse_table(run("iwinfo", IWINFO), IN_UTC)
    assert [device.mac for device in found.devices] == [PHONE.mac, TABLET.mac]
    assert parse_table(run("iwinfo", "No station connected\n"), IN_UTC).devices == ()


def test_the_one_liner_for_arpwatch() -> None:
    found = parse_table(run("arpwatch", ARPWATCH), IN_UTC)
    assert found.dated == {NOW: (PHONE,), NOW - 60: (TABLET,)}
