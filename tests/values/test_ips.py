"""Contract section 2: IPv4 and IPv6 addresses, validated and in canonical form."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontrack.exceptions import InvalidIp
from sessiontrack.values.ips import IP_FORMS, ip_number, ip_sort_key, parse_ip, subscriber_network

fast = settings(max_examples=150)
v4 = st.ip_addresses(v=4).filter(int)
v6 = st.ip_addresses(v=6).filter(lambda address: int(address) & 0xFFFF_FFFF)


def read(text: str) -> str:
    """The canonical text, or why there is none."""
    try:
        return parse_ip(text)
    except InvalidIp as error:
        return error.message


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.168.1.20", "192.168.1.20"),
        (" 192.168.1.20\r\n", "192.168.1.20"),
        ("2001:DB8:0:0:0:0:0:20", "2001:db8::20"),
        ("2001:0db8::0020", "2001:db8::20"),
        ("fe80::1%eth0", "fe80::1"),
        ("FE80::1%25wlan0.100", "fe80::1"),
        ("::FFFF:c000:201", "::ffff:192.0.2.1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ],
)
def test_contract_2_ip_is_answered_in_canonical_form(text: str, canonical: str) -> None:
    assert parse_ip(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "::",
        "0:0:0:0:0:0:0:0",
        "::%eth0",
        "::ffff:0.0.0.0",
        "null",
        "(null)",
        "NULL",
        "(unknown)",
        "Unknown",
        "None",
        "n/a",
        "-",
    ],
)
def test_contract_2_no_address_is_none(text: str) -> None:
    assert parse_ip(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "localhost",
        "192.168.1",
        "192.168.1.256",
        "192.168.1.020",
        "192.168.1.20.",
        "192.168.1.20/24",
        "192.168.1.20:80",
        "192.168. 1.20",
        "-1.2.3.4",
        "3232235796",
        "0xc0a80114",
        "fe80::1%",
        "fe80::1%eth 0",
        "%eth0",
        "192.168.1.20%eth0",
        "[2001:db8::20]",
        "2001:db8::20/64",
        "2001:db8:::20",
        "1:2:3:4:5:6:7:8:9",
        "12345::",
        "192.168.1.20\0",
        "192.168.1.\N{ARABIC-INDIC DIGIT TWO}0",
        "\N{FULLWIDTH DIGIT ONE}::",
        "\ud800",
        "1" * 10_000,
        ":" * 10_000,
    ],
)
def test_contract_2_invalid_ip_is_refused_naming_the_accepted_forms(text: str) -> None:
    with pytest.raises(InvalidIp) as caught:
        parse_ip(text)
    assert caught.value.message == IP_FORMS


@pytest.mark.parametrize("form", ["192.168.1.20", "2001:db8::20"])
def test_contract_2_refusal_names_forms_that_are_accepted(form: str) -> None:
    assert form in IP_FORMS
    assert parse_ip(form) == form


@given(st.text() | st.text("0123456789abcdef:.%/ ", max_size=24))
@fast
def test_contract_2_no_text_raises_anything_but_invalid_ip(text: str) -> None:
    answer = read(text)
    assert answer in ("", IP_FORMS) or parse_ip(answer) == answer


@given(v4 | v6)
@fast
def test_contract_2_every_spelling_of_an_ip_becomes_the_same_text(address: IPv4Address | IPv6Address) -> None:
    canonical = parse_ip(str(address))
    assert (
        parse_ip(address.exploded) == parse_ip(address.exploded.upper()) == parse_ip(canonical) == canonical
    )


@given(st.lists(v4 | v6, max_size=20))
@fast
def test_sort_key_sorts_as_the_addresses_do(addresses: list[IPv4Address | IPv6Address]) -> None:
    by_key = sorted(addresses, key=lambda address: ip_sort_key(parse_ip(str(address))))
    assert by_key == sorted(addresses, key=lambda address: (address.version, int(address)))


@given(v4, v6)
@fast
def test_sort_key_is_the_version_and_hex_digits_of_a_fixed_width(four: IPv4Address, six: IPv6Address) -> None:
    assert ip_sort_key(str(four)) == "4" + four.packed.hex()
    assert ip_sort_key(str(six)) == "6" + six.packed.hex()


@pytest.mark.parametrize(
    ("ip", "number"),
    [
        ("", 0),
        ("0.0.0.1", 1),
        ("192.168.1.20", 3_232_235_796),
        ("::1", 1),
        ("::1f:ffff:ffff:ffff", 2**53 - 1),
        ("::20:0:0:0", str(2**53)),
        ("2001:db8::20", str(0x20010DB8 << 96 | 0x20)),
    ],
)
def test_number_of_an_ip_is_text_past_53_bits(ip: str, number: int | str) -> None:
    assert ip_number(ip) == number
    assert type(ip_number(ip)) is type(number)


def test_no_ip_sorts_before_every_ip() -> None:
    assert ip_sort_key("") == "" < ip_sort_key("0.0.0.0")


@pytest.mark.parametrize("function", [ip_sort_key, ip_number])
def test_sort_key_and_number_refuse_what_is_no_ip(function: Callable[[str], object]) -> None:
    with pytest.raises(InvalidIp):
        function("nonsense")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.168.1.20", "192.168.1.20"),
        ("::ffff:192.168.1.20", "192.168.1.20"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("a socket", "a socket"),
    ],
)
def test_a_subscriber_has_an_ipv4_address_or_a_64_of_ipv6(address: str, network: str) -> None:
    assert subscriber_network(address) == network
