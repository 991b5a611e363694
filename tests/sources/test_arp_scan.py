"""sources/arp_scan.py: what arp-scan prints, read."""

import pytest

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.arp_scan import parse_answers
from sessiontrack.values.observations import Observation
from tests.support.captured import captured

OTHER = Observation("00:1A:2B:3C:4D:5E", "10.77.0.20", True, "", "Ayecom Technology Co., Ltd.")
LINE = "10.0.0.5\t00:1a:2b:3c:4d:5e\t"


@pytest.mark.parametrize("file", ["arp-scan.txt", "arp-scan-plain.txt"])
def test_captured_output_two_addresses_of_one_device(file: str) -> None:
    found = parse_answers(captured(file))
    assert found.devices == (OTHER,)
    assert (found.taken, found.left_out, found.faults, found.is_whole) == (2, 0, (), True)


@pytest.mark.parametrize("end", ["Ending", "10.77.0.21", "Starting", "\n10.77.0.20"])
def test_of_two_outputs_in_one_text_the_second_may_be_cut_off(end: str) -> None:
    whole = captured("arp-scan.txt")
    cut = whole[: whole.index(end)]
    assert parse_answers(whole + whole).is_whole is True
    for text in (whole + cut, cut + whole, whole + whole + cut):
        found = parse_answers(text)
        assert (found.devices, found.is_whole) == ((OTHER,), False)


def test_nobody_answered() -> None:
    lines = [line for line in captured("arp-scan.txt").splitlines() if not line.startswith("10.")]
    found = parse_answers("\n".join(lines))
    assert (found.devices, found.faults, found.is_whole) == ((), (), True)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (f"{LINE}Acme Inc.", ("10.0.0.5", "", "Acme Inc.")),
        (f"{LINE}Acme Inc. (DUP: 2)", ("10.0.0.5", "", "Acme Inc.")),
        (f"{LINE}Acme Inc.\tRTT=0.019 ms", ("10.0.0.5", "", "Acme Inc.")),
        (f"{LINE}(Unknown: locally administered)", ("10.0.0.5", "", "")),
        (f"{LINE}(Unknown)", ("10.0.0.5", "", "")),
        ("10.0.0.5\t00:1a:2b:3c:4d:5e", ("10.0.0.5", "", "")),
        ("10.0.0.5\t00:1a:2b:3c:4d:5e (00:1a:2b:3c:4d:77)\tAcme", ("10.0.0.5", "", "Acme")),
        ("10.0.0.5  00:1a:2b:3c:4d:5e  Acme Inc.", ("10.0.0.5", "", "Acme Inc.")),
        ("phone.lan\t00:1a:2b:3c:4d:5e\tAcme", ("", "phone.lan", "Acme")),
        (f"{LINE}Ac\x1b[31mme", ("10.0.0.5", "", "Ac [31mme")),
        (f"{LINE}{'x' * 300}", ("10.0.0.5", "", "x" * 255)),
    ],
)
def test_what_a_line_may_look_like(line: str, wanted: tuple[str, str, str]) -> None:
    (device,) = parse_answers(f"{line}\r\n").devices
    assert (device.ip, device.name, device.vendor) == wanted


@pytest.mark.parametrize("mac", ["ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "01:00:5e:00:00:01"])
def test_groups_are_left_out(mac: str) -> None:
    found = parse_answers(f"10.0.0.5\t{mac}\tx\n")
    assert (found.devices, found.left_out) == ((), 1)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("10.0.0.5", "tab between"),
        ("10.0.0.5\t", "tab between"),
        ("10.0.0.5\tzz:1a:2b:3c:4d:5e\tAcme", "'zz:1a:2b:3c:4d:5e' is not a MAC address"),
        ("Segmentation fault (core dumped)", "not a MAC address"),
    ],
)
def test_a_faulty_line_is_named_and_the_rest_is_taken(line: str, complaint: str) -> None:
    found = parse_answers(f"{LINE}Acme\n\n{line}\n10.0.0.6\t00:1a:2b:3c:4d:5f\tAcme\n")
    assert [device.mac[-2:] for device in found.devices] == ["5E", "5F"]
    (fault,) = found.faults
    assert fault.startswith("Line 3: ")
    assert complaint in fault


@pytest.mark.parametrize("ip", ["300.0.0.5", "10.0.0", "fe80::zz", "a b"])
def test_a_device_at_a_faulty_address_is_not_taken_for_missing(ip: str) -> None:
    found = parse_answers(f"{LINE}Acme\n{ip}\t00:1a:2b:3c:4d:5f\tAcme\n")
    assert Observation("00:1A:2B:3C:4D:5F", is_sighting=False) in found.devices
    assert len(found.faults) == 1


def test_output_that_was_cut_off_tells_nothing_of_those_it_lacks() -> None:
    text = captured("arp-scan.txt")
    found = parse_answers(text[: text.index("Ending")])
    assert found.devices == (OTHER,)
    assert found.is_whole is False
    assert found.faults[0].startswith("Line 6: the output ends here")


@pytest.mark.parametrize(
    "text", ["", "\n\n", "hello\n", '{"a": 1}', captured("nmap.xml"), captured("dnsmasq.leases")]
)
def test_what_is_not_arp_scans_is_refused(text: str) -> None:
    with pytest.raises(UnreadableObservations):
        parse_answers(text)
