"""sources/ip_neigh.py: what `ip -j neigh` prints, read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.ip_neigh import parse_neighbours
from sessiontrack.values.observations import Observation, Observations

# iproute2 6.1.0, `ip -j neigh show nud all`, with entries of nearly every state.
CAPTURED = """[{"dst":"192.168.1.22","dev":"br0","lladdr":"da:a1:19:11:22:33","state":["PROBE"]},\
{"dst":"192.168.1.29","dev":"br0","lladdr":"da:a1:19:11:22:39","extern_learn":null,"state":["REACHABLE"]},\
{"dst":"192.168.1.26","dev":"br0","lladdr":"da:a1:19:11:22:36","state":["PERMANENT"]},\
{"dst":"224.0.0.22","dev":"br0","lladdr":"01:00:5e:00:00:16","state":["NOARP"]},\
{"dst":"192.168.1.21","dev":"br0","lladdr":"3c:07:54:11:22:33","state":["STALE"]},\
{"dst":"192.168.1.25","dev":"br0","state":["INCOMPLETE"]},\
{"dst":"192.168.1.28","dev":"br0"},\
{"dst":"192.168.1.23","dev":"br0","lladdr":"da:a1:19:11:22:34","state":["PROBE"]},\
{"dst":"192.168.1.27","dev":"br0","lladdr":"da:a1:19:11:22:37","state":["NOARP"]},\
{"dst":"192.168.1.20","dev":"br0","lladdr":"00:1a:2b:3c:4d:5e","state":["REACHABLE"]},\
{"dst":"192.168.1.24","dev":"br0","state":["FAILED"]},\
{"dst":"ff02::2","dev":"br0","lladdr":"33:33:00:00:00:02","state":["NOARP"]},\
{"dst":"fe80::21a:2bff:fe3c:4d5e","dev":"br0","lladdr":"00:1a:2b:3c:4d:5e","router":null,\
"state":["REACHABLE"]},\
{"dst":"ff02::16","dev":"br0","lladdr":"33:33:00:00:00:16","state":["NOARP"]}]
"""
# A tun device's own entry, and `ip -j neigh show proxy`.
CAPTURED_ODD = """[{"dst":"0.0.0.0","dev":"t0","lladdr":"08","state":["PERMANENT"]},\
{"dst":"192.168.7.7","dev":"br0","proxy":null}]
"""


def entry(**fields: Any) -> dict[str, Any]:
    usual = {"dst": "10.0.0.5", "dev": "eth0", "lladdr": "00:1a:2b:3c:4d:5e", "state": ["REACHABLE"]}
    return {key: value for key, value in {**usual, **fields}.items() if value is not None}


def parse(*entries: Any) -> Observations:
    return parse_neighbours(json.dumps(entries))


def stale(count: int) -> tuple[str, ...]:
    return (
        f"Neither seen nor missed, since nobody spoke to them lately (STALE): {count}."
        " `sessiontrack scan network` asks every address.",
    )


def test_captured_output_of_the_real_command() -> None:
    assert parse_neighbours(CAPTURED) == Observations(
        (
            Observation("00:1A:2B:3C:4D:5E", "192.168.1.20", True),
            Observation("3C:07:54:11:22:33", "", False),
            Observation("DA:A1:19:11:22:33", "192.168.1.22", True),
            Observation("DA:A1:19:11:22:34", "192.168.1.23", True),
            Observation("DA:A1:19:11:22:36", "", False),
            Observation("DA:A1:19:11:22:37", "", False),
            Observation("DA:A1:19:11:22:39", "192.168.1.29", True),
        ),
        taken=8,
        left_out=6,
        notes=stale(1),
    )


# BusyBox 1.36, iproute2 of EdgeOS, and `ip neigh show dev eth0`, which leaves the device out.
PLAIN = """192.168.1.1 dev eth2 lladdr 02:00:5e:40:00:02 ref 1 used 0/0/0 probes 1 REACHABLE
192.168.1.2 dev eth2  used 0/0/0 probes 6 FAILED
192.168.1.3 dev eth2 lladdr 02:00:5e:40:00:03 STALE
192.168.1.4 dev eth2 lladdr 02:00:5e:40:00:04 used 100/70/40 probes 4 DELAY
192.168.1.5 dev eth2  INCOMPLETE
fe80::6%eth2 dev eth2 lladdr 02:00:5e:40:00:06 router REACHABLE
192.168.1.7 lladdr 02:00:5e:40:00:07 PERMANENT
ff02::2 dev eth2 lladdr 33:33:00:00:00:02 NOARP
"""


def test_lines_as_busybox_and_edgeos_print_them() -> None:
    assert parse_neighbours(PLAIN) == Observations(
        (
            Observation("02:00:5E:40:00:02", "192.168.1.1", True),
            Observation("02:00:5E:40:00:03", "", False),
            Observation("02:00:5E:40:00:04", "192.168.1.4", True),
            Observation("02:00:5E:40:00:06", "fe80::6", True),
            Observation("02:00:5E:40:00:07", "", False),
        ),
        taken=5,
        left_out=3,
        notes=stale(1),
    )


@pytest.mark.parametrize("device", ["WAN", "STALE", "FAILED", "eth0", "LAN-2"])
@pytest.mark.parametrize("lladdr", ["02:00:5e:40:00:02", "02:AA:BB:CC:DD:EE"])
def test_a_word_in_capitals_is_a_state_only_where_it_names_nothing(device: str, lladdr: str) -> None:
    found = parse_neighbours(f"192.168.1.1 dev {device} lladdr {lladdr} REACHABLE\n")
    assert found.devices == (Observation(lladdr.upper(), "192.168.1.1"),)


def test_a_line_that_is_none_is_named_and_one_that_is_cut_off_is_partial() -> None:
    found = parse_neighbours(PLAIN + "Segmentation fault\n" + PLAIN)
    assert found.faults == ("Entry 9 of 17: it is no neighbour.",)
    assert (found.is_whole, found.taken) == (True, 10)
    found = parse_neighbours(PLAIN + PLAIN[:40])
    assert (found.is_whole, found.faults) == (False, ("The last line is cut off.",))
    assert len(found.devices) == 5


def test_several_lists_are_one_table_and_one_that_is_cut_off_is_partial() -> None:
    four, six = json.dumps([entry()]), json.dumps([entry(dst="fe80::1", lladdr="00:1a:2b:3c:4d:5f")])
    found = parse_neighbours(f"{four}\n{six}\n")
    assert ([each.mac[-2:] for each in found.devices], found.is_whole) == (["5E", "5F"], True)
    found = parse_neighbours(f"{four}\n{six[:-9]}")
    assert ([each.mac[-2:] for each in found.devices], found.is_whole) == (["5E"], False)
    assert found.faults == ("The last list of entries is cut off, or is not JSON.",)


def test_captured_entries_that_are_no_devices_are_no_faults() -> None:
    assert parse_neighbours(CAPTURED_ODD) == Observations((), left_out=2)


@pytest.mark.parametrize("state", ["REACHABLE", "DELAY", "PROBE"])
def test_states_in_which_a_device_is_seen(state: str) -> None:
    assert parse(entry(state=[state])).devices == (Observation("00:1A:2B:3C:4D:5E", "10.0.0.5", True),)


@pytest.mark.parametrize("state", [["STALE"], ["PERMANENT"], ["NOARP"], ["NONE"], [], None])
def test_states_that_are_no_evidence(state: list[str] | None) -> None:
    assert parse(entry(state=state)).notes == (stale(1) if state == ["STALE"] else ())
    assert parse(entry(state=state)).devices == (Observation("00:1A:2B:3C:4D:5E", "", False),)


@pytest.mark.parametrize("state", ["FAILED", "INCOMPLETE"])
@pytest.mark.parametrize("lladdr", [None, "00:1a:2b:3c:4d:5e"])
def test_who_does_not_answer_is_not_in_the_table(state: str, lladdr: str | None) -> None:
    assert parse(entry(state=[state], lladdr=lladdr)) == Observations((), left_out=1)


@pytest.mark.parametrize(
    "lladdr",
    [
        "33:33:00:00:00:16",
        "01:00:5e:00:00:16",
        "ff:ff:ff:ff:ff:ff",
        "00:00:00:00:00:00",
        "08",
        "10.1.1.9",
        "2001:db8::1",
        "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0a:6f:31",
    ],
)
def test_groups_and_links_without_mac_addresses_are_left_out(lladdr: str) -> None:
    assert parse(entry(lladdr=lladdr)) == Observations((), left_out=1)


@pytest.mark.parametrize(
    ("addresses", "chosen"),
    [
        (["fe80::1", "10.0.0.5"], "10.0.0.5"),
        (["2001:db8::5", "10.0.0.5"], "10.0.0.5"),
        (["fe80::1", "2001:db8::5"], "2001:db8::5"),
        (["febf::1", "2001:db8::5"], "2001:db8::5"),
        (["fe80::1"], "fe80::1"),
        (["10.0.0.50", "10.0.0.9"], "10.0.0.9"),
    ],
)
def test_of_several_addresses_ipv4_is_preferred(addresses: list[str], chosen: str) -> None:
    for order in (addresses, addresses[::-1]):
        (device,) = parse(*(entry(dst=dst) for dst in order)).devices
        assert device.ip == chosen


def test_one_sighting_among_stale_entries_is_a_sighting_at_its_own_address() -> None:
    (device,) = parse(entry(dst="10.0.0.4", state=["STALE"]), entry(dst="fe80::1")).devices
    assert device == Observation("00:1A:2B:3C:4D:5E", "fe80::1", True)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (7, "not an object"),
        (None, "not an object"),
        (entry(lladdr="zz:1a:2b:3c:4d:5e"), "not a MAC address"),
        (entry(lladdr=7), "not a text"),
        (entry(dst="300.1.1.1"), "not an IP address"),
        (entry(dst=7), "not an IP address"),
        (entry(dst=None), "not an IP address"),
        (entry(state="REACHABLE"), "not a list of words"),
        (entry(state=[7]), "not a list of words"),
        (entry(state=["GONE"]), "'GONE'"),
    ],
)
def test_a_malformed_entry_is_named_by_its_number_and_the_rest_is_taken(broken: Any, complaint: str) -> None:
    found = parse(entry(), broken, entry(lladdr="00:1a:2b:3c:4d:5f"))
    assert [device.mac for device in found.devices] == ["00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5F"]
    (fault,) = found.faults
    assert fault.startswith("Entry 2 of 3: ")
    assert complaint in fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "[]",
        "{}",
        "null",
        "7",
        '"neigh"',
        "[",
        "192.168.1.1 dev eth0 STALE",
        "[7]",
        "[{}, 7",
        "[null]",
        "[" * 100_000,
        "9" * 10_000,
        "[" + "9" * 10_000 + "]",
    ],
)
def test_an_empty_or_unreadable_table_is_refused(text: str) -> None:
    with pytest.raises(UnreadableObservations):
        parse_neighbours(text)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
SOME_ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "dst": st.sampled_from(["10.0.0.5", "fe80::1", "x"]) | ANY_JSON,
        "lladdr": st.from_regex(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", fullmatch=True) | ANY_JSON,
        "state": st.lists(st.sampled_from(["REACHABLE", "STALE", "FAILED", "x"])) | ANY_JSON,
    },
)


@given(st.text() | ANY_JSON.map(json.dumps) | st.lists(SOME_ENTRY | ANY_JSON).map(json.dumps))
def test_whatever_it_is_given_only_its_own_error_is_raised(text: str) -> None:
    try:
        found = parse_neighbours(text)
    except UnreadableObservations:
        return
    macs = [device.mac for device in found.devices]
    assert macs == sorted(set(macs))
    assert all(device.is_sighting or not device.ip for device in found.devices)
