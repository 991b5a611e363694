"""sources/csv_file.py: tables that anybody may have written."""

import pytest

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.csv_file import parse_table
from sessiontrack.values.observations import Observation
from sessiontrack.values.timestamps import IN_UTC, SiteTime
from tests.support.application import NOW

PHONE = Observation("DA:A1:19:11:22:33", "10.0.0.5", True, "phone", "Acme, Inc.")


@pytest.mark.parametrize(
    "text",
    [
        'mac,ip,name,vendor\nda:a1:19:11:22:33,10.0.0.5,phone,"Acme, Inc."\n',
        'MAC ; Vendor ; IP ; Name\r\n\r\nDA-A1-19-11-22-33;"Acme, Inc.";10.0.0.5;phone\r\n',
        "name\tvendor\tmac\tip\nphone\tAcme, Inc.\tdaa1.1911.2233\t10.0.0.5",
    ],
)
def test_columns_in_any_order_and_three_delimiters(text: str) -> None:
    found = parse_table(text, IN_UTC)
    assert found.devices == (PHONE,)
    assert (found.taken, found.faults, found.dated) == (1, (), {})


def test_only_the_mac_is_needed() -> None:
    found = parse_table("mac,ip,at\nda:a1:19:11:22:33,,\n", IN_UTC)
    assert found.devices == (Observation("DA:A1:19:11:22:33"),)


def test_a_row_with_an_instant_is_a_sighting_at_that_instant() -> None:
    rows = "mac,at\nda:a1:19:11:22:33,2025-08-15 14:00\n00:1a:2b:3c:4d:5e,1755259200\n00:1a:2b:3c:4d:5f,\n"
    found = parse_table(rows, SiteTime("Europe/Berlin"))
    assert found.dated == {
        NOW: (Observation("DA:A1:19:11:22:33"), Observation("00:1A:2B:3C:4D:5E")),
    }
    assert found.devices == (Observation("00:1A:2B:3C:4D:5F"),)
    assert found.taken == 3


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("zz,10.0.0.5,", "'zz' is not a MAC address"),
        (",10.0.0.5,", "'' is not a MAC address"),
        ("00:1a:2b:3c:4d:77,10.0.0.500,", "'10.0.0.500' is not an IP address"),
        ("00:1a:2b:3c:4d:77,10.0.0.5,yesterday", "'yesterday' is not an instant"),
        ("00:1a:2b:3c:4d:77,10.0.0.5", "has 2 values, and the header 3 names"),
        ("00:1a:2b:3c:4d:77,10.0.0.5,,", "has 4 values"),
        ('00:1a:2b:3c:4d:77,"10.0.0.5,', "unexpected end of data"),
    ],
)
def test_a_faulty_row_is_named_by_its_line_and_the_rest_is_taken(row: str, complaint: str) -> None:
    text = f"mac,ip,at\nda:a1:19:11:22:33,,\n{row}\n00:1a:2b:3c:4d:5e,,\n"
    found = parse_table(text, IN_UTC)
    assert [device.mac[-2:] for device in found.devices if device.is_sighting] == ["5E", "33"]
    (fault,) = found.faults
    assert fault.startswith("Line 3: ")
    assert complaint in fault


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("\n", "empty"),
        ("ip,name\n", "has the column mac"),
        ("mac,mac\n", "each column once"),
        ("mac,owner\n", "'owner' is no column"),
        ('mac,"ip\n', "cannot be read"),
        ("mac\nzz\n", "No line of the table can be read. Line 2: 'zz'"),
        ("da:a1:19:11:22:33,10.0.0.5\n", "is no column"),
    ],
)
def test_what_has_no_header_or_no_readable_row_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(UnreadableObservations, match=complaint):
        parse_table(text, IN_UTC)


def test_a_header_alone_is_a_look_that_saw_nobody() -> None:
    assert parse_table("mac,ip\n", IN_UTC).devices == ()


def test_tables_that_were_put_together_have_their_header_again() -> None:
    table = "mac,ip\n00:1a:2b:3c:4d:5e,10.0.0.5\n"
    found = parse_table(table + table.replace("5e,", "5f,"), IN_UTC)
    assert (found.taken, found.faults, found.is_whole) == (2, (), True)
    assert parse_table(table + "00:1a:2b", IN_UTC).is_whole is False
