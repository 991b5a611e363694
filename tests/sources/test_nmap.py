"""sources/nmap.py: nmap's XML, read."""

import pytest

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.nmap import parse_report
from sessiontrack.values.observations import Observation
from tests.support.captured import captured

REPORT = captured("nmap.xml")
OTHER = Observation("00:1A:2B:3C:4D:5E", "10.77.0.20", True, "", "Ayecom Technology")
END = '<runstats><finished time="1755259200" exit="success"/></runstats></nmaprun>'


def host(
    mac: str = "00:1A:2B:3C:4D:5E",
    ip: str = "10.0.0.5",
    state: str = "up",
    more: str = "",
    kind: str = "ipv4",
) -> str:
    return (
        f'<host><status state="{state}"/><address addr="{ip}" addrtype="{kind}"/>'
        f'<address addr="{mac}" addrtype="mac" vendor="Acme"/>{more}</host>\n'
    )


def report(*hosts: str, end: str = END) -> str:
    return "<nmaprun>\n" + "".join(hosts) + end


def test_captured_report_two_addresses_of_one_device() -> None:
    found = parse_report(REPORT)
    assert found.devices == (OTHER,)
    assert (found.taken, found.left_out, found.faults, found.is_whole) == (2, 0, (), True)
    assert found.at == 1795315955


def test_captured_report_a_host_without_mac_is_left_out() -> None:
    found = parse_report(captured("nmap-loopback.xml"))
    assert (found.devices, found.left_out, found.faults) == ((), 1, ())


def test_the_first_host_name_is_the_name() -> None:
    names = '<hostnames><hostname name="printer.lan" type="PTR"/><hostname name="x" type="PTR"/></hostnames>'
    (device,) = parse_report(report(host(more=names))).devices
    assert (device.name, device.vendor) == ("printer.lan", "Acme")


def test_ipv6_and_a_host_that_is_down() -> None:
    found = parse_report(report(host(ip="2001:DB8::5", kind="ipv6"), host("00:1A:2B:3C:4D:5F", state="down")))
    assert [(device.mac, device.ip) for device in found.devices] == [("00:1A:2B:3C:4D:5E", "2001:db8::5")]
    assert found.left_out == 1


def test_a_faulty_host_is_named_by_its_line_and_the_rest_is_taken() -> None:
    found = parse_report(report(host(), host("zz"), host("00:1A:2B:3C:4D:5F")))
    assert [device.mac[-2:] for device in found.devices] == ["5E", "5F"]
    assert found.faults == ("Line 3: 'zz' is not a MAC address.",)
    assert found.is_whole is True


def test_a_device_at_a_faulty_address_is_not_taken_for_missing() -> None:
    found = parse_report(report(host(ip="300.1.1.1"), host("00:1A:2B:3C:4D:5F")))
    assert found.devices[0] == Observation("00:1A:2B:3C:4D:5E", is_sighting=False)


@pytest.mark.parametrize("cut", ["</host>\n<host>", "<runstats>", "</nmaprun>"])
def test_a_report_that_was_cut_off_tells_nothing_of_those_it_lacks(cut: str) -> None:
    found = parse_report(REPORT[: REPORT.index(cut) + len("</host>")])
    assert found.devices == (OTHER,)
    assert found.is_whole is False
    assert found.faults[0].startswith("Line ")


def test_a_report_of_an_nmap_that_failed_is_not_whole() -> None:
    failed = REPORT.replace('exit="success"', 'exit="error" errormsg="x"')
    assert parse_report(failed).is_whole is False


def test_several_reports_in_one_text() -> None:
    other = report(host("00:1A:2B:3C:4D:5F"), end=END.replace("1755259200", "1795315999"))
    for text in (REPORT + other, REPORT + "\n" + other):
        found = parse_report(text)
        assert [device.mac[-2:] for device in found.devices] == ["5E", "5F"]
        assert (found.is_whole, found.faults, found.at) == (True, (), 1795315999)
    found = parse_report(REPORT + other[:-20])
    assert ([device.mac[-2:] for device in found.devices], found.is_whole) == (["5E", "5F"], False)
    found = parse_report(REPORT[: REPORT.index("<runstats>")] + REPORT)
    assert (found.devices, found.is_whole) == ((OTHER,), False)


def test_a_fault_in_the_second_report_is_named_by_its_line_in_the_text() -> None:
    found = parse_report(report(host()) + "\n" + report(host("zz")))
    assert found.faults == ("Line 5: 'zz' is not a MAC address.",)


MASSCAN = (
    '<?xml version="1.0"?>\n<nmaprun scanner="masscan" start="1755259200" version="1.0-BETA">\n'
    '<host endtime="1755259200"><address addr="10.0.0.5" addrtype="ipv4"/><ports><port protocol="tcp"'
    ' portid="80"><state state="open" reason="syn-ack"/></port></ports></host>\n'
    + END.replace(' exit="success"', "")
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (report(*['<host><status state="up" reason="syn-ack"/><address addr="10.0.0.5"/></host>'] * 3), 3),
        (MASSCAN, 1),
    ],
)
def test_hosts_without_mac_addresses_say_to_run_it_as_root(text: str, count: int) -> None:
    found = parse_report(text)
    hosts = f"{count} hosts" if count > 1 else "1 host"
    assert found.useless == f"{hosts} without a MAC address; run nmap as root, in the segment."
    assert parse_report(text.replace("</nmaprun>", host() + "</nmaprun>")).useless == ""


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol" * 10}">' for n in range(10))


@pytest.mark.parametrize(
    "subset",
    [
        BOMB,
        '<!ENTITY e9 SYSTEM "file:///etc/passwd">',
        '<!ENTITY % e9 SYSTEM "http://127.0.0.1:1/x"> %e9;',
        f'<!ENTITY e9 "{"x" * 100_000}">',
    ],
)
def test_entities_are_read_no_further(subset: str) -> None:
    text = f'<?xml version="1.0"?><!DOCTYPE nmaprun [{subset}]><nmaprun>{host(more="&e9;")}{END}'
    with pytest.raises(UnreadableObservations, match="entity"):
        parse_report(text)


def test_many_elements_within_each_other_are_no_trouble() -> None:
    with pytest.raises(UnreadableObservations):
        parse_report("<nmaprun>" + "<a>" * 100_000)


@pytest.mark.parametrize(
    "text",
    ["", " ", "hello", "<html></html>", "<nmaprun>", captured("arp-scan.txt"), "\udcff", "<nmaprun", "\x00"],
)
def test_what_is_not_nmaps_is_refused(text: str) -> None:
    with pytest.raises(UnreadableObservations):
        parse_report(text)


def test_a_time_that_is_none_is_left_out() -> None:
    for time in ("9" * 30, "-1", "", "x"):
        assert parse_report(report(host(), end=END.replace("1755259200", time))).at is None
