"""A table that anybody can write: CSV with a header -> observations.

Columns: `mac`; and, where they are known, `ip`, `name`, `vendor`, `at`. Rows without an instant make up one
look at the network, which is complete unless its caller says otherwise. A row with an instant in `at` is a
sighting at that instant, and says of no other device that it was absent.

Values are parted by commas, semicolons or tabs, as the header shows. A row is one line: so a quotation mark
that nobody closed spoils one row, and not the rest of the file.
"""

import csv
from collections import defaultdict
from dataclasses import replace

from sessiontrack.exceptions import InvalidInstant, UnreadableObservations
from sessiontrack.sources.gathering import Gathering, numbered_lines, printable, read_ip, read_mac, shown
from sessiontrack.values.observations import Observation, Observations
from sessiontrack.values.timestamps import SiteTime

NAME = "csv"
COLUMNS = ("mac", "ip", "name", "vendor", "at")
DELIMITERS = ",;\t"


def parse_table(text: str, site: SiteTime) -> Observations:
    """Read the table.

    Args:
        site: the zone of instants that say none.
    Raises:
        UnreadableObservations: the header lacks `mac` or has a column that is none of these, or no row can be
            read.
    """
    lines = numbered_lines(text)
    if not lines:
        raise UnreadableObservations("The table is empty, which says nothing about any device.")
    delimiter = next((each for each in DELIMITERS if each in lines[0][1]), ",")
    columns = _header(lines[0][1], delimiter)
    gathering = Gathering()
    dated: dict[int, dict[str, Observation]] = defaultdict(dict)
    for number, line in lines[1:]:
        if line == lines[0][1]:  # where tables were put together
            continue
        mac = None
        try:
            row = dict(zip(columns, _values(line, delimiter, len(columns)), strict=True))
            mac = read_mac(row["mac"])
            ip = read_ip(row.get("ip", ""))
            at = _instant(row["at"], site) if row.get("at") else None
        except ValueError as error:
            gathering.fault(f"Line {number}", str(error), mac)
            continue
        if mac is None:
            gathering.leave_out()
        elif at is None:
            gathering.see(mac, ip, row.get("name", ""), row.get("vendor", ""))
        else:
            name, vendor = printable(row.get("name", "")), printable(row.get("vendor", ""))
            dated[at].setdefault(mac, Observation(mac, ip, True, name, vendor))
            gathering.count()
    found = gathering.observations("table", text)
    return replace(found, dated={at: tuple(dated[at].values()) for at in sorted(dated)})


def _header(line: str, delimiter: str) -> list[str]:
    try:
        names = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise UnreadableObservations(f"The header of the table cannot be read: {error}.") from error
    if unknown := [name for name in names if name not in COLUMNS]:
        raise UnreadableObservations(
            f"{shown(unknown[0])} is no column; the columns are {', '.join(COLUMNS)}, in the first line."
        )
    if "mac" not in names or len(names) != len(set(names)):
        raise UnreadableObservations("The header of the table has the column mac, and each column once.")
    return names


def _values(line: str, delimiter: str, wanted: int) -> list[str]:
    try:
        values = [value.strip() for value in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise ValueError(f"{error}.") from error
    if len(values) != wanted:
        raise ValueError(f"it has {len(values)} values, and the header {wanted} names.")
    return values


def _instant(text: str, site: SiteTime) -> int:
    try:
        return site.parse_timestamp_start(text)
    except InvalidInstant as error:
        raise ValueError(f"{shown(text)} is not an instant.") from error
