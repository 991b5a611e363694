"""sources/radius.py: datagrams read; whatever is not what a NAS sends is refused by name."""

from hashlib import md5
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import AccessRequest, AcctPacket, AuthPacket, StatusServer

from sessiontrack.exceptions import UnreadablePacket, WrongAuthenticator
from sessiontrack.sources import radius
from sessiontrack.sources.radius import Accounting, read_accounting
from tests.support.radius import MAC, SECRET, packet

START = 1


def read(datagram: bytes, secret: bytes = SECRET) -> Accounting:
    return read_accounting(datagram, "10.0.0.1", secret)


def signed(attributes: bytes, code: int = 4) -> bytes:
    """A packet with these octets as attributes and the right authenticator."""
    head = bytes([code, 5]) + (20 + len(attributes)).to_bytes(2, "big")
    return head + md5(head + bytes(16) + attributes + SECRET).digest() + attributes


def test_all_that_a_packet_says() -> None:
    found = read(
        packet(
            START,
            number=7,
            Framed_IP_Address="10.0.0.7",
            Acct_Delay_Time=3,
            Acct_Session_Time=60,
            Event_Timestamp=1_755_259_200,
        )
    )
    assert (found.status, found.source, found.mac, found.ip) == ("Start", "radius:ap-1", MAC, "10.0.0.7")
    assert (found.delay_seconds, found.session_seconds, found.happened_at) == (3, 60, 1_755_259_200)
    assert (found.session_id, found.info) == ("5F00", "NAS ap-1, session 5F00")
    assert found.answer[:2] == bytes([5, 7])


@pytest.mark.parametrize(
    ("user", "info"),
    [
        ("anna@example.org", "NAS ap-1, user anna@example.org, session 5F00"),
        ("a\x1b[2Jb", "NAS ap-1, user a?[2Jb, session 5F00"),
        ("u" * 200, f"NAS ap-1, user {'u' * 64}, session 5F00"),
        # Devices that sign in by their address have no user.
        ("aabbcc000001", "NAS ap-1, session 5F00"),
        ("", "NAS ap-1, session 5F00"),
    ],
)
def test_the_user_is_kept_in_the_info(user: str, info: str) -> None:
    assert read(packet(START, User_Name=user)).info == info


@pytest.mark.parametrize(
    ("called", "info"),
    [
        ("02-00-00-00-00-01:office", "NAS ap-1, at 02-00-00-00-00-01:office, user anna, session 5F00"),
        ("x\n" + "c" * 100, f"NAS ap-1, at x?{'c' * 62}, user anna, session 5F00"),
        ("", "NAS ap-1, user anna, session 5F00"),
    ],
)
def test_where_a_station_is_behind_a_controller_is_kept_in_the_info(called: str, info: str) -> None:
    assert read(packet(START, User_Name="anna", Called_Station_Id=called)).info == info


@pytest.mark.parametrize(
    ("number", "status"),
    [(1, "Start"), (2, "Stop"), (3, "Interim-Update"), (7, "Accounting-On"), (8, "Accounting-Off"), (15, "")],
)
def test_statuses(number: int, status: str) -> None:
    assert read(packet(number)).status == status


@pytest.mark.parametrize(
    ("station", "mac"),
    [
        ("AA-BB-CC-00-00-01", MAC),
        ("aa:bb:cc:00:00:01", MAC),
        ("aabb.cc00.0001", MAC),
        ("AABBCC000001", MAC),
        ("aa:bb:cc:0:0:1", MAC),
        ("AA-BB-CC-00-00-01:guest wifi", MAC),
        ("AA-BB-CC-00-00-01:", MAC),
        ("aa:bb:cc:00:00:01:guest", MAC),
        ("aabb.cc00.0001:guest:2", MAC),
        ("aabbcc000001:01", MAC),
        (" aabbcc000001\0", MAC),
        ("aabb-cc00-0001", MAC),
        ("AABB-CC00-0001:guest", MAC),
        ("AABBCC-000001", MAC),
        ("aabbcc-000001:guest", MAC),
        ("AABB:CC00:0001", MAC),
        ("AABBCC:000001", MAC),
        ("AA BB CC 00 00 01", MAC),
        ("aa.bb.cc.00.00.01", MAC),
        ("1:aa:bb:cc:0:0:1", MAC),
        ("01-AA-BB-CC-00-00-01", MAC),
        ("AA-BB-CC-00-00-01:beef", MAC),
        ("AA-BB-CC-00-00-01@realm.example", MAC),
        ("aabb:cc00:0001:0002", None),
        ("aa bb cc 00 00 01 00 02", None),
        ("aa:bb:cc:00:00:01:00:02", None),
        ("aabbcc0000010002", None),
        ("AA-BB:CC-00-00-01", None),
        ("01:00:5e:00:00:16", None),
        ("ff:ff:ff:ff:ff:ff", None),
        ("00:00:00:00:00:00", None),
        ("+43 1 5550000", None),
        ("10.0.0.1", None),
        ("", None),
        (b"\xff\xfe", None),
        (None, None),
    ],
)
def test_stations(station: Any, mac: str | None) -> None:
    assert read(packet(START, Calling_Station_Id=station)).mac == mac


