"""Kea's lease file (memfile, kea-leases4.csv or kea-leases6.csv) -> observations.

dnsmasq.py explains what a lease shows. Kea's file is a log: it is appended to, and the last row
of an address counts. A row of a lease that ended has a state other than 0, or a valid lifetime of 0.

From time to time Kea moves the file away and begins a new one, and cleans what it moved: the leases that were
not renewed since are in the files beside it (`.completed`; else `.2` and `.1`), without which most devices
would look gone. beside() finds them, in the order in which Kea itself reads them.

Of the leases of IPv6 those are taken of which Kea knows the MAC address; the others are left out.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import Gathering, numbered_lines, read_ip, read_mac, shown
from sessiontrack.values.observations import Observations

NAME = "kea"
NEEDED = ("address", "hwaddr", "valid_lifetime", "expire", "hostname", "state")
PREFIX_DELEGATION = "2"
# Kea writes a comma, or another character that would part values, as its number.
_ESCAPED = re.compile(r"&#x([0-9A-Fa-f]{2})")
# More or fewer octets than six.
OTHER_LINK = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){0,4}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){6,}")
_NUMBER = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True)
class _Row:
    """The last that is said of an address."""

    place: str
    values: dict[str, str]


def beside(file: Path) -> list[Path]:
    """The files that Kea reads before this one, oldest first."""
    completed = file.with_name(f"{file.name}.completed")
    older = [completed] if completed.exists() else [file.with_name(f"{file.name}.{n}") for n in (2, 1)]
    return [each for each in older if each.exists()]


def parse_leases(text: str, at: int, older: tuple[tuple[str, str], ...] = ()) -> Observations:
    """Read the lease file as it was at an instant.

    A row whose address can be read and that is otherwise faulty leaves what was said of the address before.

    Args:
        at: UTC epoch seconds; what had expired by then is left out.
        older: (name, text) of the files that Kea reads before it, oldest first.
    Raises:
        UnreadableObservations: it has no header of Kea's, or no row can be read.
    """
    gathering = Gathering()
    rows: dict[str, _Row] = {}
    for name, each in (*older, ("", text)):
        _take_rows(gathering, rows, each, f" of {name}" if name else "")
    for row in rows.values():
        _lease(gathering, row, at)
    return gathering.observations("lease file", text)


def _take_rows(gathering: Gathering, rows: dict[str, _Row], text: str, of_file: str) -> None:
    columns: list[str] | None = None
    for number, line in numbered_lines(text):
        values = line.split(",")
        if values[0] == "address":  # once more where files were put together
            columns = _header(values)
            continue
        if columns is None:
            raise UnreadableObservations(
                f"Line {number}{of_file} is not the header of a lease file of Kea's."
            )
        place = f"Line {number}{of_file}"
        row = _Row(place, {name: _unescaped(value) for name, value in zip(columns, values, strict=False)})
        try:
            _check(row, values)
            # An address that is written anew counts from there on: last, in the order of the rows.
            rows.pop(address := read_ip(row.values["address"]) or row.values["hwaddr"], None)
        except ValueError as error:
            gathering.fault(place, str(error), _mac_of(row))
            continue
        rows[address] = row
    if columns is None and not of_file:
        raise UnreadableObservations("The lease file is empty, which says nothing about any device.")


def _header(names: list[str]) -> list[str]:
    if missing := [name for name in NEEDED if name not in names]:
        raise UnreadableObservations(f"The lease file lacks the column {missing[0]}, which Kea writes.")
    return names


def _check(row: _Row, values: list[str]) -> None:
    if missing := [name for name in NEEDED if name not in row.values]:
        raise ValueError(f"it has {len(values)} values, and none for {missing[0]}.")
    for name in ("valid_lifetime", "expire", "state"):
        if not _NUMBER.fullmatch(row.values[name]):
            raise ValueError(f"{name} {shown(row.values[name])} is not a number.")
    _hwaddr(row)


def _hwaddr(row: _Row) -> str | None:
    """The canonical address; None where Kea does not know it, or where it is of another length.

    Raises:
        ValueError: it is no address of a link.
    """
    text = row.values.get("hwaddr", "")
    if not text or OTHER_LINK.fullmatch(text):
        return None
    return read_mac(text)


def _mac_of(row: _Row) -> str | None:
    """The device that a faulty row names, where that much can be read."""
    try:
        return _hwaddr(row)
    except ValueError:
        return None


def _lease(gathering: Gathering, row: _Row, at: int) -> None:
    values = row.values
    mac = _hwaddr(row)
    is_over = int(values["state"]) != 0 or int(values["valid_lifetime"]) == 0 or int(values["expire"]) <= at
    if mac is None or is_over:
        gathering.leave_out()
        return
    ip = "" if values.get("lease_type") == PREFIX_DELEGATION else read_ip(values["address"])
    gathering.see(mac, ip, values["hostname"].rstrip("."))


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value).strip()
