"""sources/dnsmasq.py and sources/kea.py: lease files, read."""

from pathlib import Path

import pytest

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources import dnsmasq, kea
from sessiontrack.values.observations import Observation
from tests.support.application import NOW
from tests.support.captured import captured

LEASES = captured("dnsmasq.leases")
WRITTEN = 1795316232
LEASE = f"{NOW + 60} 00:1a:2b:3c:4d:5e 10.0.0.5 phone 01:00:1a:2b:3c:4d:5e"
LOG = captured("kea-leases4.csv")
HEADER = LOG.splitlines()[0]


def row(
    address: str = "10.0.0.5", mac: str = "00:1a:2b:3c:4d:5e", expire: int = NOW + 60, state: int = 0
) -> str:
    return f"{address},{mac},,3600,{expire},1,0,0,phone,{state},,0"


# --- dnsmasq


def test_captured_leases_of_dnsmasq() -> None:
    found = dnsmasq.parse_leases(LEASES, WRITTEN)
    assert found.devices == (
        Observation("00:1A:2B:99:00:01", "10.77.0.116"),
        Observation("3C:07:54:11:22:33", "10.77.0.127", True, "laptop"),
        Observation("DA:A1:19:11:22:33", "10.77.0.142", True, "phone"),
    )
    assert (found.taken, found.left_out, found.faults) == (3, 0, ())


def test_an_expired_lease_is_no_sighting() -> None:
    found = dnsmasq.parse_leases(LEASES, 1795319832)
    assert (found.devices, found.left_out) == ((), 3)
    assert dnsmasq.parse_leases(LEASES, 1795319831).taken == 3


def test_a_lease_for_ever_has_the_expiry_0() -> None:
    found = dnsmasq.parse_leases(LEASE.replace(str(NOW + 60), "0"), NOW)
    assert found.taken == 1


@pytest.mark.parametrize("length", ["43200", "86400", "604800", "4294967295", "1"])
def test_a_dnsmasq_without_a_clock_writes_the_length_of_a_lease(length: str) -> None:
    """OpenWrt, GL.iNet: the lease is there at the instant at which the file was written."""
    found = dnsmasq.parse_leases(f"{length} 02:00:5e:c0:00:01 192.168.1.10 a 01:02:00:5e:c0:00:01\n", NOW)
    assert found.devices == (Observation("02:00:5E:C0:00:01", "192.168.1.10", True, "a"),)
    assert (found.taken, found.left_out) == (1, 0)


def test_two_lease_files_in_one_text() -> None:
    six = f"duid 00:01\n{NOW + 60} T7340050 2001:db8::142 phone 00:01\n"
    found = dnsmasq.parse_leases(f"{LEASE}\n{six}{LEASE.replace('5e 10', '5f 10')}\n{six}", NOW)
    assert (found.taken, found.left_out, found.faults) == (2, 2, ())
    assert found.is_whole


def test_a_file_that_ends_within_a_line_is_partial() -> None:
    assert dnsmasq.parse_leases(f"{LEASE}\n{LEASE[:25]}", NOW).is_whole is False
    assert dnsmasq.parse_leases(f"{LEASE}\n{LEASE[:25]}\n", NOW).is_whole is True
    assert kea.parse_leases(f"{HEADER}\n{row()}\n{row()[:20]}", NOW).is_whole is False


def test_leases_of_ipv6_and_of_links_without_mac_addresses_are_left_out_and_counted() -> None:
    text = (
        f"{LEASE}\n{NOW + 60} 20-80:00:02:08:fe:80 10.0.0.9 ib *\n{NOW + 60} 06- 10.0.0.8 x *\n"
        "duid 00:01:00:01:32:95:16:87:00:1a:2b:3c:4d:5e\n"
        f"{NOW + 60} 7340050 2001:db8::142 phone 00:01:00:01:2a:2b:3c:4d:da:a1:19:11:22:33\n"
    )
    found = dnsmasq.parse_leases(text, NOW)
    assert [device.mac for device in found.devices] == ["00:1A:2B:3C:4D:5E"]
    assert (found.taken, found.left_out, found.faults) == (1, 3, ())


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("soon 00:1a:2b:3c:4d:5f 10.0.0.6 * *", "'soon' is not an instant"),
        (f"{'9' * 13} 00:1a:2b:3c:4d:5f 10.0.0.6 * *", "is not an instant"),
        (f"{NOW + 60} 00:1a:2b:3c:4d 10.0.0.6 * *", "is not a MAC address"),
        (f"{NOW + 60} 00:1a:2b:3c:4d:5f", "has 5 words, and this line 2"),
        (f"{NOW + 60} 00:1a:2b:3c:4d:5f 10.0.0.6 a b c", "this line 6"),
    ],
)
def test_a_faulty_lease_is_named_by_its_line_and_the_rest_is_taken(line: str, complaint: str) -> None:
    found = dnsmasq.parse_leases(f"{LEASE}\n{line}\n{LEASE.replace('5e 10', '6e 10')}\n", NOW)
    assert [device.mac[-2:] for device in found.devices] == ["5E", "6E"]
    (fault,) = found.faults
    assert fault.startswith("Line 2: ")
    assert complaint in fault


def test_a_lease_at_a_faulty_address_does_not_make_its_device_missing() -> None:
    found = dnsmasq.parse_leases(f"{LEASE}\n{NOW + 60} 00:1a:2b:3c:4d:5f 10.0.0.600 * *\n", NOW)
    assert found.devices[1] == Observation("00:1A:2B:3C:4D:5F", is_sighting=False)


