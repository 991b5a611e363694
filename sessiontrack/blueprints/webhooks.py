"""The receivers of notifications: `/webhooks`."""

from typing import Any

from flask import Response, g

from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.http import examples
from sessiontrack.http.answers import PAGING_HEADERS, answer, list_answer
from sessiontrack.http.endpoint import Blueprint, settings
from sessiontrack.queries import webhooks as queries
from sessiontrack.schemas import webhooks as schemas
from sessiontrack.schemas.accounts import MessageAnswer
from sessiontrack.schemas.base import Nothing
from sessiontrack.senders.signatures import new_secret
from sessiontrack.senders.targets import check_target
from sessiontrack.services import announcing, deliveries
from sessiontrack.services import webhooks as services
from sessiontrack.values.roles import ADMIN

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks", description="Telling others by HTTP.")


@blueprint.endpoint(
    "",
    role=ADMIN,
    query=schemas.ListWebhooks,
    answer=schemas.WebhookAnswer(many=True),
    example=examples.WEBHOOKS,
    headers=PAGING_HEADERS,
)
def list_(query: dict[str, Any]) -> Response:
    """List webhooks, without their secrets"""
    limit, offset = query["limit"], query["offset"]
    return list_answer(
        lambda tx: iter(queries.list_webhooks(tx, limit, offset)),
        queries.count_webhooks,
        limit=limit,
        offset=offset,
    )


@blueprint.endpoint(
    "",
    method="POST",
    role=ADMIN,
    body=schemas.AddWebhook,
    body_example={"name": "pager", "url": "https://pager.example/hook", "events": ["Device Down"]},
    answer=schemas.AddedWebhookAnswer,
    example=examples.ADDED_WEBHOOK,
    errors=(409,),
)
def add(body: dict[str, Any]) -> Response:
    """Add a webhook, which is notified from now on; the secret is shown this once"""
    name, url, secret = body["name"], body["url"], new_secret()
    _check(url)
    with write_transaction() as tx:
        webhook_id = services.add_webhook(tx, g.now, name, url, secret, body["events"], body["format"])
        services.set_tags(tx, webhook_id, body["tags"])
        services.set_quiet_hours(tx, webhook_id, body.get("quiet_from"), body.get("quiet_to"))
    response = answer({"id": webhook_id, "name": name, "secret": secret})
    response.headers["Cache-Control"] = "no-store"
    return response


def _check(url: str) -> None:
    """Refuse a URL that leads where a webhook may not."""
    try:
        check_target(url, settings().webhook_allow)
    except InvalidInput as error:
        raise InvalidInput(error.message, {"url": [error.message]}) from error


@blueprint.endpoint(
    "/<row_id:webhook_id>",
    method="PATCH",
    role=ADMIN,
    body=schemas.ChangeWebhook,
    body_example={"events": ["Device Down", "Down Reconnected"]},
    answer=schemas.OneWebhookAnswer,
    example={"success": True, "webhook": examples.WEBHOOKS[0]},
    errors=(404, 409),
)
def change(body: dict[str, Any], webhook_id: int) -> Response:
    """Change a webhook's name, URL, format, events, tags or quiet hours; its secret stays"""
    if "url" in body:
        _check(body["url"])
    with write_transaction() as tx:
        services.change_webhook(tx, webhook_id, body)
        (found,) = queries.list_webhooks(tx, webhook_id=webhook_id)
    return answer({"success": True, "webhook": found})


@blueprint.endpoint(
    "/<row_id:webhook_id>",
    method="DELETE",
    role=ADMIN,
    body=Nothing,
    answer=MessageAnswer,
    example={"success": True, "message": "Removed webhook 1"},
    errors=(404,),
)
def remove(webhook_id: int) -> Response:
    """Remove a webhook, with the notifications that still wait for it"""
    with write_transaction() as tx:
        services.remove_webhook(tx, webhook_id)
    return answer({"success": True, "message": f"Removed webhook {webhook_id}"})


@blueprint.endpoint(
    "/<row_id:webhook_id>/test",
    method="POST",
    role=ADMIN,
    body=Nothing,
    answer=schemas.TestedAnswer,
    example=examples.TESTED_WEBHOOK,
    errors=(404,),
    needs_time=True,
)
def test(webhook_id: int) -> Response:
    """Put a test delivery into the outbox; the list of deliveries shows its outcome"""
    with write_transaction() as tx:
        services.get_receiver(tx, webhook_id)
        delivery_id = announcing.announce_test(tx, g.now, webhook_id)
    message = f"A test delivery to webhook {webhook_id} is on its way"
    return answer({"success": True, "message": message, "delivery": delivery_id})


@blueprint.endpoint(
    "/<row_id:webhook_id>/deliveries",
    role=ADMIN,
    query=schemas.ListDeliveries,
    answer=schemas.DeliveryAnswer(many=True),
    example=examples.DELIVERIES,
    headers=PAGING_HEADERS,
    errors=(404,),
)
def list_deliveries(query: dict[str, Any], webhook_id: int) -> Response:
    """The notifications of a webhook that were sent, wait, or were given up; newest first"""
    limit, offset, state = query["limit"], query["offset"], query["state"] or ""
    with read_transaction() as tx:
        services.get_receiver(tx, webhook_id)
    return list_answer(
        lambda tx: queries.list_deliveries(tx, limit, offset, webhook_id, state),
        lambda tx: queries.count_deliveries(tx, webhook_id, state),
        limit=limit,
        offset=offset,
    )


@blueprint.endpoint(
    "/<row_id:webhook_id>/retry",
    method="POST",
    role=ADMIN,
    body=schemas.RetryDeliveries,
    body_required=False,
    answer=schemas.RetriedAnswer,
    example={"success": True, "message": "3 to be tried again", "retried": 3},
    errors=(404,),
    needs_time=True,
)
def retry(body: dict[str, Any], webhook_id: int) -> Response:
    """Try a webhook's dead deliveries anew, or send one delivery again"""
    with write_transaction() as tx:
        services.get_receiver(tx, webhook_id)
        if body["delivery"]:
            retried = deliveries.retry_one(tx, g.now, webhook_id, body["delivery"])
        else:
            retried = deliveries.retry_dead(tx, g.now, webhook_id)
    return answer({"success": True, "message": f"{retried} to be tried again", "retried": retried})
