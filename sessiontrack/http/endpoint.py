"""What every call has in common: who may make it, and what it takes; openapi_document.py documents it."""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import flask
from flask import Flask, Response, current_app, g, request
from marshmallow import Schema, ValidationError, fields
from werkzeug.exceptions import NotFound as HttpNotFound

from sessiontrack import clock
from sessiontrack.config import Settings, settings_of
from sessiontrack.database import look_up, write_transaction
from sessiontrack.database.transactions import limit_reads, mark_writes_of, read_from_replica, written_by
from sessiontrack.exceptions import (
    Contention,
    Forbidden,
    InvalidInput,
    InvalidMac,
    UnknownProxyUser,
)
from sessiontrack.http.authentication import Principal, check_origin, identify, named_by_proxy
from sessiontrack.http.errors import MOST_FIELDS, invalid_fields, refused_fields
from sessiontrack.http.etags import JSON
from sessiontrack.http.json_body import SMALL, BodyLimits, is_form, read_form, read_json_object
from sessiontrack.schemas.base import Nothing, Strict
from sessiontrack.schemas.fields import read_times_in
from sessiontrack.services import users
from sessiontrack.services.clock_door import ClockDoor
from sessiontrack.services.uses import Uses
from sessiontrack.values.macs import parse_mac
from sessiontrack.values.names import has_control_characters
from sessiontrack.values.periods import window_start
from sessiontrack.values.roles import ADMIN, includes
from sessiontrack.values.timestamps import EARLIEST

log = logging.getLogger(__name__)
# Calendar and table widgets append these by themselves.
IGNORED_PARAMETERS = frozenset({"timeZone", "timezone", "_", "draw"})
# Queries of each call that were read, by their text.
MOST_REMEMBERED = 256
LONGEST_REMEMBERED = 500
ATTEMPTS = 3
View = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it was declared; the OpenAPI document is made of these."""

    rule: str
    endpoint: str
    method: str
    view: View
    role: str | None
    query: type[Strict]
    body: type[Strict] | None
    body_example: Any
    body_required: bool
    answer: type[Schema] | Schema | dict[str, Any]
    example: Any
    headers: Mapping[str, Any] | None
    content_type: str
    errors: frozenset[int]


class Blueprint(flask.Blueprint):
    """A resource: its calls, each declared by `endpoint`."""

    def __init__(
        self, name: str, import_name: str, *, description: str, url_prefix: str | None = None
    ) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix)
        self.description = description
        self.calls: list[Call] = []

    def endpoint(  # type: ignore[override]  # Flask's own names a function, which nobody does here
        self,
        rule: str,
        *,
        role: str | None,
        answer: type[Schema] | Schema | dict[str, Any],
        method: str = "GET",
        query: type[Strict] = Nothing,
        body: type[Strict] | None = None,
        token: str = "access",
        writes: bool | None = None,
        needs_time: bool = False,
        example: Any = None,
        body_example: Any = None,
        body_required: bool = True,
        takes_form: bool = False,
        headers: Mapping[str, Any] | None = None,
        errors: Iterable[int] = (),
        endpoint: str | None = None,
        content_type: str = JSON,
        limits: BodyLimits = SMALL,
        is_open: Callable[[], bool] = lambda: False,
    ) -> Callable[[View], View]:
        """Declare a call: its token and role, parameters, body, answer and errors.

        The view is called with the loaded query and the loaded body, where they may have something in
        them, then the parts of the path; `g.now` is the one reading of the clock, `g.principal` who asks.

        Args:
            role: the least role that may call it; None for everybody, without a token.
            token: which kind of token is due, "access" or "refresh".
            writes: whether a cookie needs its CSRF token; None: all but GET.
            body_required: whether a body with fields must be sent.
            takes_form: whether the body may be a form.
            needs_time: it records something as of now, which waits until the clock can be right.
            errors: statuses beyond those that every call can answer.
            endpoint: a name of its own, for a view that answers more than one call.
            content_type: of what it answers where that is not JSON.
            limits: how much of a body it takes.
            is_open: whether this request may come without a token all the same.
        """
        unreadable_path = {404} if "<" in rule else set()
        of_body = set() if body is None else {413, 415}
        of_role = {401, 403} if role else set()
        statuses = frozenset({400, 500, 503, *errors} | of_role | of_body | unreadable_path)
        needs_csrf = method != "GET" if writes is None else writes
        read_query = _query_reader(query())
        # A call that takes no body takes an empty one: fields in it are unknown fields, as anywhere.
        read_body = _body_reader((body or Nothing)(), limits, takes_form=takes_form)

        def declare(view: View) -> View:
            name = endpoint or view.__name__

            def called(**path: Any) -> Response:
                if role is not None and not is_open():
                    _check_role(_signed_in(token, needs_csrf), role)
                read = ((query, read_query()), (body, read_body()))
                given = [loaded for schema, loaded in read if schema not in (None, Nothing)]
                if needs_time and (door := clock_door()) is not None:
                    door.pass_through(g.now)
                return _answered(lambda: view(*given, **path))

            self.add_url_rule(rule, name, called, methods=[method])
            self.calls.append(
                Call(
                    rule=rule,
                    endpoint=name,
                    method=method,
                    view=view,
                    role=role,
                    query=query,
                    body=body,
                    body_example=body_example,
                    body_required=body_required and body is not Nothing,
                    answer=answer,
                    example=example,
                    headers=headers,
                    content_type=content_type,
                    errors=statuses,
                )
            )
            return view

        return declare


def _answered(answer: Callable[[], Response]) -> Response:
    """The view's answer; a transaction that conflicted with another one is retried a few times."""
    for _ in range(ATTEMPTS - 1):
        with suppress(Contention):
            return answer()
    return answer()


