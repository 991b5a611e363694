"""`sessiontrack listen`: takes what other programs report of devices."""

import logging
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click

from sessiontrack import clock
from sessiontrack.cli import work_as_owner
from sessiontrack.cli.application import prepared_app
from sessiontrack.cli.former_names import keep_former_name
from sessiontrack.config import Settings, load_settings, settings_of
from sessiontrack.database import write_transaction
from sessiontrack.exceptions import InvalidInput, InvalidSetting, RemoteFailed, SessiontrackError
from sessiontrack.listeners.hook_script import (
    OPENWRT_KEEP,
    OPENWRT_KEEP_LEASES,
    OPENWRT_LEASES,
    OPENWRT_LINES,
    OPENWRT_PATH,
    reporter,
    write_hook_script,
    write_openwrt_script,
)
from sessiontrack.listeners.radius import RadiusServer
from sessiontrack.presence.words import connected_by
from sessiontrack.process.supervisor import Supervisor
from sessiontrack.senders.remote import Remote, send_event
from sessiontrack.services.clock_door import ClockDoor, pass_once
from sessiontrack.services.presence import PresenceRules, observe_event
from sessiontrack.sources.hooks import read_lease_call, read_station_call
from sessiontrack.startup import log_start
from sessiontrack.values.observations import DeviceEvent
from sessiontrack.values.roles import VIEWER

log = logging.getLogger(__name__)


@click.group()
def listen() -> None:
    """Take what RADIUS clients, DHCP servers and access points report of devices.

    Example: sessiontrack listen radius --host 10.0.0.2
    """


@listen.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=1813, show_default=True, type=click.IntRange(1, 65535), help="UDP port.")
def radius(host: str, port: int) -> None:
    """Serve RADIUS accounting until SIGTERM or SIGINT.

    Who may send, and with which secret, is the setting RADIUS_CLIENTS, which SIGHUP reads anew. A packet is
    answered once it is stored.

    \b
    Example: sessiontrack listen radius --host 10.0.0.2
    Example: SESSIONTRACK_RADIUS_CLIENTS="10.0.0.1=secret" sessiontrack listen radius --host 10.0.0.2
    """
    work_as_owner()
    supervisor = Supervisor()
    app = prepared_app(is_service=True)
    settings = settings_of(app)
    _refuse_nobody(settings)
    with app.app_context(), supervisor:
        try:
            door: ClockDoor | None = app.extensions["sessiontrack.clock_door"]
            server = RadiusServer(host, port, settings.radius_clients, PresenceRules.of(settings), door)
        except OSError as error:
            raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror}.") from error

        def end(number: int, frame: FrameType | None) -> None:
            supervisor.stopping()
            server.stop()

        def read_anew(number: int, frame: FrameType | None) -> None:
            try:
                found = load_settings()
                _refuse_nobody(found)
            except SessiontrackError as error:
                log.error("The settings stay as they were: %s", error.message)
            else:
                server.use(found.radius_clients, PresenceRules.of(found))
                log.warning("RADIUS_CLIENTS and the rules of presence are read anew; the rest by a restart")

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        signal.signal(signal.SIGHUP, read_anew)
        click.echo(f"Listening for RADIUS accounting on {host}:{port}  (Ctrl-C ends it)")
        log_start(settings)
        supervisor.ready()
        server.serve(lambda line: click.echo(line, err=True), supervisor.alive)


def _refuse_nobody(settings: Settings) -> None:
    if not settings.radius_clients:
        raise InvalidSetting(
            "RADIUS_CLIENTS is empty, so nobody may send:"
            ' sessiontrack settings set RADIUS_CLIENTS "10.0.0.1=SECRET"'
        )


class _HookGroup(click.Group):
    """What is no subcommand's name is an argument of `record`: hooks are called with words of their own."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = args[0] in self.commands if args else False
        return super().resolve_command(ctx, args if known else ["record", *args])


WORDS = {"ignore_unknown_options": True}


def _where(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a service elsewhere."""
    url = click.option("--url", envvar="SESSIONTRACK_URL", default="", help="A sessiontrack elsewhere.")
    token = click.option(
        "--token", envvar="SESSIONTRACK_TOKEN", default="", help="Its API token, of the role operator."
    )
    return url(token(command))


def _named(command: Callable[..., None]) -> Callable[..., None]:
    """The option of the source's name."""
    source = click.option(
        "--source",
        envvar="SESSIONTRACK_SOURCE",
        default="",
        help="Name of this host as a source; otherwise after the host's name and the interface.",
    )
    return source(command)


@listen.group("dhcp-script", cls=_HookGroup)
def dhcp_script() -> None:
    """Take what dnsmasq says of its leases: what its --dhcp-script calls.

    \b
    Example: sessiontrack listen dhcp-script write /usr/local/lib/sessiontrack-dhcp
    """


@dhcp_script.command("write")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@_where
@_named
def write_dhcp_hook(path: Path, url: str, token: str, source: str) -> None:
    """Write the hook script, for dnsmasq's option dhcp-script=PATH.

    \b
    Example: sessiontrack listen dhcp-script write /usr/local/lib/sessiontrack-dhcp
    Example: sessiontrack listen dhcp-script write hook --url https://tracker.lan --token st_...
    """
    _write(path, "dhcp-script", url, token, source)
    click.echo(f"Give dnsmasq this option, and restart it:  dhcp-script={path.absolute()}")


