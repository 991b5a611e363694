"""`sessiontrack device`: devices and their properties."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import click
from marshmallow import ValidationError

from sessiontrack import clock
from sessiontrack.cli.application import reading_database, writing_database
from sessiontrack.cli.tables import print_table
from sessiontrack.config import Settings
from sessiontrack.database import Transaction
from sessiontrack.exceptions import InvalidInput, NotFound
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.queries import devices as queries
from sessiontrack.queries.device_holders import list_holders
from sessiontrack.schemas.devices import STATUSES, ChangeDevice
from sessiontrack.schemas.fields import Text
from sessiontrack.services import devices as services
from sessiontrack.services.device_merge import merge_devices
from sessiontrack.services.presence import PresenceRules, in_force
from sessiontrack.values.device_types import TYPES
from sessiontrack.values.macs import parse_device_mac

# Where an option is called otherwise than its field.
OPTIONS = {"tags": "tag"}
# What goes with a device, in words.
PARTS = {
    "sessions": ("session", "sessions"),
    "events": ("event", "events"),
    "evidence": ("report of a source", "reports of sources"),
}
LISTED = ("mac", "name", "owner", "vendor", "ip", "status", "last_seen", "alert_down")


@click.group()
def device() -> None:
    """List devices, show one, change, merge, disconnect or delete it.

    Example: sessiontrack device set AA:BB:CC:DD:EE:FF --name Printer --alert
    """


@device.command("list")
@click.option(
    "--status",
    type=click.Choice(STATUSES),
    default="all",
    show_default=True,
    help="Only these; all leaves out the archived.",
)
@click.option(
    "--search",
    default="",
    help="In name, owner, vendor, MAC and IP addresses, and what RADIUS said: the user.",
)
@click.option("--tag", default="", help="Only those with this tag.")
@click.option("--json", "as_json", is_flag=True, help="For programs, with every field.")
def list_(status: str, search: str, tag: str, as_json: bool) -> None:
    """List devices by name.

    Example: sessiontrack device list --status connected
    """
    with reading_database() as (tx, settings):
        wanted = queries.DeviceFilter(flapping=settings.flapping, status=status, search=search, tag=tag)
        found = list(queries.list_devices(tx, wanted, EVERYTHING, 0, clock.now(), settings.timezone))
    if not as_json:
        found = [{name: each[name] for name in LISTED} for each in found]
    print_table(found, as_json=as_json)


@device.command()
@click.argument("mac")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(mac: str, as_json: bool) -> None:
    """Show one device, by any of its MAC addresses.

    Example: sessiontrack device show AA:BB:CC:DD:EE:FF
    """
    wanted = parse_device_mac(mac)
    with reading_database() as (tx, settings):
        found = _get_device(tx, wanted, settings)
        grace = in_force(tx, PresenceRules.of(settings)).grace
        found["held_by"] = list_holders(tx, found, grace, settings.timezone)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    found["held_by"] = [f"{each['source']} ({each['last_seen']})" for each in found["held_by"]]
    shown = {name: ", ".join(value) if isinstance(value, list) else value for name, value in found.items()}
    print_table([{"field": name, "value": value} for name, value in shown.items()], as_json=False)


def _get_device(tx: Transaction, mac: str, settings: Settings) -> dict[str, Any]:
    found = queries.find_device(tx, mac, settings.flapping, clock.now(), settings.timezone)
    if found is None:
        raise NotFound(f"No device has the MAC address {mac}.")
    return found


def _text_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each text that may be changed."""
    texts = [(name, each) for name, each in ChangeDevice().fields.items() if type(each) is Text]
    for name, each in reversed(texts):
        command = click.option(f"--{name}", help=f"{each.metadata['description']} An empty text clears it.")(
            command
        )
    return command


