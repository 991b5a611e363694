"""Who may sign in: `/users`, for admins."""

from typing import Any

from flask import Response, g

from sessiontrack.database import Transaction, write_transaction
from sessiontrack.exceptions import NotFound
from sessiontrack.http import examples
from sessiontrack.http.answers import PAGING_HEADERS, answer, list_answer
from sessiontrack.http.endpoint import Blueprint, settings
from sessiontrack.process.instance import forget_initial_password
from sessiontrack.queries import accounts as queries
from sessiontrack.schemas import users as schemas
from sessiontrack.schemas.accounts import MessageAnswer
from sessiontrack.schemas.base import Nothing
from sessiontrack.services import users as services
from sessiontrack.values.roles import ADMIN

blueprint = Blueprint("users", __name__, url_prefix="/users", description="Who may sign in.")


@blueprint.endpoint(
    "",
    role=ADMIN,
    query=schemas.ListUsers,
    answer=schemas.UserAnswer(many=True),
    example=[examples.USER],
    headers=PAGING_HEADERS,
)
def list_(query: dict[str, Any]) -> Response:
    """List users by name"""
    limit, offset = query["limit"], query["offset"]
    return list_answer(
        lambda tx: iter(queries.list_users(tx)[offset : offset + limit]),
        lambda tx: len(queries.list_users(tx)),
        limit=limit,
        offset=offset,
    )


@blueprint.endpoint(
    "",
    method="POST",
    role=ADMIN,
    body=schemas.AddUser,
    body_example={"username": "anna", "password": "the password", "role": "operator"},
    answer=schemas.OneUserAnswer,
    example={"success": True, "user": examples.USER},
    errors=(409,),
)
def add(body: dict[str, Any]) -> Response:
    """Add a user"""
    username = body["username"]
    # Hashing takes a tenth of a second: not while others wait to write.
    password_hash = services.hash_password(body["password"])
    with write_transaction() as tx:
        services.add_user(tx, g.now, username, password_hash, body["role"])
        found = _user(tx, username)
    return answer({"success": True, "user": found})


@blueprint.endpoint(
    "/<path:username>",
    method="PATCH",
    role=ADMIN,
    body=schemas.ChangeUser,
    body_example={"role": "viewer"},
    answer=schemas.OneUserAnswer,
    example={"success": True, "user": examples.USER},
    errors=(404, 409),
)
def change(body: dict[str, Any], username: str) -> Response:
    """Change a user's password or role, or disable the user; all of it or nothing"""
    alive = settings().session_alive_seconds
    password_hash = services.hash_password(body["password"]) if "password" in body else None
    with write_transaction() as tx:
        if "role" in body:
            services.set_role(tx, username, body["role"])
        if body.get("disabled") is True:
            services.disable_user(tx, g.now, username, alive)
        elif "disabled" in body:
            services.enable_user(tx, username)
        if password_hash is not None:
            services.set_password(tx, g.now, username, password_hash, alive)
        found = _user(tx, username)
    if password_hash is not None and username == services.FIRST_ADMIN:
        forget_initial_password(settings().instance)
    return answer({"success": True, "user": found})


@blueprint.endpoint(
    "/<path:username>",
    method="DELETE",
    role=ADMIN,
    body=Nothing,
    answer=MessageAnswer,
    example={"success": True, "message": "Removed anna"},
    errors=(404, 409),
)
def remove(username: str) -> Response:
    """Remove a user with all logins and tokens; past user sessions stay under the name"""
    with write_transaction() as tx:
        services.remove_user(tx, g.now, username, settings().session_alive_seconds)
    if username == services.FIRST_ADMIN:
        forget_initial_password(settings().instance)
    return answer({"success": True, "message": f"Removed {username}"})


def _user(tx: Transaction, username: str) -> dict[str, Any]:
    for user in queries.list_users(tx):
        if user["username"] == username:
            return user
    raise NotFound(f"There is no user {username}.")
