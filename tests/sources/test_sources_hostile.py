"""Whatever a source is given: only its own error is raised, and what it gives can be stored and sent."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontrack.cli.scan_delivery import Look, scan_body
from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.schemas.presence import ScanBody
from sessiontrack.sources.formats import FORMATS, Reading
from sessiontrack.values.timestamps import IN_UTC
from tests.sources import test_more_leases as more
from tests.sources.test_ip_neigh import CAPTURED
from tests.support.application import NOW
from tests.support.captured import FOLDER, captured

TABLE = (
    "mac,ip,name,vendor,at\nda:a1:19:11:22:33,10.0.0.5,phone,Acme,2025-08-15 12:00\n00:1a:2b:3c:4d:5e,,,,\n"
)
SAMPLES = {
    "ip-neigh": [CAPTURED],
    "arp-scan": [captured("arp-scan.txt"), captured("arp-scan-plain.txt")],
    "nmap": [captured("nmap.xml"), captured("nmap-loopback.xml")],
    "dnsmasq": [captured("dnsmasq.leases")],
    "kea": [captured("kea-leases4.csv"), captured("kea-leases6.csv")],
    "kea-json": [more.KEA],
    "isc": [more.ISC],
    "mikrotik": [more.MIKROTIK_7, more.MIKROTIK_DETAIL],
    "openwrt": [more.OPENWRT],
    "csv": [TABLE],
}
PIECES = st.text(max_size=6) | st.sampled_from(
    ["\x00", "\n", "\t", '"', ",", "&e;", "<", "\udcff", "9" * 30, "ff:ff:ff:ff:ff:ff", "::", "\r", "&#x0a"]
)


@st.composite
def mutated(draw: st.DrawFn, sample: str) -> str:
    """A sample of which pieces are cut out and replaced, and which may end anywhere."""
    ends = sorted(draw(st.lists(st.integers(0, len(sample)), min_size=2, max_size=8)))
    kept = [sample[start:end] for start, end in pairwise([0, *ends])][::2]
    return "".join(part + draw(PIECES) for part in kept)


def check(name: str, text: str) -> None:
    try:
        found = FORMATS[name].parse(Reading(text, NOW), IN_UTC)
    except UnreadableObservations:
        return
    macs = [device.mac for device in found.devices]
    assert macs == sorted(set(macs))
    assert all(fault.isprintable() for fault in found.faults)
    seen = sum(device.is_sighting for device in found.devices)
    assert seen <= found.taken or found.dated
    for at, devices, is_complete in Look("x", found, None, found.is_whole).scans():
        ScanBody().load(scan_body("x", None, devices, is_complete))
        assert at is None or IN_UTC.format_offset(at)


def test_every_format_and_every_captured_file_is_tried() -> None:
    assert set(SAMPLES) == set(FORMATS)
    files = {
        file.name for file in Path(FOLDER).iterdir() if file.suffix not in (".py", ".pyc") and file.is_file()
    }
    assert len(files) == sum(len(SAMPLES[name]) for name in ("arp-scan", "nmap", "dnsmasq", "kea"))


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=60)
@given(data=st.data())
def test_anything_at_all(name: str, data: st.DataObject) -> None:
    check(name, data.draw(st.text()))


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=250)
@given(data=st.data())
def test_real_output_that_was_damaged(name: str, data: st.DataObject) -> None:
    check(name, data.draw(mutated(data.draw(st.sampled_from(SAMPLES[name])))))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_real_output_cut_off_at_every_place(name: str) -> None:
    for sample in SAMPLES[name]:
        for length in range(len(sample)):
            check(name, sample[:length])