@pytest.mark.parametrize(
    ("station", "user", "mac"),
    [
        (None, "aabbcc000001", MAC),
        ("10.0.0.9", "AA-BB-CC-00-00-01", MAC),
        ("ff:ff:ff:ff:ff:ff", "aabb-cc00-0001", MAC),
        ("AA-BB-CC-00-00-01", "00-11-22-33-44-55", MAC),
        (None, "anna", None),
        (None, "anna@realm.example", None),
    ],
)
def test_where_the_station_is_no_mac_address_a_user_name_that_is_one_counts(
    station: Any, user: str, mac: str | None
) -> None:
    found = read(packet(START, Calling_Station_Id=station, User_Name=user))
    assert (found.mac, found.lacks_mac) == (mac, mac is None)


def test_what_stands_for_the_station_is_shown_in_one_line() -> None:
    found = read(packet(START, Calling_Station_Id="a\nb" + "x" * 200, User_Name="\x1b[31m"))
    assert found.station.isprintable()
    assert len(found.station) < 160


@pytest.mark.parametrize(
    ("attributes", "source"),
    [
        ({"NAS_Identifier": "ap-1", "NAS_IP_Address": "10.0.0.9"}, "radius:ap-1"),
        ({"NAS_Identifier": None, "NAS_IP_Address": "10.0.0.9"}, "radius:10.0.0.9"),
        ({"NAS_Identifier": None, "NAS_IPv6_Address": "2001:db8::9"}, "radius:2001:db8::9"),
        # Unset in hostapd, which is no name by which access points can be told apart.
        ({"NAS_Identifier": None, "NAS_IP_Address": "0.0.0.0"}, "radius:10.0.0.1"),
        ({"NAS_Identifier": None, "NAS_IP_Address": "127.0.0.1"}, "radius:10.0.0.1"),
        ({"NAS_Identifier": "", "NAS_IPv6_Address": "::1"}, "radius:10.0.0.1"),
        (
            {"NAS_Identifier": "", "NAS_IP_Address": "0.0.0.0", "NAS_IPv6_Address": "2001:db8::9"},
            "radius:2001:db8::9",
        ),
        ({"NAS_Identifier": None}, "radius:10.0.0.1"),
        ({"NAS_Identifier": "\0"}, "radius:10.0.0.1"),
        ({"NAS_Identifier": "a\x1b[31m\nb"}, "radius:a?[31m?b"),
        ({"NAS_Identifier": "x" * 57}, f"radius:{'x' * 57}"),
    ],
)
def test_sources(attributes: dict[str, Any], source: str) -> None:
    assert read(packet(START, **attributes)).source == source


def test_long_names_that_begin_the_same_are_two_sources() -> None:
    one, other = (read(packet(START, NAS_Identifier="x" * 200 + end)).source for end in "ab")
    assert one != other
    assert len(one) == len(other) == 64


@pytest.mark.parametrize(
    ("attributes", "ip"),
    [
        ({}, ""),
        ({"Framed_IPv6_Address": "2001:DB8::7"}, "2001:db8::7"),
        ({"Framed_IP_Address": "10.0.0.7", "Framed_IPv6_Address": "2001:db8::7"}, "10.0.0.7"),
        ({"Framed_IP_Address": "255.255.255.254"}, ""),
        ({"Framed_IP_Address": "0.0.0.0", "Framed_IPv6_Address": "2001:db8::7"}, "2001:db8::7"),
    ],
)
def test_addresses(attributes: dict[str, Any], ip: str) -> None:
    assert read(packet(START, **attributes)).ip == ip


