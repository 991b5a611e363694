"""The application: puts all parts together."""

from collections.abc import Mapping

from flask import Flask

from sessiontrack.base import create_base_app
from sessiontrack.blueprints import (
    auth,
    backups,
    device_sessions,
    devices,
    doctor,
    embedding,
    health,
    monitoring,
    now,
    presence,
    presence_at,
    presence_shares,
    timeline,
    user_session_files,
    user_sessions,
    users,
    web,
    webhooks,
)
from sessiontrack.blueprints import settings as settings_page
from sessiontrack.config import describe_settings, settings_of
from sessiontrack.http import (
    answer_headers,
    authentication,
    endpoint,
    errors,
    hosts,
    json_body,
    login_places,
    openapi,
    proxies,
)
from sessiontrack.http.backup_name_converter import BackupNameConverter
from sessiontrack.http.mac_converter import MacConverter
from sessiontrack.http.request_limits import RequestLimits
from sessiontrack.http.row_id_converter import RowIdConverter
from sessiontrack.http.url_map import UrlMap, UrlRule
from sessiontrack.monitoring import metrics
from sessiontrack.monitoring.readiness import Readiness
from sessiontrack.process import instance, request_log


def create_app(overrides: Mapping[str, object] | None = None) -> Flask:
    """Implements `create_app` of this package."""
    app = create_base_app(overrides)
    settings = settings_of(app)
    app.extensions["sessiontrack.described_settings"] = describe_settings(overrides)
    app.url_rule_class = UrlRule
    converters = {"mac": MacConverter, "row_id": RowIdConverter, "backup": BackupNameConverter}
    # A doubled slash is another address, and is not there; Werkzeug would redirect, in HTML.
    app.url_map = UrlMap(merge_slashes=False, converters=converters)
    # Ignore FLASK_DEBUG: a debugger would show the program's internals in answers.
    app.debug = False
    app.config["MAX_CONTENT_LENGTH"] = json_body.SMALL.length
    hosts.init_app(app, settings.trusted_hosts)
    authentication.init_app(app, settings, instance.signing_key(settings.instance))
    login_places.init_app(app, settings.threads)
    resources = (
        device_sessions,
        devices,
        presence,
        now,
        presence_at,
        presence_shares,
        timeline,
        user_session_files,
        user_sessions,
        auth,
        users,
        webhooks,
        settings_page,
        doctor,
        backups,
        health,
        monitoring,
    )
    blueprints = [resource.blueprint for resource in resources]
    endpoint.init_app(app, blueprints)
    openapi.init_app(app, blueprints)
    now.init_app(app)
    backups.init_app(app)
    embedding.init_app(app)
    errors.init_app(app)
    web.init_app(app)
    answer_headers.init_app(app)
    app.extensions["sessiontrack.readiness"] = Readiness()
    app.extensions["sessiontrack.metrics"] = counted = metrics.RequestMetrics()
    request_log.init_app(app, counted.observe, timed=settings.server_timing == "on")
    app.wsgi_app = proxies.TrustedProxies(  # type: ignore[method-assign]
        app.wsgi_app, settings.trusted_proxies, settings.auth_proxy_header
    )
    app.wsgi_app = RequestLimits(app.wsgi_app)  # type: ignore[method-assign]
    return app
