"""Evidence of presence: what the calls take and answer (contract 6)."""

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema
from marshmallow.validate import OneOf

from sessiontrack.exceptions import InvalidInput
from sessiontrack.schemas.base import Answer, Strict, Success
from sessiontrack.schemas.fields import (
    MOST_ERRORS,
    MOST_LISTED,
    DeviceMac,
    GraphEnd,
    GraphStart,
    IpAddress,
    JsonBoolean,
    JsonTimestamp,
    MacAddress,
    Several,
    StepText,
    Text,
)
from sessiontrack.values.ips import parse_ip
from sessiontrack.values.macs import parse_device_mac
from sessiontrack.values.names import has_control_characters
from sessiontrack.values.observations import Observation
from sessiontrack.values.placeholders import known
from sessiontrack.values.reports import EventReport, LeftOut, ScanReport

MOST_DEVICES = 65_536
LONGEST_TEXT = 255
EVENT_KINDS = ("connected", "disconnected", "seen")
_IP = {"example": "192.168.1.10"}


class SeenDevice(Strict):
    """One device in a scan."""

    mac = DeviceMac(required=True)
    ip = IpAddress(metadata=_IP)
    name = Text(most=LONGEST_TEXT, metadata={"description": "Taken for a device that has none."})
    vendor = Text(most=LONGEST_TEXT, metadata={"description": "Taken for a device that has none."})


@dataclass(frozen=True)
class Seen:
    """What a scan says of its devices, and those of them that could not be read."""

    devices: list[Observation]
    left_out: list[LeftOut]