@pytest.mark.parametrize("text", ["", "\n", "hello", LOG, captured("nmap.xml")])
def test_what_is_not_dnsmasqs_is_refused(text: str) -> None:
    with pytest.raises(UnreadableObservations):
        dnsmasq.parse_leases(text, NOW)


# --- Kea


def test_the_last_row_of_an_address_counts() -> None:
    found = kea.parse_leases(LOG, NOW)
    assert found.devices == (
        Observation("00:1A:2B:3C:4D:5E", "192.0.2.10", True, "printer.example.org"),
        Observation("3C:07:54:11:22:33", "192.0.2.12"),
        Observation("3C:07:54:11:22:77", "192.0.2.17", True, "forever"),
        Observation("DA:A1:19:11:22:33", "192.0.2.11", True, "phone"),
    )
    # Declined, deleted, expired, without a MAC address.
    assert (found.taken, found.left_out, found.faults) == (4, 4, ())


def test_leases_of_ipv6_are_taken_where_kea_knows_the_mac_address() -> None:
    found = kea.parse_leases(captured("kea-leases6.csv"), NOW)
    assert found.devices == (
        Observation("00:1A:2B:3C:4D:5E", "2001:db8:1::10", True, "printer"),
        Observation("3C:07:54:11:22:33", "", True, "router"),
    )
    assert found.left_out == 1


def test_a_lease_of_kea_counts_until_it_expires() -> None:
    assert kea.parse_leases(f"{HEADER}\n{row(expire=NOW)}\n", NOW - 1).taken == 1
    assert kea.parse_leases(f"{HEADER}\n{row(expire=NOW)}\n", NOW).left_out == 1


def test_a_name_with_an_escaped_comma() -> None:
    (device,) = kea.parse_leases(f"{HEADER}\n{row().replace('phone', 'a&#x2cb')}\n", NOW).devices
    assert device.name == "a,b"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("10.0.0.6,00:1a", "none for valid_lifetime"),
        ("10.0.0.600,00:1a:2b:3c:4d:5f,,1,9,1,0,0,x,0,,0", "'10.0.0.600' is not an IP address"),
        ("10.0.0.6,zz,,1,9,1,0,0,x,0,,0", "'zz' is not a MAC address"),
        ("10.0.0.6,00:1a:2b:3c:4d:5f,,1,soon,1,0,0,x,0,,0", "expire 'soon' is not a number"),
        ("10.0.0.6,00:1a:2b:3c:4d:5f,,1,9,1,0,0,x,", "state '' is not a number"),
    ],
)
def test_a_faulty_row_is_named_by_its_line_and_the_rest_is_taken(line: str, complaint: str) -> None:
    text = f"{HEADER}\n{row()}\n{line}\n{row('10.0.0.7', '00:1a:2b:3c:4d:6e')}\n"
    found = kea.parse_leases(text, NOW)
    assert [device.mac for device in found.devices if device.is_sighting] == [
        "00:1A:2B:3C:4D:5E",
        "00:1A:2B:3C:4D:6E",
    ]
    (fault,) = found.faults
    assert fault.startswith("Line 3: ")
    assert complaint in fault


def test_a_faulty_row_leaves_what_was_said_of_its_address_before() -> None:
    found = kea.parse_leases(f"{HEADER}\n{row()}\n10.0.0.5,00:1a:2b:3c:4d:5e,,36", NOW)
    assert [device.ip for device in found.devices] == ["10.0.0.5"]


def test_the_files_that_kea_moved_away_belong_before(tmp_path: Path) -> None:
    main = tmp_path / "kea-leases4.csv"
    for name in ("kea-leases4.csv", "kea-leases4.csv.1", "kea-leases4.csv.2"):
        (tmp_path / name).write_text("")
    assert [each.name for each in kea.beside(main)] == ["kea-leases4.csv.2", "kea-leases4.csv.1"]
    (tmp_path / "kea-leases4.csv.completed").write_text("")
    assert [each.name for each in kea.beside(main)] == ["kea-leases4.csv.completed"]


def test_later_files_count_more_and_faults_name_the_file() -> None:
    older = (
        ("x.2", f"{HEADER}\n{row()}\n{row('10.0.0.6', '00:1a:2b:3c:4d:5f')}\nbad\n"),
        ("x.1", f"{HEADER}\n"),
    )
    found = kea.parse_leases(f"{HEADER}\n{row(state=2)}\n", NOW, older)
    assert [device.mac for device in found.devices] == ["00:1A:2B:3C:4D:5F"]
    assert found.faults[0].startswith("Line 4 of x.2: ")


def test_files_put_together_are_read_as_one() -> None:
    found = kea.parse_leases(f"{HEADER}\n{row()}\n{HEADER}\n{row(expire=NOW + 90)}\n", NOW)
    assert (found.taken, found.faults) == (1, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        LEASES,
        "address,hwaddr\n10.0.0.5,00:1a:2b:3c:4d:5e\n",
        f"{row()}\n{HEADER}\n",
        f"{HEADER}\nx\n",
    ],
)
def test_what_is_not_keas_is_refused(text: str) -> None:
    with pytest.raises(UnreadableObservations):
        kea.parse_leases(text, NOW)
