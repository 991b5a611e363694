"""What Prometheus scrapes."""

from ipaddress import ip_address

from flask import Response, current_app, g, request

from sessiontrack.database import read_transaction
from sessiontrack.database.maintenance import database_sizes
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.http.endpoint import Blueprint, settings
from sessiontrack.monitoring.metrics import CONTENT_TYPE, RequestMetrics
from sessiontrack.monitoring.readiness import Readiness
from sessiontrack.process.last_backup import awaited_since, last_backup
from sessiontrack.queries.figures import Figures, read_figures
from sessiontrack.values.roles import VIEWER

blueprint = Blueprint("monitoring", __name__, description="What is worth watching.")
TEXT = {"type": "string"}
EXAMPLE = 'sessiontrack_requests_total{method="GET",route="/sessions/list",status="200"} 42.0\n'


def _is_allowed() -> bool:
    """Whether the client's address, which is its own and no proxy's, is in METRICS_ALLOW."""
    allowed = settings().metrics_allow
    if not allowed or not request.remote_addr:
        return False
    try:
        address = ip_address(request.remote_addr)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in allowed)


@blueprint.endpoint(
    "/metrics",
    role=VIEWER,
    answer=TEXT,
    example=EXAMPLE,
    content_type="text/plain",
    is_open=_is_allowed,
)
def metrics() -> Response:
    """Figures for Prometheus, in its text format; without a token from METRICS_ALLOW"""
    counted: RequestMetrics = current_app.extensions["sessiontrack.metrics"]
    return Response(counted.exposition(_figures()), content_type=CONTENT_TYPE)


def _figures() -> Figures | None:
    """None where the database cannot be read: the other counters are shown all the same."""
    readiness: Readiness = current_app.extensions["sessiontrack.readiness"]
    chosen = settings()
    is_writable = readiness.problem() is None
    try:
        with read_transaction() as tx:
            return read_figures(
                tx,
                g.now,
                chosen.session_alive_seconds,
                (chosen.flapping_connections, chosen.flapping_window),
                database_sizes(),
                is_writable=is_writable,
                last_backup=last_backup(chosen.instance),
                backup_awaited_since=awaited_since(chosen.instance),
            )
    except StorageUnavailable:
        return None
