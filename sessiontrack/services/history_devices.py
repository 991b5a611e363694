"""The devices of an imported history: found or made, described where nothing is known of them yet."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import select, update

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import Device
from sessiontrack.models.columns import bind
from sessiontrack.models.device import PROPERTIES
from sessiontrack.models.device_alias import device_with
from sessiontrack.models.device_session import DERIVED
from sessiontrack.presence.scans import unjudge
from sessiontrack.values.records import DeviceRecord

FIND = Statement(select(Device.id, Device.first_seen_at).where(Device.id == device_with(bind("mac"))))
_UNSET = {each.name: each.unset for each in PROPERTIES}
_INSERTED = ("mac", "first_seen_at", "last_seen_at", *_UNSET)
_NAMES, _VALUES = ", ".join(_INSERTED), ", ".join(f":{name}" for name in _INSERTED)
INSERT = Statement(f"INSERT INTO device ({_NAMES}) VALUES ({_VALUES}) RETURNING id")


def _filling(name: str, unset: str | bool | None) -> tuple[str, str]:
    """What a column is afterwards, and when that is something else."""
    if unset == "":
        return f"CASE WHEN {name} = '' THEN :{name} ELSE {name} END", f"({name} = '' AND :{name} <> '')"
    if unset is None:
        return f"coalesce({name}, :{name})", f"({name} IS NULL AND :has_{name})"
    if unset:
        return f"{name} AND :{name}", f"({name} AND NOT :{name})"
    return f"{name} OR :{name}", f"(NOT {name} AND :{name})"


# Of two instants the later one counts, whichever copy was read first.
_SEEN_LATER = ":has_last_seen_at AND (last_seen_at IS NULL OR last_seen_at < :last_seen_at)"
_SEEN = (f"CASE WHEN {_SEEN_LATER} THEN :last_seen_at ELSE last_seen_at END", f"({_SEEN_LATER})")
# What was set here stays; a mark that is not set is as good as empty.
_FILLINGS = {name: _filling(name, unset) for name, unset in _UNSET.items()} | {"last_seen_at": _SEEN}
_SET = ", ".join(f"{name} = {value}" for name, (value, _) in _FILLINGS.items())
_ANY = " OR ".join(condition for _, condition in _FILLINGS.values())
FILL = Statement(f"UPDATE device SET {_SET} WHERE id = :device_id AND ({_ANY})")
_THIS = Device.id == bind("device_id")
STORED = Statement(select(*(getattr(Device, name) for name in _UNSET)).where(_THIS))
# One by one, and only what is said otherwise.
OVERWRITE = {name: Statement(update(Device).where(_THIS).values({name: bind("value")})) for name in _UNSET}
_FILE_NAMES = {each.name: each.file_name for each in PROPERTIES}
_NUMBERS = [*(name for name, unset in _UNSET.items() if unset is None), "last_seen_at"]
_FIRST_SESSION = (
    "FROM device_session s WHERE s.device_id = event.device_id"
    f" AND coalesce(s.source, '') <> '{DERIVED}' ORDER BY s.begin_at, s.ip DESC LIMIT 1"
)
MOVE_NEW = Statement(
    f"UPDATE event SET at = :at, ip = coalesce((SELECT s.ip {_FIRST_SESSION}), ip),"
    f" ip_key = coalesce((SELECT s.ip_key {_FIRST_SESSION}), ip_key)"
    " WHERE device_id = :device_id AND at = :before AND type = 'New Device'"
    f" AND NOT voided AND source = '{DERIVED}' AND NOT EXISTS (SELECT 1 FROM event o"
    " WHERE o.device_id = :device_id AND o.at = :at AND o.type = 'New Device' AND NOT o.voided"
    " AND o.id <> event.id)"
)
VOID_OLD = Statement(
    "UPDATE event SET voided = true, void_cause = 'evidence' WHERE device_id = :device_id AND at < :floor"
    f" AND type = 'New Device' AND NOT voided AND source = '{DERIVED}' AND EXISTS (SELECT 1 FROM device d"
    " WHERE d.id = :device_id AND NOT d.announced)"
)
WITH_EVIDENCE = Statement("SELECT device_id FROM sighting_run UNION SELECT device_id FROM device_evidence")
SEEN_EARLIER = Statement("UPDATE device SET first_seen_at = :at WHERE id = :device_id")

Taken = Literal["added", "changed", "present"]


@dataclass
class Known:
    """What becomes of known devices of which a file says something else.

    overwrite: whether the file counts.
    rows: where it did not, in how many rows it differs; columns: how often by each of these.
    """

    overwrite: bool = False
    rows: int = 0
    columns: Counter[str] = field(default_factory=Counter)


class DeviceBook:
    """Every device that the history speaks of, by its MAC; to be settled at the end."""

    def __init__(self, tx: Transaction, now: int, known: Known) -> None:
        self._tx = tx
        self._now = now
        self._known = known
        self._ids: dict[str, int] = {}
        self._macs: dict[int, str] = {}
        # The earliest instant known of each: as it is stored, and as it is reported.
        self._first: dict[int, int] = {}
        self._stored_first: dict[int, int] = {}

    def id_of(self, mac: str, at: int | None) -> int:
        """The device's id; an unknown one is made. It was there at that instant."""
        device_id = self._ids.get(mac)
        if device_id is None:
            device_id = self._find(mac)
            if device_id is None:
                device_id = self._make(DeviceRecord(mac, first_seen_at=at))
        if at is not None:
            self.was_there(device_id, at)
        return device_id

    def mac_of(self, device_id: int) -> str:
        """An address by which the history speaks of a device."""
        return self._macs[device_id]

    def was_there(self, device_id: int, at: int) -> None:
        """The device was there at that instant."""
        self._first[device_id] = min(at, self._first[device_id])

    def put(self, record: DeviceRecord) -> Taken:
        """Take what a row reports of a device; what is known here stays."""
        if record.mac not in self._ids and self._find(record.mac) is None:
            self._make(record)
            return "added"
        device_id = self.id_of(record.mac, record.first_seen_at)
        values = {**_UNSET, **record.properties, "last_seen_at": record.last_seen_at}
        given = {f"has_{name}": values[name] is not None for name in _NUMBERS}
        filled = self._tx.run(FILL, device_id=device_id, **values, **given)
        is_earlier = self._first[device_id] < self._stored_first[device_id]
        is_changed = self._overwrite(device_id, record) if record.said else False
        return "changed" if filled or is_earlier or is_changed else "present"

    def _overwrite(self, device_id: int, record: DeviceRecord) -> bool:
        """Take what the row says otherwise, or count it. Whether anything is taken."""
        stored = dict(zip(_UNSET, self._tx.row(STORED, device_id=device_id) or (), strict=True))
        differing: dict[str, Any] = {
            name: record.properties[name] for name in record.said if record.properties[name] != stored[name]
        }
        if not self._known.overwrite:
            self._known.rows += bool(differing)
            self._known.columns.update(_FILE_NAMES[name] for name in differing)
            return False
        for name, value in differing.items():
            self._tx.run(OVERWRITE[name], device_id=device_id, value=value)
        if "grace_seconds" in differing:
            unjudge(self._tx, [device_id])
        return bool(differing)

    def settle(self, floor: int) -> set[int]:
        """Bring first_seen_at back to the earliest instant that was reported.

        A `New Device` that was derived stands there then; but before the floor only that of a device that was
        reported through the API has one.

        Returns:
            the devices with evidence.
        """
        told = [
            {"device_id": device_id, "at": at, "before": self._stored_first[device_id]}
            for device_id, at in self._first.items()
        ]
        if told:
            self._tx.run_many(MOVE_NEW, told)
        earlier = [each for each in told if each["at"] < each["before"]]
        if earlier:
            self._tx.run_many(
                VOID_OLD, [{"device_id": each["device_id"], "floor": floor} for each in earlier]
            )
            self._tx.run_many(SEEN_EARLIER, earlier)
        return {device_id for (device_id,) in self._tx.rows(WITH_EVIDENCE)} & self._first.keys()

    def _find(self, mac: str) -> int | None:
        found = self._tx.row(FIND, mac=mac)
        if found is None:
            return None
        self._know(mac, *found)
        return self._ids[mac]

    def _make(self, record: DeviceRecord) -> int:
        first = record.first_seen_at
        if first is None:
            # Until an earlier session or event is read.
            first = self._now if record.last_seen_at is None else min(record.last_seen_at, self._now)
        values = {**_UNSET, **record.properties}
        device_id: int = self._tx.value(
            INSERT, mac=record.mac, first_seen_at=first, last_seen_at=record.last_seen_at, **values
        )
        self._know(record.mac, device_id, first)
        return device_id

    def _know(self, mac: str, device_id: int, first_seen_at: int) -> None:
        self._ids[mac] = device_id
        self._macs.setdefault(device_id, mac)
        # Known already where this is a further address of that device.
        if device_id not in self._first:
            self._first[device_id] = self._stored_first[device_id] = first_seen_at
