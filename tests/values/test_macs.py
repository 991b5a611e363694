"""Contract section 2: MAC addresses in every common notation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontrack.exceptions import InvalidMac
from sessiontrack.values.macs import (
    MAC_FORMS,
    is_device,
    is_locally_administered,
    is_multicast,
    leading_mac,
    mac_parts,
    parse_device_mac,
    parse_mac,
    vendor_prefix,
)

fast = settings(max_examples=150)


def read(text: str) -> str:
    """The canonical text, or why there is none."""
    try:
        return parse_mac(text)
    except InvalidMac as error:
        return error.message


@given(st.binary(min_size=6, max_size=6), st.booleans(), st.sampled_from(["", " ", "\t\r\n"]))
@fast
def test_contract_2_mac_is_accepted_in_every_common_notation(octets: bytes, upper: bool, blanks: str) -> None:
    canonical = octets.hex(":").upper()
    dotted = ".".join(octets[at : at + 2].hex() for at in (0, 2, 4))
    short = ":".join(f"{octet:x}" for octet in octets)
    for text in (octets.hex(":"), octets.hex("-"), octets.hex(), dotted, short):
        assert parse_mac(blanks + (text.upper() if upper else text) + blanks) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "AABB-CCDD-EEFF",
        "aabb:ccdd:eeff",
        "aabbcc-ddeeff",
        "AABBCC:DDEEFF",
        "aabbcc.ddeeff",
        "aa.bb.cc.dd.ee.ff",
        "aa_bb_cc_dd_ee_ff",
        "AA BB CC DD EE FF ",
    ],
)
def test_contract_2_notations_of_network_gear(text: str) -> None:
    assert parse_mac(text) == "AA:BB:CC:DD:EE:FF"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "aa",
        "aa:bb:cc:dd:ee",
        "aa:bb:cc:dd:ee:ff:00",
        "aa:bb:cc:dd:ee:fg",
        "aa:bb:cc:dd:ee:",
        "aa:bb:cc:dd:ee:fff",
        ":aa:bb:cc:dd:ee:ff",
        "aa:bb:cc-dd-ee-ff",
        "aa-bb-cc-dd-ee:ff",
        "a-b-c-d-e-f",
        "aabb.ccdd.eef",
        "aabb.ccddeeff",
        "aabb-ccdd.eeff",
        "aabbcc.ddee-ff",
        "aabbcc ddeeff",
        "aa  bb cc dd ee ff",
        "aab.bcc.dde.eff",
        "01:aa:bb:cc:dd:ee:ff",
        "aabbccddeef",
        "aabbccddeeff0",
        "0xaabbccddeeff",
        "aa:bb:cc:dd:ee:ff\0",
        "aa:bb:cc:dd:ee:\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT ONE}",
        "\N{ARABIC-INDIC DIGIT ONE}" * 12,
        "\ud800",
        "a" * 10_000,
    ],
)
def test_contract_2_unreadable_mac_is_refused_naming_the_accepted_notations(text: str) -> None:
    with pytest.raises(InvalidMac) as caught:
        parse_mac(text)
    assert caught.value.message == MAC_FORMS


@pytest.mark.parametrize(
    "notation", ["aa:bb:cc:dd:ee:ff", "AA-BB-CC-DD-EE-FF", "aabb.ccdd.eeff", "aabbccddeeff"]
)
def test_contract_2_refusal_names_notations_that_are_accepted(notation: str) -> None:
    assert notation in MAC_FORMS
    assert parse_mac(notation) == "AA:BB:CC:DD:EE:FF"


@given(st.text() | st.text("0123456789abcdefABCDEFg:-._ ", max_size=20))
@fast
def test_contract_2_no_text_raises_anything_but_invalid_mac(text: str) -> None:
    answer = read(text)
    assert answer == MAC_FORMS or parse_mac(answer) == answer


@pytest.mark.parametrize(
    ("mac", "local", "multicast"),
    [
        ("AA:BB:CC:DD:EE:FF", True, False),
        ("00:1B:C0:11:22:33", False, False),
        ("02:00:00:00:00:00", True, False),
        ("01:00:5E:00:00:01", False, True),
        ("FF:FF:FF:FF:FF:FF", True, True),
    ],
)
def test_first_octet_tells_local_and_multicast_addresses(mac: str, local: bool, multicast: bool) -> None:
    assert is_locally_administered(mac) is local
    assert is_multicast(mac) is multicast


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "FF:FF:FF:FF:FF:FF", "01:00:5E:00:00:01"])
def test_no_address_and_groups_are_no_device(mac: str) -> None:
    assert not is_device(mac)
    assert is_device("00:00:00:00:00:01")


def test_vendor_prefix_is_the_first_half() -> None:
    assert vendor_prefix("AA:BB:CC:DD:EE:FF") == "AA:BB:CC"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("aa:bb:cc:dd:ee:0f", ("AA:BB:CC:DD:EE:0F",)),
        ("aabb.ccdd.ee0f", ("AA:BB:CC:DD:EE:0F",)),
        ("AABBCCDDEE0F", ("AA:BB:CC:DD:EE:0F",)),
        ("aabb-ccdd-ee0f", ("AA:BB:CC:DD:EE:0F",)),
        ("0:1b:c0:0:1:2", ("00:1B:C0:00:01:02",)),
        ("bb-cc", ("BB:CC",)),
        ("b:cc:d", ("B:CC:D",)),
        ("1b:0:1", ("1B:00:1",)),
        (":cc:", (":CC:",)),
        ("bb.ccdd.e", ("BB:CC:DD:E",)),
        ("b.ccdd.ee", ("B:CC:DD:EE",)),
        ("bcc.ddee", ("B:CC:DD:EE",)),
        ("aabbcc-dd", ("AA:BB:CC:DD",)),
        ("bbccd", ("BB:CC:D", "B:BC:CD")),
        ("printer", ()),
        ("dad", ()),
        ("10.0", ()),
        ("10.0.0.1", ()),
        ("192.168.1.10", ()),
        ("aa:bb-cc", ()),
        ("", ()),
        ("-", ()),
        ("aabbccddeeff00", ()),
        ("\uff41\uff41:bb", ()),
    ],
)
def test_contract_3_a_part_of_an_address_in_any_notation(text: str, parts: tuple[str, ...]) -> None:
    assert mac_parts(text) == parts


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("AA-BB-CC-DD-EE-FF:network", "AA:BB:CC:DD:EE:FF"),
        ("1:aa:bb:cc:dd:ee:ff", "AA:BB:CC:DD:EE:FF"),
        (" aa:bb:cc:dd:ee:ff ", "AA:BB:CC:DD:EE:FF"),
        ("nothing", None),
        ("aa:bb:cc:dd:ee:ff:00:11", None),
    ],
)
def test_the_address_that_a_text_begins_with(text: str, mac: str | None) -> None:
    if mac is None:
        with pytest.raises(InvalidMac):
            leading_mac(text)
    else:
        assert leading_mac(text) == mac


def test_a_device_has_no_groups_address_and_not_all_zeros() -> None:
    assert parse_device_mac("aabb.ccdd.eeff") == "AA:BB:CC:DD:EE:FF"
    for text in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"):
        with pytest.raises(InvalidMac):
            parse_device_mac(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        # Plain digits begin an octet or end one; shorter than four they could be anything.
        ("abc", ()),
        ("abcd", ("AB:CD", "A:BC:D")),
        ("aabbccddeef", ("AA:BB:CC:DD:EE:F", "A:AB:BC:CD:DE:EF")),
        ("aabbccddeeff0", ()),
        ("a:b:c", ("A:0B:C",)),
        ("aa:b:cc", ("AA:0B:CC",)),
        ("aaa:b", ("A:AA:B",)),
        ("aa:bbb", ("AA:BB:B",)),
        ("aa:bb-cc", ()),
        ("aabb.cc", ("AA:BB:CC",)),
        ("b.ccdd", ("B:CC:DD",)),
        ("b.ccdd.e", ("B:CC:DD:E",)),
        ("aabbcc-ddee", ("AA:BB:CC:DD:EE",)),
        ("aabbccd-de", ()),
        ("a.b", ()),
        ("c-aabbcc-d", ("C:AA:BB:CC:D",)),
        ("a.bcd.e", ()),
    ],
)
def test_parts_of_an_address_as_canonical_ones_have_them(text: str, parts: tuple[str, ...]) -> None:
    assert mac_parts(text) == parts