def test_whoever_asks_whether_anybody_is_there_is_answered() -> None:
    asked = AcctPacket(code=StatusServer, id=3, secret=SECRET)
    found = read(asked.RequestPacket())
    assert found.status == ""
    assert asked.VerifyReply(asked.CreateReply(packet=found.answer), found.answer)


@pytest.mark.parametrize("secret", [b"", b"wrong", SECRET + b" "])
def test_another_secret_is_refused(secret: bytes) -> None:
    with pytest.raises(WrongAuthenticator):
        read(packet(START), secret)


def test_a_message_authenticator_has_to_be_right() -> None:
    made = AcctPacket(id=1, secret=SECRET, dict=radius._DICTIONARY, message_authenticator=True)
    made.AddAttribute("Acct-Status-Type", START)
    good = made.RequestPacket()
    assert read(good).status == "Start"
    place = good.index(bytes([80, 18])) + 2
    attributes = good[20:place] + bytes(16) + good[place + 16 :]
    with pytest.raises(WrongAuthenticator):
        read(signed(attributes))


def test_another_kind_of_packet_is_refused() -> None:
    asked = AuthPacket(code=AccessRequest, id=1, secret=SECRET)
    with pytest.raises(UnreadablePacket):
        read(asked.RequestPacket())


@pytest.mark.parametrize(
    "attributes",
    [
        b"",
        bytes([40, 6, 0, 0, 0]),
        bytes([40, 6, 0, 0, 0, 1, 31]),
        bytes([40, 6, 0, 0, 0, 1, 31, 0]),
        bytes([40, 6, 0, 0, 0, 1, 31, 9, 65]),
        bytes([40, 3, 1]),
        bytes([40, 6, 0, 0, 0, 1, 8, 5, 1, 2, 3]),
        bytes([40, 6, 0, 0, 0, 1, 41, 2]),
        bytes([40, 6, 0, 0, 0, 1, 168, 19]) + bytes(17),
    ],
)
def test_malformed_attributes_of_somebody_who_knows_the_secret(attributes: bytes) -> None:
    with pytest.raises(UnreadablePacket) as caught:
        read(signed(attributes))
    assert not isinstance(caught.value, WrongAuthenticator)


@given(st.binary(max_size=300))
def test_any_octets_are_refused_by_name(datagram: bytes) -> None:
    with pytest.raises(UnreadablePacket):
        read(datagram)


@given(st.binary(max_size=300), st.sampled_from([4, 12]))
def test_any_attributes_of_somebody_who_knows_the_secret(attributes: bytes, code: int) -> None:
    try:
        found = read(signed(attributes, code))
    except UnreadablePacket:
        return
    assert found.answer
    assert len(found.source) <= 64
    assert len(found.info) <= 255
    assert found.delay_seconds >= 0


@given(st.data())
def test_a_changed_packet_is_refused(data: st.DataObject) -> None:
    raw = bytearray(packet(START, Framed_IP_Address="10.0.0.7"))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UnreadablePacket):
        read(bytes(raw))


@given(st.data())
def test_a_cut_packet_is_refused_and_padding_is_not(data: st.DataObject) -> None:
    raw = packet(START)
    with pytest.raises(UnreadablePacket):
        read(raw[: data.draw(st.integers(0, len(raw) - 1))])
    assert read(raw + data.draw(st.binary(max_size=40))).status == "Start"


@given(st.data())
def test_any_values_in_the_attributes_that_are_read(data: st.DataObject) -> None:
    codes = st.sampled_from([1, 4, 8, 26, 30, 31, 32, 33, 40, 41, 44, 46, 55, 80, 95, 168])
    drawn = data.draw(st.lists(st.tuples(codes, st.binary(max_size=30)), max_size=8))
    attributes = b"".join(bytes([code, len(value) + 2]) + value for code, value in drawn)
    try:
        found = read(signed(bytes([40, 6, 0, 0, 0, 1]) + attributes))
    except UnreadablePacket:
        return
    assert found.status == "Start"
    assert found.source.isprintable()
    assert found.info.isprintable()
