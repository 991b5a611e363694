"""Devices: what their calls take and answer."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import OneOf

from sessiontrack.schemas.base import Answer, Strict, Success, listed_or_named
from sessiontrack.schemas.fields import (
    MOST_LISTED,
    DeviceMac,
    FixedPeriodText,
    JsonBoolean,
    MacAddress,
    PeriodText,
    Several,
    Tags,
    Text,
    limit,
    offset,
)
from sessiontrack.schemas.windows import InPeriod
from sessiontrack.values.device_types import TYPES
from sessiontrack.values.tags import LONGEST as LONGEST_TAG
from sessiontrack.values.tags import MOST as MOST_TAGS

STATUSES = ("connected", "disconnected", "down", "new", "flapping", "archived", "all")
# What NetAlertX's pages ask for; "my" is another word of theirs for "all".
RESOURCE_STATUSES = ("all", "my", "connected", "offline", "favorites", "new", "down", "archived")
# In the order of the list that NetAlertX's pages read.
LISTED_TOTALS = ("all", "connected", "favorites", "new", "down", "archived")
LAST_SEEN = "Now while it is connected, else the end of its last session, or a later sighting of an import."
SORTS = ("name", "mac", "owner", "ip", "vendor", "first_seen", "last_seen", "status")


class DeviceQuery(Strict):
    """What `GET /devices` and `GET /devices/list.csv` have in common."""

    status = fields.String(
        load_default="all",
        validate=OneOf(STATUSES),
        metadata={"description": "all: but for the archived ones."},
    )
    tag = Text(most=LONGEST_TAG, load_default="", metadata={"description": "Only those with this tag."})
    search = Text(
        load_default="",
        metadata={"description": "In name, owner, vendor, MAC addresses, IP address and info."},
    )
    sort = fields.String(
        load_default="name",
        validate=OneOf([*SORTS, *(f"-{each}" for each in SORTS)]),
        metadata={"description": "With - before it: the other way round."},
    )


class ListDevices(DeviceQuery):
    """`GET /devices`."""

    limit = limit(100)
    offset = offset()


class ChangeDevice(Strict):
    """`PATCH /devices/<mac>`; what is left out stays as it is, what is null or empty is cleared."""

    cleared: ClassVar[Mapping[str, Any]] = {
        **{"name": "", "owner": "", "vendor": "", "notes": "", "grace_seconds": None, "kind": "", "tags": ""},
        **{"alert_down": False, "can_flap": True, "archived": False, "favourite": False},
    }

    name = Text(metadata={"description": "What people call it."})
    owner = Text(metadata={"description": "Whose it is."})
    vendor = Text(metadata={"description": "Who made it."})
    alert_down = JsonBoolean(
        metadata={
            "description": "Whether its disconnections are Device Down, and its returns Down Reconnected."
        }
    )
    grace = FixedPeriodText(
        attribute="grace_seconds",
        allow_none=True,
        metadata={
            "description": "How long scans may miss it; null: the setting PRESENCE_GRACE.",
        },
    )
    can_flap = JsonBoolean(metadata={"description": "Whether it can count as flapping."})
    archived = JsonBoolean()
    favourite = JsonBoolean()
    type = fields.String(attribute="kind", validate=OneOf(TYPES), metadata={"example": "printer"})
    tags = Tags(
        metadata={"example": ["office"], "description": f"At most {MOST_TAGS}, none with a comma."},
    )
    notes = Text(most=1000, metadata={"description": "What else there is to know."})


class ChangeDevices(ChangeDevice):
    """`PATCH /devices`: the same changes for several devices."""

    cleared: ClassVar[Mapping[str, Any]] = {**ChangeDevice.cleared, "add_tags": "", "remove_tags": ""}

    macs = Several(MacAddress(), most=MOST_LISTED, required=True, metadata={"description": "Which devices."})
    add_tags = Tags(metadata={"example": ["office"], "description": "Tags that each of them gets."})
    remove_tags = Tags(metadata={"example": ["old"], "description": "Tags that each of them loses."})

    @validates_schema
    def _some(self, data: dict[str, Any], **kwargs: object) -> None:
        if not data["macs"]:
            raise ValidationError("Name at least one device.", "macs")


class AddDevice(ChangeDevice):
    """`POST /devices`."""

    mac = DeviceMac(required=True)


class DeviceStatistics(InPeriod):
    """`GET /devices/<mac>/statistics`."""

    period = PeriodText(default="30 days")


class MergeDevice(Strict):
    """`POST /devices/<mac>/merge`."""

    mac = DeviceMac(required=True)


class DeviceAnswer(Answer):
    """A device as every call shows it."""

    mac = fields.String(required=True)
    aliases = fields.List(
        fields.String(), required=True, metadata={"description": "MAC addresses that were merged into it."}
    )
    name = fields.String(required=True)
    owner = fields.String(required=True)
    vendor = fields.String(required=True)
    randomized = fields.Boolean(
        required=True, metadata={"description": "The address was made up by the device, not by its vendor."}
    )
    ip = fields.String(required=True)
    info = fields.String(
        required=True,
        metadata={
            "description": "What its source said of the latest session: of RADIUS NAS, user, session id."
        },
    )
    status = fields.String(required=True, metadata={"enum": ["connected", "disconnected", "down"]})
    connected = fields.Boolean(required=True)
    connected_since = fields.String(required=True, allow_none=True)
    first_seen = fields.String(required=True)
    last_seen = fields.String(required=True, allow_none=True, metadata={"description": LAST_SEEN})
    new = fields.Boolean(required=True, metadata={"description": "First seen within the last 24 hours."})
    flapping = fields.Boolean(required=True)
    can_flap = fields.Boolean(required=True)
    alert_down = fields.Boolean(required=True)
    grace = fields.String(required=True, allow_none=True)
    archived = fields.Boolean(required=True)
    favourite = fields.Boolean(required=True)
    type = fields.String(required=True, metadata={"description": "Empty where it is not set."})
    tags = fields.List(fields.String(), required=True)
    notes = fields.String(required=True)


class OneDeviceAnswer(Success):
    """A device."""

    device = fields.Nested(DeviceAnswer, required=True)


class ChangeDevicesAnswer(Success):
    """`PATCH /devices`."""

    changed = fields.Integer(required=True, metadata={"description": "How many devices."})


class TagAnswer(Answer):
    """A tag, and how many devices have it."""

    tag = fields.String(required=True)
    devices = fields.Integer(required=True)


class TagsAnswer(Success):
    """`GET /devices/tags`."""

    tags = fields.List(fields.Nested(TagAnswer), required=True)


class NeighbourAnswer(Answer):
    """A device beside another one."""

    mac = fields.String(required=True)
    name = fields.String(required=True)


class HolderAnswer(Answer):
    """A source by whose evidence a device is connected."""

    source = fields.String(required=True)
    last_seen = fields.String(required=True, metadata={"description": "When that source last saw it."})


class FoundDeviceAnswer(OneDeviceAnswer):
    """`GET /devices/<mac>`."""

    held_by = fields.List(
        fields.Nested(HolderAnswer),
        required=True,
        metadata={"description": "The sources by whose evidence it is connected."},
    )
    previous = fields.Nested(
        NeighbourAnswer,
        required=True,
        allow_none=True,
        metadata={"description": "The one before it by name, of those that are not archived."},
    )
    next = fields.Nested(NeighbourAnswer, required=True, allow_none=True)


class DevicesAnswer(Success):
    """`GET /devices`."""

    devices = fields.List(fields.Nested(DeviceAnswer), required=True)


class DevicesByStatus(Strict):
    """`GET /devices/by-status`."""

    status = fields.String(
        load_default="all",
        validate=OneOf(RESOURCE_STATUSES),
        metadata={"description": "all and my: but for the archived ones. offline: those not connected."},
    )
    limit = limit(None)
    offset = offset()


class DeviceTotals(Strict):
    """`GET /devices/totals`."""

    format = fields.String(
        load_default="list",
        validate=OneOf(("list", "named")),
        metadata={"description": "named: an object, the counts by name, and of more statuses."},
    )


class DeviceResource(Answer):
    """A device as calendars take their resources, its fields named as NetAlertX names them."""

    id = fields.String(required=True, metadata={"description": "The MAC address."})
    title = fields.String(required=True, metadata={"description": "The name, else the MAC address."})
    favorite = fields.Integer(required=True, validate=OneOf((0, 1)))
    devMac = fields.String(required=True)
    devName = fields.String(required=True)
    devOwner = fields.String(required=True)
    devVendor = fields.String(required=True)
    devLastIP = fields.String(required=True)
    devFirstConnection = fields.String(required=True)
    devLastConnection = fields.String(required=True, allow_none=True)
    devFavorite = fields.Integer(required=True, validate=OneOf((0, 1)))
    devPresentLastScan = fields.Integer(required=True, validate=OneOf((0, 1)))
    devAlertDown = fields.Integer(required=True, validate=OneOf((0, 1)))
    devIsNew = fields.Integer(required=True, validate=OneOf((0, 1)))
    devIsArchived = fields.Integer(required=True, validate=OneOf((0, 1)))


class DeviceTotalsAnswer(Success):
    """`GET /devices/totals?format=named`."""

    all = fields.Integer(required=True)
    connected = fields.Integer(required=True)
    disconnected = fields.Integer(required=True)
    down = fields.Integer(required=True)
    new = fields.Integer(required=True)
    flapping = fields.Integer(required=True)
    archived = fields.Integer(required=True)
    favorites = fields.Integer(required=True)


DEVICE_TOTALS_ANSWER = listed_or_named(name for name in DeviceTotalsAnswer().fields if name != "success")


class DeletedParts(Answer):
    """How many of each were deleted with a device."""

    sessions = fields.Integer(required=True)
    events = fields.Integer(required=True)
    evidence = fields.Integer(required=True)


class DeleteDeviceAnswer(Success):
    """`DELETE /devices/<mac>`."""

    message = fields.String(required=True)
    deleted = fields.Nested(DeletedParts, required=True)


class MergeDeviceAnswer(OneDeviceAnswer):
    """`POST /devices/<mac>/merge`."""

    message = fields.String(required=True)


class DeviceStatisticsAnswer(Success):
    """`GET /devices/<mac>/statistics`; shares are from 0 to 1."""

    period = fields.String(required=True)
    start = fields.String(
        required=True, metadata={"description": "Where the period begins, or the device was first seen."}
    )
    end = fields.String(required=True, metadata={"description": "Now."})
    first_seen = fields.String(required=True)
    last_seen = fields.String(required=True, allow_none=True, metadata={"description": LAST_SEEN})
    observed_seconds = fields.Integer(required=True, metadata={"description": "From start to end."})
    connected_seconds = fields.Integer(required=True)
    uptime = fields.Float(required=True, allow_none=True, metadata={"description": "Share of it connected."})
    sessions = fields.Integer(required=True)
    missing_connections = fields.Integer(required=True)
    missing_disconnections = fields.Integer(required=True)
    average_seconds = fields.Integer(required=True, allow_none=True)
    median_seconds = fields.Integer(required=True, allow_none=True)
    longest_seconds = fields.Integer(required=True, allow_none=True)
    week = fields.List(
        fields.List(fields.Float(allow_none=True)),
        required=True,
        metadata={
            "description": "From Monday on, for each of 24 hours of the site's clock: the share connected,"
            " null where there was no such hour."
        },
    )
