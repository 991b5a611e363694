"""What every call has in common: who may make it, what it takes, how it is documented."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import RAISE, Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser

from sessiontrack import clock
from sessiontrack.blueprints.json_body import read_json_object
from sessiontrack.config import Settings
from sessiontrack.db import read_transaction
from sessiontrack.errors import CODES, invalid_fields
from sessiontrack.exceptions import Forbidden, InvalidInput, InvalidPeriod
from sessiontrack.periods import Period, window_start
from sessiontrack.roles import includes
from sessiontrack.schemas.base import ErrorAnswer, Nothing
from sessiontrack.schemas.fields import read_times_in
from sessiontrack.tokens import Principal, identify

# Calendar and table widgets append these by themselves.
IGNORED_PARAMETERS = frozenset({"timeZone", "_", "draw"})
View = Callable[..., Response]


class StrictParser(FlaskParser):
    """Reads bodies as JSON whatever their Content-Type, and of a repeated parameter the first."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}  # noqa: RUF012 - webargs' own form

    def load_json(self, req: Any, schema: Schema) -> Any:
        """The body, which must be a JSON object."""
        return read_json_object(req)

    def load_querystring(self, req: Any, schema: Schema) -> Any:
        """The parameters by name; a list where the schema has a list."""
        several = {f.data_key for f in schema.load_fields.values() if isinstance(f, fields.List)}
        return {
            name: req.args.getlist(name) if name in several else values[0]
            for name, values in req.args.lists()
            if name not in IGNORED_PARAMETERS
        }

    def handle_error(self, error: ValidationError, *args: Any, **kwargs: Any) -> Any:
        """As every error."""
        messages = error.messages
        if isinstance(messages, dict) and len(messages) == 1:
            (location,) = messages
            if location in ("json", "query"):
                error = ValidationError(messages[location])
        raise invalid_fields(error)


class Blueprint(SmorestBlueprint):  # type: ignore[misc]  # it has no types
    """A resource: its calls, each declared by `endpoint`."""

    ARGUMENTS_PARSER = StrictParser()

    def endpoint(
        self,
        rule: str,
        *,
        role: str | None,
        answer: type[Schema] | Schema | dict[str, Any],
        method: str = "GET",
        query: type[Schema] = Nothing,
        body: type[Schema] | None = None,
        token: str = "access",
        writes: bool | None = None,
        example: Any = None,
        body_example: Any = None,
        body_required: bool = True,
        headers: Mapping[str, Any] | None = None,
        errors: Iterable[int] = (),
        endpoint: str | None = None,
    ) -> Callable[[View], View]:
        """Declare a call: its token and role, parameters, body, answer and errors.

        The view is called with the loaded query, then the loaded body where there is one, then the
        parts of the path; `g.now` is the one reading of the clock, `g.principal` who asks.

        Args:
            role: the least role that may call it; None for everybody, without a token.
            token: which kind of token is due, "access" or "refresh".
            writes: whether a cookie needs its CSRF token; None: all but GET.
            errors: statuses beyond those that every call can answer.
            endpoint: a name of its own, for a view that answers more than one call.
        """
        statuses = {400, 500, 503, *errors} | ({401, 403} if role else set())

        def declare(view: View) -> View:
            made = self.response(200, answer, example=example, headers=headers)(view)
            if body is not None:
                made = self.arguments(body, example=body_example, required=body_required)(made)
            made = self.arguments(query, location="query")(made)
            if role is not None:
                needs_csrf = method != "GET" if writes is None else writes
                made = _signed_in(made, role, token, needs_csrf)
                made = self.doc(security=[{"bearer": []}])(made)
            else:
                made = self.doc(security=[])(made)
            for status in sorted(statuses):
                made = self.alt_response(
                    status,
                    schema=ErrorAnswer,
                    description=HTTPStatus(status).phrase,
                    example=_error_example(status),
                )(made)
            self.add_url_rule(rule, endpoint or view.__name__, made, methods=[method])
            return view

        return declare


def _signed_in(view: View, role: str, kind: str, writes: bool) -> View:
    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Response:
        with read_transaction() as tx:
            principal = identify(tx, request, g.now, kind=kind, writes=writes)
        if not includes(principal.role, role):
            raise Forbidden(f"This needs the role {role}; {principal.username} is {principal.role}.")
        g.principal = principal
        return view(*args, **kwargs)

    return checked


def _error_example(status: int) -> dict[str, Any]:
    error, message = CODES[status]
    return {"success": False, "error": error, "message": message}


def settings() -> Settings:
    """The settings of the application that answers."""
    found: Settings = current_app.extensions["sessiontrack.settings"]
    return found


def principal() -> Principal:
    """Who asks."""
    found: Principal = g.principal
    return found


def draw() -> dict[str, int]:
    """DataTables' counter, to be sent back as a number and never as the text it came in."""
    sent = request.args.get("draw", "")
    return {"draw": int(sent)} if sent.isascii() and sent.isdigit() and len(sent) < 10 else {}


def period_start(period: Period) -> int:
    """The first instant of [now - period, now], in site time.

    Raises:
        InvalidInput: that would be before 1970.
    """
    try:
        return window_start(period, g.now, settings().timezone)
    except InvalidPeriod as error:
        raise InvalidInput(error.message, {"period": [error.message]}) from error


def _begin_request() -> None:
    g.now = clock.now()
    read_times_in(settings().timezone)


class _Api(Api):  # type: ignore[misc]  # it has no types
    """flask-smorest, with its errors left to errors.py."""

    ERROR_SCHEMA = ErrorAnswer

    def _register_error_handlers(self) -> None:
        pass


def init_app(app: Flask, blueprints: Iterable[Blueprint]) -> None:
    """Register the resources and their OpenAPI document."""
    app.before_request(_begin_request)
    api = _Api(app)
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