@dhcp_script.command("record", context_settings=WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@_where
@_named
def record_lease(words: tuple[str, ...], url: str, token: str, source: str) -> None:
    """What the hook script calls: add, old or del, MAC address, IP address, host name.

    Other actions of dnsmasq are left alone. The word `record` may be left out.

    \b
    Example: sessiontrack listen dhcp-script record add aa:bb:cc:dd:ee:ff 192.168.1.20 laptop
    """
    now, late = clock.now(), load_settings().presence_late
    event = read_lease_call(words, os.environ, now, late, source or f"dhcp:{os.uname().nodename}")
    before = read_lease_call(words, os.environ, now, late)
    _record(event, before, now, url, token)


@listen.group(cls=_HookGroup)
def hostapd() -> None:
    """Take what an access point says of its stations: what `hostapd_cli -a` calls.

    \b
    Example: sessiontrack listen hostapd write /usr/local/lib/sessiontrack-hostapd
    """


@hostapd.command("write")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@_where
@_named
def write_hostapd_hook(path: Path, url: str, token: str, source: str) -> None:
    """Write the action script, for `hostapd_cli -B -r -a PATH`.

    \b
    Example: sessiontrack listen hostapd write /usr/local/lib/sessiontrack-hostapd
    """
    _write(path, "hostapd", url, token, source)
    line = reporter("wlan0", str(path.absolute()))
    click.echo(f"Run beside hostapd:  {line}\nIn root's crontab, for restarts:  @reboot /usr/sbin/{line}")


@hostapd.command("record", context_settings=WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@_where
@_named
def record_station(words: tuple[str, ...], url: str, token: str, source: str) -> None:
    """What the action script calls: interface, AP-STA-CONNECTED or AP-STA-DISCONNECTED, MAC address.

    Other events of hostapd are left alone. The word `record` may be left out.

    \b
    Example: sessiontrack listen hostapd record wlan0 AP-STA-CONNECTED aa:bb:cc:dd:ee:ff
    """
    now = clock.now()
    name = source or f"hostapd:{os.uname().nodename}:{words[0] if words else ''}"
    _record(read_station_call(words, now, name), read_station_call(words, now), now, url, token)


@listen.group()
def openwrt() -> None:
    """Take what an access point without Python says, by a shell script of ours.

    \b
    Example: sessiontrack listen openwrt write hook --url https://tracker.lan --token st_...
    """


@openwrt.command("write")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@_where
def write_openwrt_hook(path: Path, url: str, token: str) -> None:
    """Write the script, to be copied to the access point; it posts with curl or wget.

    \b
    Example: sessiontrack listen openwrt write hook --url https://tracker.lan --token st_...
    """
    if not url or not token:
        raise InvalidInput("The access point needs both --url and --token of this sessiontrack.")
    write_openwrt_script(path.absolute(), Remote(url, token).url, token)
    if (host := urlsplit(url).hostname or "") and is_loopback(host):
        click.echo(
            f"Note: {host} is each host's name for itself: give the URL that the access point uses.", err=True
        )
    _try(url, token)
    click.echo(
        "Copy it (scp needs an SFTP server, which OpenWrt has not):\n"
        f"  ssh root@router 'cat > {OPENWRT_PATH} && chmod 700 {OPENWRT_PATH}' < {shlex.quote(str(path))}\n"
        "On the access point, with the package hostapd-utils, for each interface of ubus list 'hostapd.*':\n"
        + "".join(f"  {line}\n" for line in (*OPENWRT_LINES, OPENWRT_KEEP))
        + "Only for names, and devices on cable; departures are then late:\n"
        f"  {OPENWRT_LEASES}\n  {OPENWRT_KEEP_LEASES}"
    )


def is_loopback(host: str) -> bool:
    """Whether a name or address means the host that asks."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


for each in (dhcp_script, hostapd, openwrt):
    keep_former_name(each, "write", former="install")


def _write(path: Path, listener: str, url: str, token: str, source: str) -> None:
    if bool(url) != bool(token):
        raise InvalidInput("A sessiontrack elsewhere needs both --url and --token.")
    # Beside this Python: the caller of the script has another PATH, and its installer may have one, too.
    command = shutil.which("sessiontrack", path=str(Path(sys.executable).parent)) or shutil.which(
        "sessiontrack"
    )
    if command is None:
        raise InvalidSetting("The command sessiontrack is not found; the script would not find it either.")
    instance = load_settings().instance
    write_hook_script(path.absolute(), str(Path(command).absolute()), listener, instance, url, token, source)
    if url:
        _try(url, token)


def _try(url: str, token: str) -> None:
    """Say what keeps the script from sending there; it is written all the same, perhaps for another host."""
    try:
        role = Remote(url, token).role()
    except RemoteFailed as error:
        click.echo(f"Note: the script is written, but could not send from here: {error}", err=True)
    else:
        if role == VIEWER:
            click.echo("Note: this token may only read; the script needs one with --role operator.", err=True)


def _record(event: DeviceEvent | None, before: DeviceEvent | None, now: int, url: str, token: str) -> None:
    """Take in what a hook says.

    Args:
        before: the same, from the source that earlier versions called it by: a connection that was reported
            under that name ends with this one.
    """
    if event is None or before is None:
        return
    work_as_owner()
    arrives = event.at == now
    if url:
        send_event(url, token, event, arrives=arrives)
        return
    app = prepared_app()
    settings = settings_of(app)
    rules = PresenceRules.of(settings)
    with app.app_context():
        pass_once(settings)
    with app.app_context(), write_transaction() as tx:
        events = [event]
        is_end = event.kind == "disconnected" and event.source != before.source
        if is_end and event.device.mac in connected_by(tx, before.source, event.at):
            events.append(before)
        for each in events:
            observe_event(
                tx, now, each.source, each.at, each.kind, each.device, rules, each.info, arrives=arrives
            )
