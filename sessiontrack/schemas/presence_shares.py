"""How much of a period each device was connected: what the calls take and answer."""

from marshmallow import fields
from marshmallow.validate import OneOf

from sessiontrack.schemas.base import Answer, Success
from sessiontrack.schemas.devices import STATUSES
from sessiontrack.schemas.fields import PeriodText, Text, limit, offset
from sessiontrack.schemas.windows import InPeriod
from sessiontrack.values.tags import LONGEST as LONGEST_TAG

SORTS = ("name", "mac", "share", "connected_seconds", "sessions", "absence", "first_seen")


class PresenceTotals(InPeriod):
    """`GET /presence/totals`."""

    period = PeriodText(default="30 days")
    status = fields.String(
        load_default="known",
        validate=OneOf(("known", *STATUSES)),
        metadata={
            "description": "known: of the archived ones those that were there, or first seen, in the period."
            " Others: of the device now; all: but for the archived ones."
        },
    )
    tag = Text(most=LONGEST_TAG, load_default="", metadata={"description": "Only those with this tag."})
    search = Text(
        load_default="",
        metadata={"description": "In name, owner, vendor, MAC addresses, IP address and info."},
    )


class SharesCsv(PresenceTotals):
    """`GET /presence/shares.csv`."""

    sort = fields.String(
        load_default="-share",
        validate=OneOf([*SORTS, *(f"-{each}" for each in SORTS)]),
        metadata={"description": "With - before it: the other way round."},
    )


class Shares(SharesCsv):
    """`GET /presence/shares`."""

    limit = limit(100)
    offset = offset()


class Absence(Answer):
    """A stretch of the period in which a device was not there."""

    seconds = fields.Integer(required=True)
    since = fields.String(data_key="from", required=True)
    until = fields.String(required=True)


class DeviceShare(Answer):
    """A device, and how much of the period it was connected."""

    mac = fields.String(required=True)
    name = fields.String(required=True)
    owner = fields.String(required=True)
    first_seen = fields.String(required=True)
    sessions = fields.Integer(required=True)
    connected_seconds = fields.Integer(required=True)
    observed_seconds = fields.Integer(
        required=True, metadata={"description": "Of the period, from when the device was first seen on."}
    )
    share = fields.Float(
        required=True, allow_none=True, metadata={"description": "Of observed_seconds, from 0 to 1."}
    )
    longest_absence = fields.Nested(
        Absence,
        required=True,
        allow_none=True,
        metadata={"description": "null: it was there all the time, or not at all."},
    )


class SharesAnswer(Success):
    """`GET /presence/shares`; instants in site time, with their offset."""

    start = fields.String(required=True)
    end = fields.String(required=True, metadata={"description": "The end of the period, at most now."})
    devices = fields.List(
        fields.Nested(DeviceShare),
        required=True,
        metadata={"description": "Those known before the end; X-Total-Count says how many there are."},
    )


class PresenceTotalsAnswer(Success):
    """`GET /presence/totals`; instants in site time, with their offset."""

    start = fields.String(required=True)
    end = fields.String(required=True, metadata={"description": "The end of the period, at most now."})
    known = fields.Integer(required=True, metadata={"description": "Devices first seen before the end."})
    there = fields.Integer(required=True, metadata={"description": "Those with a session in the period."})
    new = fields.Integer(required=True, metadata={"description": "Those first seen in the period."})
