"""The devices of an imported history: found or made, described where nothing is known of them yet."""

from typing import Literal

from sqlalchemy import select

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import Device
from sessiontrack.models.columns import bind
from sessiontrack.models.device_alias import device_with
from sessiontrack.models.device_session import DERIVED
from sessiontrack.values.records import DeviceRecord

FIND = Statement(select(Device.id, Device.first_seen_at).where(Device.id == device_with(bind("mac"))))
INSERT = Statement(
    "INSERT INTO device (mac, name, owner, vendor, alert_down, can_flap, archived, favourite, grace_seconds,"
    " first_seen_at, last_seen_at, kind, tags, notes) VALUES (:mac, :name, :owner, :vendor, :alert_down,"
    " :can_flap, :archived, :favourite, :grace_seconds, :first_seen_at, :last_seen_at, :type, :tags, :notes)"
    " RETURNING id"
)
# What was set here stays; a mark that is not set is as good as empty.
FILL = Statement(
    "UPDATE device SET name = CASE WHEN name = '' THEN :name ELSE name END,"
    " owner = CASE WHEN owner = '' THEN :owner ELSE owner END,"
    " vendor = CASE WHEN vendor = '' THEN :vendor ELSE vendor END,"
    " kind = CASE WHEN kind = '' THEN :type ELSE kind END,"
    " tags = CASE WHEN tags = '' THEN :tags ELSE tags END,"
    " notes = CASE WHEN notes = '' THEN :notes ELSE notes END,"
    " alert_down = alert_down OR :alert_down, can_flap = can_flap AND :can_flap,"
    " archived = archived OR :archived, favourite = favourite OR :favourite,"
    " grace_seconds = coalesce(grace_seconds, :grace_seconds),"
    " last_seen_at = coalesce(last_seen_at, :last_seen_at)"
    " WHERE id = :device_id AND ((name = '' AND :name <> '') OR (owner = '' AND :owner <> '')"
    " OR (vendor = '' AND :vendor <> '') OR (kind = '' AND :type <> '') OR (tags = '' AND :tags <> '')"
    " OR (notes = '' AND :notes <> '') OR (NOT alert_down AND :alert_down)"
    " OR (can_flap AND NOT :can_flap) OR (NOT archived AND :archived) OR (NOT favourite AND :favourite)"
    " OR (grace_seconds IS NULL AND :has_grace) OR (last_seen_at IS NULL AND :has_last_seen))"
)
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

Outcome = Literal["added", "changed", "present"]


class DeviceBook:
    """Every device that the history speaks of, by its MAC; to be settled at the end."""

    def __init__(self, tx: Transaction, now: int) -> None:
        self._tx = tx
        self._now = now
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

    def put(self, record: DeviceRecord) -> Outcome:
        """Take what a row reports of a device; what is known here stays."""
        if record.mac not in self._ids and self._find(record.mac) is None:
            self._make(record)
            return "added"
        device_id = self.id_of(record.mac, record.first_seen_at)
        values = record._asdict()
        del values["mac"], values["first_seen_at"]
        filled = self._tx.run(
            FILL,
            device_id=device_id,
            has_grace=record.grace_seconds is not None,
            has_last_seen=record.last_seen_at is not None,
            **values,
        )
        is_earlier = self._first[device_id] < self._stored_first[device_id]
        return "changed" if filled or is_earlier else "present"

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
            # Until something it did tells better.
            first = self._now if record.last_seen_at is None else min(record.last_seen_at, self._now)
        device_id: int = self._tx.value(INSERT, **{**record._asdict(), "first_seen_at": first})
        self._know(record.mac, device_id, first)
        return device_id

    def _know(self, mac: str, device_id: int, first_seen_at: int) -> None:
        self._ids[mac] = device_id
        self._macs.setdefault(device_id, mac)
        # Known already where this is a further address of that device.
        if device_id not in self._first:
            self._first[device_id] = self._stored_first[device_id] = first_seen_at
