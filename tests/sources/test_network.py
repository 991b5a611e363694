"""sources/network.py and segment.py: what is asked, and what the kernel's verdict says of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_interface

import pytest

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.netlink import Address, Link, Neighbour
from sessiontrack.sources.network import BATCH, LONGEST_SECONDS, Scanner
from sessiontrack.sources.segment import MOST_ADDRESSES, Segment, choose_segment
from sessiontrack.values.observations import Observation

OWN = "02:00:00:00:00:01"


def link(*addresses: str, name: str = "eth0", index: int = 2, usable: bool = True, macs: bool = True) -> Link:
    return Link(index, name, macs, usable, tuple(ip_interface(each) for each in addresses))


def segment(*addresses: str, name: str | None = None) -> Segment:
    return choose_segment(name, [link(*(addresses or ("10.0.0.1/24",)))], None)


@dataclass
class FakeKernel:
    """Neighbours as Linux keeps them, on a clock of its own: 3 questions a second apart, 5 s of belief.

    there: MAC address by IP address; asleep: how many questions an address lets pass.
    """

    there: dict[str, str] = field(default_factory=dict)
    asleep: dict[str, int] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    room: int = 10_000
    can_ping: bool = True
    now: float = 0.0
    asked: list[str] = field(default_factory=list)
    entries: dict[str, tuple[str, str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.entries.update({ip: ("STALE", mac, 0.0) for ip, mac in self.stale.items()})

    def ask(self, addresses: Sequence[Address]) -> int:
        for address in map(str, addresses):
            self.asked.append(address)
            state, mac, _ = self.entries.get(address, ("NONE", "", 0.0))
            if state in ("NONE", "FAILED"):
                self.entries[address] = ("INCOMPLETE", "", self.now)
            elif state == "STALE":
                self.entries[address] = ("DELAY", mac, self.now)
        return max(0, len(addresses) - self.room)

    def wake_all(self, own: Sequence[IPv6Address]) -> bool:
        if self.can_ping:
            for ip, mac in self.there.items():
                if ":" in ip:
                    self.entries.setdefault(ip, ("STALE", mac, self.now))
        return self.can_ping

    def table(self) -> dict[Address, Neighbour]:
        for ip, (state, _, since) in list(self.entries.items()):
            answers = ip in self.there and self.asked.count(ip) > self.asleep.get(ip, 0)
            begun = since + 5 if state == "DELAY" else since
            if state in ("INCOMPLETE", "DELAY") and self.now >= begun:
                if answers:
                    self.entries[ip] = ("REACHABLE", self.there[ip], self.now)
                elif self.now >= begun + 3:
                    self.entries[ip] = ("FAILED", "", self.now)
        return {ip_address(ip): Neighbour(state, mac) for ip, (state, mac, _) in self.entries.items()}

    def seconds(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def mac(number: int) -> str:
    return f"02:00:00:00:07:{number:02X}"


def test_who_answers_is_seen_and_who_does_not_is_missed() -> None:
    kernel = FakeKernel(
        {"10.0.0.5": mac(5), "10.0.0.6": mac(6)}, stale={"10.0.0.6": mac(6), "10.0.0.7": mac(7)}
    )
    found = Scanner(segment(), kernel).look()
    assert found.devices == (Observation(mac(5), "10.0.0.5"), Observation(mac(6), "10.0.0.6"))
    assert (found.is_whole, found.faults, found.taken, found.left_out) == (True, (), 2, 251)
    assert kernel.now < 10


def test_every_address_of_a_24_is_asked_but_those_that_are_nobodys() -> None:
    kernel = FakeKernel()
    Scanner(segment(), kernel).look()
    assert sorted(kernel.asked) == sorted(f"10.0.0.{n}" for n in range(2, 255))
    assert 3 <= kernel.now < 4


def test_a_neighbour_that_left_is_missed_although_the_kernel_remembers_it() -> None:
    kernel = FakeKernel(stale={"10.0.0.7": mac(7)})
    assert Scanner(segment(), kernel).look().devices == ()
    assert kernel.asked.count("10.0.0.7") == 2
    assert kernel.now < 10


def test_who_was_there_before_and_sleeps_is_asked_twice() -> None:
    kernel = FakeKernel({"10.0.0.5": mac(5)}, asleep={"10.0.0.5": 1})
    scanner = Scanner(segment(), kernel)
    assert scanner.look().devices == ()  # nobody knew of it
    assert kernel.asked.count("10.0.0.5") == 1
    kernel = FakeKernel({"10.0.0.5": mac(5)}, asleep={"10.0.0.5": 1})
    scanner = Scanner(segment(), kernel)
    scanner.know(["10.0.0.5", "192.168.9.9", "fe80::9"])
    assert scanner.look().devices == (Observation(mac(5), "10.0.0.5"),)
    assert kernel.asked.count("10.0.0.5") == 2
    # From one look to the next, also where the kernel has forgotten it.
    kernel.entries.clear()
    kernel.asleep = {"10.0.0.5": 3}
    assert len(scanner.look().devices) == 1
    assert "192.168.9.9" not in kernel.asked


def test_an_address_at_which_nobody_was_for_a_day_is_asked_once() -> None:
    kernel = FakeKernel({"10.0.0.5": mac(5)})
    scanner = Scanner(segment(), kernel)
    scanner.look()
    kernel.there.clear()
    kernel.entries.clear()
    kernel.now += 86_401
    kernel.asked.clear()
    assert scanner.look().devices == ()
    assert kernel.asked.count("10.0.0.5") == 1


def test_what_is_not_known_in_time_is_neither_seen_nor_missed() -> None:
    class Slow(FakeKernel):
        def table(self) -> dict[Address, Neighbour]:
            self.now += 4
            return {ip_address("10.0.0.7"): Neighbour("DELAY" if self.asked else "STALE", mac(7))}

    kernel = Slow()
    assert Scanner(segment(), kernel).look().devices == (Observation(mac(7), "", False),)
    assert kernel.now <= LONGEST_SECONDS + 12


def test_a_remembered_entry_that_answers_again_is_seen() -> None:
    """REACHABLE lasts half a minute; a table that is read late shows it as STALE again."""

    class Late(FakeKernel):
        def table(self) -> dict[Address, Neighbour]:
            return {ip_address("10.0.0.7"): Neighbour("STALE", mac(7))}

    assert Scanner(segment(), Late()).look().devices == (Observation(mac(7), "10.0.0.7"),)


@pytest.mark.parametrize("state", ["PERMANENT", "NOARP"])
def test_entries_that_somebody_wrote_are_neither(state: str) -> None:
    class Written(FakeKernel):
        def table(self) -> dict[Address, Neighbour]:
            return {ip_address("10.0.0.7"): Neighbour(state, mac(7))}

    assert Scanner(segment(), Written()).look().devices == (Observation(mac(7), "", False),)


def test_groups_and_other_networks_are_no_devices() -> None:
    class Odd(FakeKernel):
        def table(self) -> dict[Address, Neighbour]:
            macs = {"10.0.0.7": "01:00:5e:00:00:16", "10.0.0.8": "00:00:00:00:00:00", "10.9.0.7": mac(7)}
            return {ip_address(ip): Neighbour("REACHABLE", each) for ip, each in macs.items()}

    assert Scanner(segment(), Odd()).look().devices == ()


def test_devices_are_told_as_soon_as_they_answer_and_once() -> None:
    told: list[Observation] = []
    there = {"10.0.0.5": mac(5), "10.0.0.6": mac(5), "fd00::5": mac(5), "10.0.0.7": mac(7)}
    kernel = FakeKernel(there)
    found = Scanner(segment("10.0.0.1/24", "fd00::1/64"), kernel, told.append).look()
    assert sorted(each.mac for each in told) == [mac(5), mac(7)]
    assert found.devices == (Observation(mac(5), "10.0.0.5"), Observation(mac(7), "10.0.0.7"))


def test_a_larger_network_is_asked_in_parts() -> None:
    kernel = FakeKernel({"10.0.3.9": mac(9)})
    found = Scanner(segment("10.0.0.1/22"), kernel).look()
    assert found.devices == (Observation(mac(9), "10.0.3.9"),)
    assert len(kernel.asked) == 1021
    assert 12 <= kernel.now < 16
    assert BATCH <= 512


def test_where_the_kernel_has_no_room_the_look_is_partial() -> None:
    kernel = FakeKernel({"10.0.0.5": mac(5)}, room=200)
    found = Scanner(segment(), kernel).look()
    assert (found.is_whole, found.faults) == (False, ("The kernel had no room to ask 53 addresses.",))
    assert len(found.devices) == 1


def test_ipv6_by_all_nodes_and_what_is_known() -> None:
    kernel = FakeKernel({"fd00::5": mac(5), "fe80::6": mac(6)})
    scanner = Scanner(segment("fd00::1/64", "fe80::1/64"), kernel)
    assert [device.ip for device in scanner.look().devices] == ["fd00::5", "fe80::6"]
    kernel.can_ping = False
    kernel.entries.clear()
    del kernel.there["fe80::6"]
    found = scanner.look()
    assert found.devices == (Observation(mac(5), "fd00::5"),)
    assert "ping_group_range" in found.notes[0]


def test_what_cannot_be_asked_is_one_error() -> None:
    class Down(FakeKernel):
        def ask(self, addresses: Sequence[Address]) -> int:
            raise OSError(100, "Network is down")

    with pytest.raises(UnreadableObservations, match="eth0 cannot be asked: Network is down"):
        Scanner(segment(), Down()).look()


# --- the segment


def test_the_default_routes_interface_else_the_first_that_has_neighbours() -> None:
    links = [
        link("127.0.0.1/8", name="lo", index=1, usable=False, macs=False),
        link("10.8.0.2/32", name="tun0", index=2, macs=False),
        link(name="eth1", index=3),
        link("10.0.0.1/24", name="eth2", index=4),
        link("192.168.1.2/24", name="wlan0", index=5),
    ]
    assert choose_segment(None, links, 5).link.name == "wlan0"
    assert choose_segment(None, links, 2).link.name == "eth2"
    assert choose_segment(None, links, None).link.name == "eth2"
    assert choose_segment("wlan0", links, None).link.name == "wlan0"
    assert [str(each) for each in choose_segment("192.168.1.0/24", links, None).networks] == [
        "192.168.1.0/24"
    ]


@pytest.mark.parametrize(
    ("name", "count"),
    [("10.0.0.0/24", 253), ("10.0.0.77/24", 253), ("10.0.0.128/26", 64), ("10.0.0.9", 1), ("10.0.0.1", 0)],
)
def test_a_part_of_a_segment(name: str, count: int) -> None:
    assert len(segment(name=name).hosts) == count


def test_a_network_of_ipv6() -> None:
    found = segment("10.0.0.1/24", "fd00::1/64", "fe80::1/64", name="fd00::/64")
    assert (found.hosts, found.own) == ((), (ip_address("fd00::1"),))
    assert found.has(ip_address("fd00::5"))
    assert not found.has(ip_address("fe80::5"))
    assert not found.has(ip_address("fd00::1"))


@pytest.mark.parametrize(
    ("address", "count"), [("10.0.0.1/30", 1), ("10.0.0.0/31", 1), ("10.0.0.1/32", 0), ("10.0.0.1/23", 509)]
)
def test_small_and_large_networks(address: str, count: int) -> None:
    assert len(segment(address).hosts) == count


@pytest.mark.long
def test_of_a_network_that_is_too_large_the_part_around_this_host_is_asked() -> None:
    found = segment("10.1.2.3/8")
    assert [str(each) for each in found.networks] == ["10.1.0.0/20"]
    assert "10.0.0.0/8 is large" in found.notes[0]
    assert len(segment("10.1.2.3/8", name="10.1.0.0/16").hosts) == MOST_ADDRESSES - 1


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("10.0.0.0/8", "at most 65536"),
        ("192.168.9.0/24", "no segment of this host, and MAC addresses are seen in those only: 10.0.0.0/16"),
        ("fd00::/64", "no segment"),
        ("eth7", "no interface of this host"),
        ("10.0.0.0/33", "no interface"),
        ("", "no interface"),
        ("\x1b[31m", "no interface"),
        ("down0", "is down, has no address"),
    ],
)
def test_a_segment_that_cannot_be_is_one_line(name: str, word: str) -> None:
    links = [link("10.0.0.1/16"), link("10.7.0.1/24", name="down0", index=3, usable=False)]
    with pytest.raises(UnreadableObservations) as caught:
        choose_segment(name, links, None)
    assert word in caught.value.message
    assert caught.value.message.isprintable()


def test_a_host_without_a_network_says_so() -> None:
    with pytest.raises(UnreadableObservations, match="name an interface"):
        choose_segment(None, [], None)
