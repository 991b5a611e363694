"""`sessiontrack listen`: takes what other programs tell of devices."""

import signal
from types import FrameType

import click

from sessiontrack.cli.application import prepared_app
from sessiontrack.config import Settings
from sessiontrack.exceptions import InvalidSetting
from sessiontrack.listeners.radius import RadiusServer
from sessiontrack.services.presence import PresenceRules


@click.group()
def listen() -> None:
    """Take what RADIUS clients, DHCP servers and access points tell of devices.

    Example: sessiontrack listen radius --host 10.0.0.2
    """


@listen.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=1813, show_default=True, type=click.IntRange(1, 65535), help="UDP port.")
def radius(host: str, port: int) -> None:
    """Serve RADIUS accounting until SIGTERM or SIGINT.

    Who may send, and with which secret, is the setting RADIUS_CLIENTS. A packet is answered once it is
    stored.

    Example: SESSIONTRACK_RADIUS_CLIENTS="10.0.0.1=secret" sessiontrack listen radius --host 10.0.0.2
    """
    app = prepared_app()
    settings: Settings = app.extensions["sessiontrack.settings"]
    if not settings.radius_clients:
        raise InvalidSetting("RADIUS_CLIENTS is empty, so nobody may send; give <address>=<secret>.")
    with app.app_context():
        try:
            server = RadiusServer(host, port, settings.radius_clients, PresenceRules.of(settings))
        except OSError as error:
            raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror}.") from error

        def end(number: int, frame: FrameType | None) -> None:
            server.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        click.echo(f"Listening for RADIUS accounting on {host}:{port}  (Ctrl-C ends it)")
        server.serve(lambda line: click.echo(line, err=True))
