"""vendors: names for vendor prefixes, without a network."""

import socket
import subprocess
import sys

import pytest

from sessiontrack.values.vendors import vendor_of


@pytest.mark.parametrize(
    ("mac", "name"),
    [
        ("B8:27:EB:00:00:01", "Raspberry Pi Foundation"),
        ("B8:27:EB:FF:FF:FF", "Raspberry Pi Foundation"),
        ("00:00:0C:12:34:56", "Cisco Systems, Inc"),
        ("00:11:32:8E:41:7B", "Synology Incorporated"),
    ],
)
def test_a_prefix_of_the_ieee_list_has_its_vendor(mac: str, name: str) -> None:
    assert vendor_of(mac) == name


@pytest.mark.parametrize(
    "mac",
    [
        "02:00:0C:12:34:56",  # made up locally
        "DA:A1:19:11:22:33",  # made up locally, though a vendor once had bought it
        "01:00:5E:00:00:01",  # a group
        "FF:FF:FF:FF:FF:FF",
        "00:50:C2:00:00:01",  # sold in parts
        "AC:DE:48:00:11:22",  # its owner is not told
        "F0:00:00:00:00:00",
    ],
)
def test_a_random_a_group_and_an_unknown_address_have_none(mac: str) -> None:
    assert vendor_of(mac) == ""


def test_names_need_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("a vendor was looked for on the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    vendor_of.__globals__["_vendor_of_prefix"].cache_clear()
    assert vendor_of("DC:A6:32:01:02:03").startswith("Raspberry Pi")


def test_the_list_is_read_when_the_first_name_is_asked_for() -> None:
    script = (
        "import sys, sessiontrack, sessiontrack.values.vendors as v; before = 'netaddr' in sys.modules;"
        "v.vendor_of('B8:27:EB:00:00:01'); print(before, 'netaddr' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]