def _signed_in(kind: str, writes: bool) -> Principal:
    """The caller."""
    position = None
    try:
        # Never from a replica: what was revoked holds at once.
        with look_up() as tx:
            # The log names the caller also where the write is refused.
            g.principal = found = identify(tx, request, g.now, kind=kind)
            if writes:
                check_origin(request, g.now, kind)
            position = written_by(tx, found.login_key)
    except UnknownProxyUser:
        if writes:
            check_origin(request, g.now, kind)
        g.principal = found = sign_in_first(kind)
    if position is not None:
        mark_writes_of(found.login_key)
        if request.method == "GET":
            read_from_replica(position)
    uses().note(found.login_key, g.now)
    return found


def _check_role(caller: Principal, role: str) -> None:
    """Refuse a call that needs more than the caller's role."""
    if not includes(caller.role, role):
        # A token may have less than its user.
        who = f"This token of {caller.username}" if caller.kind == "token" else caller.username
        raise Forbidden(f"{who} has the role {caller.role}; this needs the role {role}.")


def sign_in_first(kind: str) -> Principal:
    """Make a user of a name that a trusted proxy gives for the first time; of two requests, one does."""
    with write_transaction() as tx:
        named = named_by_proxy(request) or ""
        users.add_user_from_proxy(tx, g.now, named, settings().auth_proxy_role)
        found = identify(tx, request, g.now, kind=kind)
    log.info("Signed in for the first time: %r, named by the proxy", named)
    return found


def _query_reader(schema: Strict) -> Callable[[], dict[str, Any]]:
    """Reads the parameters, of a repeated one the first; a list, without empty ones, for a list."""
    several = {field.data_key for field in schema.load_fields.values() if isinstance(field, fields.List)}
    remembered: dict[tuple[str, bytes], dict[str, Any]] = {}

    def read() -> dict[str, Any]:
        # Polling clients repeat the same query; parsing depends only on the site's zone.
        key = (settings().timezone.name, request.query_string)
        known = remembered.get(key)
        if known is not None:
            return dict(known)
        given = {
            name: [each for each in values if each] if name in several else values[0]
            for name, values in request.args.lists()
            if name not in IGNORED_PARAMETERS
        }
        loaded: dict[str, Any] = load(schema, given)
        if len(key[1]) <= LONGEST_REMEMBERED:
            if len(remembered) >= MOST_REMEMBERED:
                remembered.clear()
            remembered[key] = dict(loaded)
        return loaded

    return read


def _body_reader(schema: Strict, limits: BodyLimits, *, takes_form: bool) -> Callable[[], Any]:
    """Reads the body: a JSON object whatever its Content-Type, or a form where that is taken."""
    takes_nothing = not schema.fields

    def read() -> Any:
        if limits is not SMALL:  # All others have the application's limit.
            request.max_content_length = limits.length
        body = read_form(request) if takes_form and is_form(request) else read_json_object(request, limits)
        return body if takes_nothing and not body else load(schema, body)

    return read


