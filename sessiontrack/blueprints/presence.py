"""Evidence of presence: `/presence/...` (contract 6)."""

from typing import Any

from flask import Response, g

from sessiontrack.blueprints import examples
from sessiontrack.blueprints.answers import answer
from sessiontrack.blueprints.endpoint import Blueprint, settings
from sessiontrack.db import write_transaction
from sessiontrack.observations import Observation
from sessiontrack.roles import OPERATOR
from sessiontrack.schemas import presence as schemas
from sessiontrack.services.presence import Outcome, PresenceRules, observe_event, observe_scan

blueprint = Blueprint("presence", __name__, url_prefix="/presence", description="Evidence of presence.")


@blueprint.endpoint(
    "/scans",
    method="POST",
    role=OPERATOR,
    body=schemas.ScanBody,
    body_example=examples.SCAN,
    answer=schemas.PresenceAnswer,
    example=examples.SCAN_TAKEN,
    errors=(413,),
)
def scans(query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Take in who was seen at an instant; any order and any repetition give the same sessions"""
    rules = PresenceRules.of(settings())
    at = g.now if body["at"] is None else body["at"]
    remembered = [Observation(mac, is_sighting=False) for mac in body["remembered"]]
    devices = [*body["devices"], *remembered]
    with write_transaction() as tx:
        outcome = observe_scan(tx, g.now, body["source"], at, devices, rules, complete=body["complete"])
    return _answer(outcome)


@blueprint.endpoint(
    "/events",
    method="POST",
    role=OPERATOR,
    body=schemas.EventBody,
    body_example=examples.PRESENCE_EVENT,
    answer=schemas.PresenceAnswer,
    example=examples.EVENT_TAKEN,
    errors=(413,),
)
def events(query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Take in that one device connected, disconnected or was seen"""
    rules = PresenceRules.of(settings())
    at = g.now if body["at"] is None else body["at"]
    device = Observation(body["mac"], body["ip"] or "", name=body["name"])
    with write_transaction() as tx:
        outcome = observe_event(tx, g.now, body["source"], at, body["event"], device, rules, body["info"])
    return _answer(outcome)


def _answer(outcome: Outcome) -> Response:
    return answer({"success": True, **outcome.counts(), "suspicious": outcome.suspicious})
