"""Webhooks: what the calls take and answer."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import fields
from marshmallow.validate import OneOf

from sessiontrack.schemas.accounts import MessageAnswer
from sessiontrack.schemas.base import Answer, Strict, Success
from sessiontrack.schemas.fields import Name, Several, Tags, Text, TimeOfDay, limit, offset
from sessiontrack.senders.targets import LONGEST_URL
from sessiontrack.values.names import LONGEST_NAME
from sessiontrack.values.webhook_events import EVENT_TYPES
from sessiontrack.values.webhook_formats import FORMATS, JSON

STATES = ("pending", "delivered", "dead")


def _name(**more: Any) -> Name:
    return Name(least=1, most=LONGEST_NAME, metadata={"example": "pager"}, **more)


def _url(**more: Any) -> Text:
    described = {
        "description": "http or https, without user and password, to a public address or an allowed one.",
        "pattern": "^https?://[!-~]+$",
    }
    return Text(least=1, most=LONGEST_URL, metadata=described, **more)


def _events(**more: Any) -> Several:
    each = fields.String(validate=OneOf(EVENT_TYPES))
    described = {"description": "The types of events to send; left out or empty: all."}
    return Several(each, most=len(EVENT_TYPES), metadata=described, **more)


def _format(**more: Any) -> fields.String:
    described = {"description": "json: this API's own; the others are what such a receiver takes."}
    return fields.String(validate=OneOf(FORMATS), metadata=described, **more)


def _tags(**more: Any) -> Tags:
    described = {
        "example": ["office"],
        "description": "Of devices, only those with one of these tags; left out or empty: all.",
    }
    return Tags(metadata=described, **more)


def _quiet_from() -> TimeOfDay:
    return TimeOfDay(
        metadata={"description": "In site time: until quiet_to its deliveries wait, but for tests."}
    )


def _quiet_to() -> TimeOfDay:
    described = {"description": "The end of the quiet hours, also of the next day.", "example": "07:00"}
    return TimeOfDay(metadata=described)


class AddWebhook(Strict):
    """`POST /webhooks`."""

    name = _name(required=True)
    url = _url(required=True)
    events = _events(load_default=list)
    tags = _tags(load_default="")
    format = _format(load_default=JSON)
    quiet_from = _quiet_from()
    quiet_to = _quiet_to()


class ChangeWebhook(Strict):
    """`PATCH /webhooks/<id>`; what is left out stays as it is, and no event means all events.

    Quiet hours are changed together, or both cleared.
    """

    cleared: ClassVar[Mapping[str, Any]] = {
        **{"events": [], "tags": "", "format": JSON},
        **{"quiet_from": None, "quiet_to": None},
    }

    name = _name()
    url = _url()
    events = _events()
    tags = _tags()
    format = _format()
    quiet_from = _quiet_from()
    quiet_to = _quiet_to()


class RetryDeliveries(Strict):
    """`POST /webhooks/<id>/retry`."""

    delivery = Text(
        most=36,
        load_default="",
        metadata={
            "description": "The id of one delivery, whatever its state; left out: all dead ones.",
        },
    )


class ListWebhooks(Strict):
    """`GET /webhooks`."""

    limit = limit(100)
    offset = offset()


class ListDeliveries(ListWebhooks):
    """`GET /webhooks/<id>/deliveries`."""

    state = fields.String(
        load_default=None,
        allow_none=False,
        validate=OneOf(STATES),
        metadata={"description": "Only those; left out: all."},
    )


class WebhookAnswer(Answer):
    """A webhook, without its secret and the path of its URL; instants are epoch seconds."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    url = fields.String(required=True, metadata={"description": "The host; what follows may be a secret."})
    format = fields.String(required=True, validate=OneOf(FORMATS))
    quiet_from = fields.String(
        required=True, allow_none=True, metadata={"description": "HH:MM in site time; null: none."}
    )
    quiet_to = fields.String(required=True, allow_none=True, metadata={"description": "HH:MM in site time."})
    events = fields.List(fields.String(), required=True)
    tags = fields.List(fields.String(), required=True, metadata={"description": "Empty: all devices."})
    created_at = fields.Integer(required=True)
    last_delivered_at = fields.Integer(required=True, allow_none=True)
    last_error = fields.String(required=True)
    failures = fields.Integer(
        required=True, metadata={"description": "Attempts that failed since the last one that did not."}
    )
    pending = fields.Integer(required=True)
    dead = fields.Integer(required=True)
    dropped = fields.Integer(
        required=True, metadata={"description": "Deliveries that there was no room for."}
    )


class AddedWebhookAnswer(Answer):
    """A new webhook with its secret: the only time that it is shown."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    secret = fields.String(required=True)


class DeliveryAnswer(Answer):
    """A delivery; instants are epoch seconds."""

    id = fields.String(required=True)
    webhook = fields.String(required=True)
    type = fields.String(required=True)
    state = fields.String(required=True, validate=OneOf(STATES))
    attempts = fields.Integer(required=True)
    status = fields.Integer(required=True, allow_none=True)
    error = fields.String(required=True)
    created_at = fields.Integer(required=True)
    next_at = fields.Integer(required=True, allow_none=True)
    finished_at = fields.Integer(required=True, allow_none=True)


class OneWebhookAnswer(Success):
    """One webhook."""

    webhook = fields.Nested(WebhookAnswer, required=True)


class TestedAnswer(MessageAnswer):
    """A test delivery is on its way."""

    delivery = fields.String(required=True, metadata={"description": "Its id, as deliveries are listed by."})


class RetriedAnswer(MessageAnswer):
    """So many deliveries are tried anew."""

    retried = fields.Integer(required=True)