def load(schema: Strict, sent: Mapping[str, Any]) -> Any:
    """What was sent, read by a schema: a dict, or what the schema makes of it.

    Many unknown names are counted here: marshmallow would take the square of their number.

    Raises:
        ValidationError: something is unknown, missing or invalid.
        InvalidInput: so much is unknown that the rest is not looked at.
    """
    given = schema.in_own_names(sent)
    if len(given) > len(schema.load_fields) + MOST_FIELDS:
        unknown = given.keys() - {field.data_key or name for name, field in schema.load_fields.items()}
        first = islice(filter(unknown.__contains__, given), MOST_FIELDS)
        raise refused_fields({name: ["Unknown field."] for name in first}, len(unknown) - MOST_FIELDS)
    try:
        return schema.load_given(given)
    except ValidationError as error:
        raise _naming_the_known(error, schema) from error


def _naming_the_known(error: ValidationError, schema: Strict) -> InvalidInput:
    """What is wrong; where that is an unknown name, with those that are known."""
    refused = invalid_fields(error)
    known = [field.data_key or name for name, field in schema.load_fields.items()]
    if isinstance(error.messages, list) or error.messages.keys() <= {*known, "_schema"}:
        return refused
    return InvalidInput(f"{refused.message} Known: {', '.join(known) or 'none'}.", refused.errors)


def settings() -> Settings:
    """The settings of the application that answers."""
    return settings_of(current_app)


def uses() -> Uses:
    """When logins and tokens were used in this process."""
    found: Uses = current_app.extensions["sessiontrack.uses"]
    return found


def clock_door() -> ClockDoor | None:
    """The check that the clock can be right; None where WAIT_FOR_CLOCK is off, and in commands."""
    found: ClockDoor | None = current_app.extensions.get("sessiontrack.clock_door")
    return found


def principal() -> Principal:
    """The caller."""
    found: Principal = g.principal
    return found


def seen_user() -> str | None:
    """The only user whose sessions the caller may see; None: all users'."""
    asking = principal()
    sees_all = settings().user_sessions_visible == "all" or asking.role == ADMIN
    return None if sees_all else asking.username


def draw() -> dict[str, int]:
    """DataTables' counter, to be sent back as a number and never as the text it came in."""
    sent = request.args.get("draw", "")
    return {"draw": int(sent)} if sent.isascii() and sent.isdigit() and len(sent) < 10 else {}


def window(query: dict[str, Any]) -> tuple[int, int | None]:
    """The first instant of what an InPeriod asks for, and the first one after it; None: up to now."""
    start: int | None = query["start"]
    end: int | None = query["end"]
    if start is None:
        start = window_start(query["period"], g.now if end is None else end, settings().timezone)
    return start, end


def window_text(query: dict[str, Any]) -> str:
    """The same for people: the period, or an interval as ISO 8601 writes it."""
    if query["start"] is None and query["end"] is None:
        return str(query["period"])
    site = settings().timezone
    start, end = window(query)
    return f"{site.format_offset(start)}/{site.format_offset(g.now if end is None else end)}"


def file_name(what: str, start: int | None, end: int | None) -> str:
    """The name of a CSV file about [start, end): with its first and its last day at the site.

    Args:
        start: None, and the beginning of all time: without it.
        end: None: up to now.
    """
    site = settings().timezone
    last = site.format_minute(g.now if end is None else end - 1)[:10]
    first = site.format_minute(start)[:10] if start not in (None, EARLIEST) else last
    days = last if first == last else f"{first}-to-{last}"
    return f"sessiontrack-{what}-{days}.csv"


def mac_in_path(text: str) -> str:
    """The MAC address in a path, canonical.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return parse_mac(text)
    except InvalidMac as error:
        raise InvalidInput(error.message, {"mac": [error.message]}) from error


def _begin_request() -> None:
    # No path here has a control character; file systems and PostgreSQL fail at NUL.
    if has_control_characters(request.path):
        raise HttpNotFound
    g.now = clock.now()
    found = settings()
    limit_reads(found.read_timeout_seconds)
    read_times_in(found.timezone)


def init_app(app: Flask, blueprints: Iterable[Blueprint]) -> None:
    """Register the resources."""
    app.extensions["sessiontrack.uses"] = Uses()
    app.before_request(_begin_request)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