@device.command("set")
@click.argument("mac")
@_text_options
@click.option("--type", "type", metavar="TYPE", help=f"One of {', '.join(TYPES)}. An empty text clears it.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    help="Repeat it for several; they replace all tags that it has. An empty text clears them.",
)
@click.option("--alert/--no-alert", "alert_down", default=None, help="Whether its leaving is a Device Down.")
@click.option(
    "--grace",
    metavar="TIME",
    help="How long complete scans may miss it: 30 minutes, 2 hours. An empty text: as long as any other.",
)
@click.option("--can-flap/--never-flaps", default=None, help="Whether it is ever said to be flapping.")
@click.option("--archive/--no-archive", "archived", default=None, help="Whether lists leave it out.")
@click.option("--favourite/--no-favourite", default=None, help="Whether it is marked as a favourite.")
def set_(mac: str, **given: Any) -> None:
    """Change a device's properties; those that are left out stay.

    \b
    Example: sessiontrack device set AA:BB:CC:DD:EE:FF --name Printer --alert
    Example: sessiontrack device set AA:BB:CC:DD:EE:FF --grace "30 minutes"
    """
    wanted = parse_device_mac(mac)
    tags = given.pop("tags")
    asked = {name: value for name, value in given.items() if value is not None}
    if tags:
        asked["tags"] = [tag for tag in tags if tag]
    if not asked:
        raise click.UsageError("Nothing to change: give --name, --alert or another option.")
    try:
        changes = ChangeDevice().load_given(asked)
    except ValidationError as error:
        (name, (why, *_)), *_ = dict(error.messages_dict).items()
        raise InvalidInput(f"--{OPTIONS.get(name, name)}: {why}") from error
    with writing_database() as (tx, settings):
        services.change_device(tx, clock.now(), wanted, changes, PresenceRules.of(settings))
    click.echo(f"{wanted}: {_said(asked)}.")


def _said(asked: Mapping[str, Any]) -> str:
    done: dict[str, list[str]] = {"set": [], "cleared": [], "off": []}
    for name, value in asked.items():
        done["off" if value is False else "set" if value else "cleared"].append(name.replace("_", " "))
    return "; ".join(f"{', '.join(names)} {what}" for what, names in done.items() if names)


@device.command()
@click.argument("mac")
@click.option("--source", metavar="NAME", help="Of this source alone.  [default: all that hold it]")
def disconnect(mac: str, source: str | None) -> None:
    """Say for the sources that hold a device as connected that it left when they last saw it.

    For an end that a listener has lost. Who sees the device again connects it again.

    \b
    Example: sessiontrack device disconnect AA:BB:CC:DD:EE:FF
    Example: sessiontrack device disconnect AA:BB:CC:DD:EE:FF --source hostapd:ap:wlan0
    """
    wanted = parse_device_mac(mac)
    with writing_database() as (tx, settings):
        said = services.disconnect_device(tx, clock.now(), wanted, PresenceRules.of(settings), source)
        found = _get_device(tx, wanted, settings)
    click.echo(f"{found['mac']} left, for {', '.join(said)}.")
    if found["connected"]:
        click.echo("It is still connected by what else is known of it.")


@device.command()
@click.argument("mac")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(mac: str, yes: bool) -> None:
    """Delete a device with its sessions, events and all that sources said of it, for good.

    Asks first. To keep its history and lose it from sight, archive it: device set MAC --archive.

    Example: sessiontrack device delete AA:BB:CC:DD:EE:FF
    """
    wanted = parse_device_mac(mac)
    with reading_database() as (tx, settings):
        found = _get_device(tx, wanted, settings)
    named = f"{found['name']} ({found['mac']})" if found["name"] else found["mac"]
    if not yes and not click.confirm(f"Delete {named} with its sessions and events, for good?"):
        click.echo("Nothing was changed.")
        return
    with writing_database() as (tx, _settings):
        deleted = services.delete_device(tx, clock.now(), wanted)
    gone = ", ".join(_counted(deleted[name], *words) for name, words in PARTS.items())
    click.echo(f"Deleted {found['mac']}, and with it: {gone}.")
    click.echo("Backups keep it until they are replaced, and so does the log; seen again, it is new.")


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


@device.command()
@click.argument("mac")
@click.argument("other")
def merge(mac: str, other: str) -> None:
    """Make one device of two, for good: OTHER becomes an alias of MAC, and its history MAC's.

    MAC stays, and keeps its name if it has one.

    Example: sessiontrack device merge AA:BB:CC:DD:EE:FF AA:BB:CC:00:00:01
    """
    keeper, alias = parse_device_mac(mac), parse_device_mac(other)
    with writing_database() as (tx, settings):
        merge_devices(tx, clock.now(), keeper, alias, PresenceRules.of(settings))
        found = _get_device(tx, keeper, settings)
    click.echo(f"Merged {alias} into {found['mac']}.")