class SeenDevices(fields.List[Any]):
    """Up to 65,536 of them, read in one loop: a schema for each would take seconds.

    Loaded as Seen. What cannot be read is left out, unless it has an unknown field, or nothing at all can be
    read; the first 20 such are named by their place in the list.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.Nested(SeenDevice), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            raise ValidationError("Must be a list of devices.")
        if len(value) > MOST_DEVICES:
            raise ValidationError(f"At most {MOST_DEVICES} devices a call.")
        found: list[Observation] = []
        left_out: list[LeftOut] = []
        errors: dict[int | str, Any] = {}
        is_refused = False
        for place, device in enumerate(value):
            try:
                found.append(_observation(device))
            except ValidationError as error:
                left_out.append(LeftOut(place, _why(error)))
                is_refused = is_refused or isinstance(error, _UnknownFields)
                if len(errors) < MOST_ERRORS:
                    errors[place] = error.messages
                elif is_refused:
                    break
                # A device whose address can be read counts as neither seen nor missed.
                with suppress(InvalidInput, AttributeError, KeyError, TypeError):
                    found.append(Observation(parse_device_mac(device["mac"]), is_sighting=False))
        if is_refused or (errors and len(left_out) == len(value)):
            raise ValidationError(errors)
        return Seen(found, left_out)


class _UnknownFields(ValidationError):
    """A typing error must not be ignored."""


def _why(error: ValidationError) -> str:
    messages = error.messages
    if isinstance(messages, dict):
        return " ".join(f"{name}: {' '.join(texts)}" for name, texts in messages.items())
    return " ".join(messages)


def _observation(device: Any) -> Observation:
    if not isinstance(device, dict):
        raise ValidationError("Must be an object.")
    values = dict(device)
    mac, ip, name, vendor = (values.pop(each, None) for each in ("mac", "ip", "name", "vendor"))
    if values:
        errors = {each: ["Unknown field."] for each in islice(values, MOST_ERRORS - 1)}
        if more := len(values) - len(errors):
            errors["_schema"] = [f"Unknown fields, and {more} more."]
        raise _UnknownFields(errors)
    if not isinstance(mac, str):
        raise ValidationError(
            {"mac": ["Missing data for required field." if mac is None else "Not a string."]}
        )
    try:
        canonical, address = parse_device_mac(mac), "" if ip is None or ip == "" else _ip(ip)
    except InvalidInput as error:
        raise ValidationError(error.message) from error
    name, vendor = "" if name is None else name, "" if vendor is None else vendor
    for field_name, text in (("name", name), ("vendor", vendor)):
        if not isinstance(text, str) or len(text) > LONGEST_TEXT or has_control_characters(text):
            too_much = (
                f"Must be a text of at most {LONGEST_TEXT} characters, none of them a control character."
            )
            raise ValidationError({field_name: [too_much]})
    return Observation(canonical, address, True, known(name), known(vendor))


def _ip(ip: Any) -> str:
    return _parsed_ip(ip) if isinstance(ip, str) else parse_ip("")


# A network's addresses are the same ones at every scan.
_parsed_ip = lru_cache(maxsize=MOST_DEVICES)(parse_ip)


class ScanBody(Strict):
    """`POST /presence/scans`."""

    source = Text(least=1, most=64, required=True, metadata={"example": "arp-scan"})
    at = JsonTimestamp(load_default=None, metadata={"description": "When; left out: now."})
    complete = JsonBoolean(
        load_default=True,
        metadata={"description": "Whether a device that is not in it was not there to be seen."},
    )
    devices = SeenDevices(required=True)
    remembered = Several(
        MacAddress(),
        most=MOST_DEVICES,
        load_default=list,
        metadata={"description": "Devices that this scan counts as neither seen nor missed."},
    )

    @post_load
    def _report(self, data: dict[str, Any], **kwargs: object) -> ScanReport:
        seen: Seen = data["devices"]
        remembered = [Observation(mac, is_sighting=False) for mac in data["remembered"]]
        devices = [*seen.devices, *remembered]
        return ScanReport(data["source"], data["at"], data["complete"], devices, seen.left_out)


class EventBody(Strict):
    """`POST /presence/events`."""

    source = Text(least=1, most=64, required=True, metadata={"example": "hostapd"})
    mac = DeviceMac(required=True)
    ip = IpAddress(load_default=None, metadata=_IP)
    at = JsonTimestamp(load_default=None, metadata={"description": "When; left out: now."})
    event = fields.String(required=True, validate=OneOf(EVENT_KINDS))
    info = Text(
        most=LONGEST_TEXT,
        load_default="",
        metadata={"description": "Kept with the session it falls into, and the event at its instant."},
    )
    name = Text(
        most=LONGEST_TEXT, load_default="", metadata={"description": "Taken for a device that has none."}
    )

    @post_load
    def _report(self, data: dict[str, Any], **kwargs: object) -> EventReport:
        device = Observation(data["mac"], data["ip"] or "", name=known(data["name"]))
        return EventReport(data["source"], data["at"], data["event"], device, data["info"])


class LeftOutAnswer(Answer):
    """A device of a scan that was not taken."""

    index = fields.Integer(required=True, metadata={"description": "Its place in the list, from 0 on."})
    reason = fields.String(required=True)


class PresenceAnswer(Success):
    """What an observation has changed: how many of each."""

    seen = fields.Integer(required=True)
    connected = fields.Integer(required=True)
    disconnected = fields.Integer(required=True)
    new = fields.Integer(required=True)
    down = fields.Integer(required=True)
    ip_changed = fields.Integer(required=True)
    suspicious = fields.Boolean(
        required=True, metadata={"description": "It saw too little to be evidence of absence."}
    )
    left_out = fields.List(
        fields.Nested(LeftOutAnswer),
        metadata={"description": f"Of a scan: devices that could not be read, the first {MOST_LISTED}."},
    )


class SourceRow(Answer):
    """A source."""

    name = fields.String(required=True)
    kind = fields.String(
        required=True,
        metadata={
            "enum": ["scan", "radius", "hook", "events"],
            "description": "scan: looks at all devices; the others report single ones.",
        },
    )
    last_look = fields.String(
        required=True, allow_none=True, metadata={"description": "When it was last heard of."}
    )
    rhythm_seconds = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Usually from one look to the next; null for kinds other than scan."},
    )
    quiet_seconds = fields.Integer(
        required=True, metadata={"description": "How long it may be silent before something is wrong."}
    )
    silent_since = fields.String(
        required=True, allow_none=True, metadata={"description": "Its last look, where that is too long ago."}
    )
    failing_since = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, metadata={"description": "Why it fails; empty where it does not."})
    archived = fields.Boolean(
        required=True,
        metadata={"description": "Retired: neither silent nor failing, until it is heard of again."},
    )
    seen = fields.Integer(
        required=True,
        metadata={"description": "Devices in its last look; of one without looks, in its last day."},
    )


class SourcesAnswer(Success):
    """`GET /presence/sources`."""

    sources = fields.List(fields.Nested(SourceRow), required=True)


class ChangeSource(Strict):
    """`PATCH /presence/sources`."""

    name = Text(least=1, most=64, required=True, metadata={"example": "network"})
    archived = JsonBoolean(required=True)
    disconnect = JsonBoolean(
        load_default=False,
        metadata={
            "description": "Whether the devices that it holds as connected left when it last saw them;"
            " only with `archived`."
        },
    )

    @validates_schema
    def _only_archived(self, data: dict[str, Any], **kwargs: object) -> None:
        if data["disconnect"] and not data["archived"]:
            raise ValidationError("Only a source that is archived disconnects its devices.", "disconnect")


class SourceAnswer(Success):
    """`PATCH /presence/sources`."""

    source = fields.Nested(SourceRow, required=True)
    disconnected = fields.Integer(
        required=True, metadata={"description": "How many devices are connected no more by `disconnect`."}
    )


class OnlineHistory(Strict):
    """`GET /presence/online-history`."""

    start = GraphStart(
        load_default=None,
        allow_none=False,
        metadata={"example": "2025-08-01", "description": "Left out: a day before end."},
    )
    end = GraphEnd(
        load_default=None,
        allow_none=False,
        metadata={"example": "2025-08-02", "description": "Left out: now."},
    )
    step = StepText(default="1 hour")

    @validates_schema
    def _in_order(self, data: dict[str, Any], **kwargs: object) -> None:
        if data["step"].unlimited:
            raise ValidationError("Must have a length.", "step")
        if data["start"] is not None and data["end"] is not None and data["end"] < data["start"]:
            raise ValidationError("Must not be before start.", "end")


class OnlinePoint(Answer):
    """How many devices were connected at an instant."""

    at = fields.String(required=True)
    connected = fields.Integer(required=True)


class OnlineHistoryAnswer(Success):
    """`GET /presence/online-history`."""

    step = fields.String(required=True)
    recorded_since = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "The earliest record of devices; what was before it nobody can say. null: there"
            " is none."
        },
    )
    points = fields.List(fields.Nested(OnlinePoint), required=True)
