"""Devices: `/devices/...`."""

from typing import Any

from flask import Response, g

from sessiontrack.database import Transaction, read_transaction, write_transaction
from sessiontrack.exceptions import NotFound
from sessiontrack.http import examples
from sessiontrack.http.answers import CSV, FILE_HEADERS, PAGING_HEADERS, answer, csv_answer, list_answer
from sessiontrack.http.endpoint import Blueprint, mac_in_path, settings, window, window_text
from sessiontrack.queries import devices as queries
from sessiontrack.queries.device_holders import list_holders
from sessiontrack.queries.device_neighbours import find_neighbours
from sessiontrack.queries.device_statistics import device_statistics
from sessiontrack.schemas import devices as schemas
from sessiontrack.schemas.base import Nothing
from sessiontrack.services import devices as services
from sessiontrack.services.device_merge import merge_devices
from sessiontrack.services.presence import PresenceRules, in_force
from sessiontrack.values.roles import OPERATOR, VIEWER
from sessiontrack.values.tags import split_tags

blueprint = Blueprint("devices", __name__, url_prefix="/devices", description="What has a MAC address.")


@blueprint.endpoint(
    "",
    role=VIEWER,
    query=schemas.ListDevices,
    answer=schemas.DevicesAnswer,
    example=examples.DEVICES,
    headers=PAGING_HEADERS,
)
def list_(query: dict[str, Any]) -> Response:
    """List devices with their presence"""
    wanted = _wanted(query)
    limit, offset, now, site = query["limit"], query["offset"], g.now, settings().timezone
    return list_answer(
        lambda tx: queries.list_devices(tx, wanted, limit, offset, now, site),
        lambda tx: queries.count_devices(tx, wanted, now),
        limit=limit,
        offset=offset,
        field="devices",
    )


@blueprint.endpoint(
    "/list.csv",
    role=VIEWER,
    query=schemas.DeviceQuery,
    answer={"type": "string"},
    content_type=CSV,
    example=examples.DEVICES_CSV,
    headers=FILE_HEADERS,
)
def export(query: dict[str, Any]) -> Response:
    """All devices that match, as a CSV file to download"""
    wanted, now, site = _wanted(query), g.now, settings().timezone
    name = f"sessiontrack-devices-{site.format_minute(now)[:10]}.csv"
    return csv_answer(lambda tx: queries.list_cells(tx, wanted, now, site), queries.CELLS, name)


@blueprint.endpoint("/tags", role=VIEWER, answer=schemas.TagsAnswer, example=examples.DEVICE_TAGS)
def tags() -> Response:
    """Every tag, and how many devices have it"""
    with read_transaction() as tx:
        found = queries.count_tags(tx)
    return answer({"success": True, "tags": found})


@blueprint.endpoint(
    "",
    method="POST",
    needs_time=True,
    role=OPERATOR,
    body=schemas.AddDevice,
    body_example=examples.ADD_DEVICE,
    answer=schemas.OneDeviceAnswer,
    example=examples.ONE_DEVICE,
    errors=(409,),
)
def add(body: dict[str, Any]) -> Response:
    """Add a device before it is ever seen; it counts as first seen now"""
    mac = body.pop("mac")
    with write_transaction() as tx:
        services.add_device(tx, g.now, mac, body)
        found = _device(tx, mac)
    return answer({"success": True, "device": found})


@blueprint.endpoint(
    "",
    method="PATCH",
    role=OPERATOR,
    body=schemas.ChangeDevices,
    body_example=examples.CHANGE_DEVICES,
    answer=schemas.ChangeDevicesAnswer,
    example=examples.DEVICES_CHANGED,
    errors=(404,),
)
def change_several(body: dict[str, Any]) -> Response:
    """Change the properties of several devices, all of them or none"""
    macs, rules = body.pop("macs"), PresenceRules.of(settings())
    added, removed = (split_tags(body.pop(name, "")) for name in ("add_tags", "remove_tags"))
    with write_transaction() as tx:
        changed = services.change_devices(tx, g.now, macs, body, rules, added, removed)
    return answer({"success": True, "changed": changed})


@blueprint.endpoint(
    "/by-status",
    role=VIEWER,
    query=schemas.DevicesByStatus,
    answer=schemas.DeviceResource(many=True),
    example=examples.DEVICE_RESOURCES,
    headers=PAGING_HEADERS,
)
def by_status(query: dict[str, Any]) -> Response:
    """Devices of a status, as calendars take their resources, by name"""
    wanted = queries.DeviceFilter(
        flapping=settings().flapping, status="all" if query["status"] == "my" else query["status"]
    )
    limit, offset, now, site = query["limit"], query["offset"], g.now, settings().timezone
    return list_answer(
        lambda tx: queries.list_resources(tx, wanted, limit, offset, now, site),
        lambda tx: queries.count_devices(tx, wanted, now),
        limit=limit,
        offset=offset,
    )


@blueprint.endpoint(
    "/totals",
    role=VIEWER,
    query=schemas.DeviceTotals,
    answer=schemas.DEVICE_TOTALS_ANSWER,
    example=examples.DEVICE_TOTALS,
)
def totals(query: dict[str, Any]) -> Response:
    """How many devices each status has"""
    with read_transaction() as tx:
        counts = queries.count_totals(tx, settings().flapping, g.now)
    if query["format"] == "named":
        return answer({"success": True, **counts})
    return answer([counts[name] for name in schemas.LISTED_TOTALS])


@blueprint.endpoint(
    "/<mac:mac>", role=VIEWER, answer=schemas.FoundDeviceAnswer, example=examples.FOUND_DEVICE, errors=(404,)
)
def one(mac: str) -> Response:
    """A device, by any of its MAC addresses; the sources that hold it as connected, its neighbours by
    name"""
    wanted = mac_in_path(mac)
    rules, site = PresenceRules.of(settings()), settings().timezone
    with read_transaction() as tx:
        found = _device(tx, wanted)
        previous, following = find_neighbours(tx, found["mac"])
        held_by = list_holders(tx, found, in_force(tx, rules).grace, site)
    return answer(
        {"success": True, "device": found, "held_by": held_by, "previous": previous, "next": following}
    )


@blueprint.endpoint(
    "/<mac:mac>/statistics",
    role=VIEWER,
    query=schemas.DeviceStatistics,
    answer=schemas.DeviceStatisticsAnswer,
    example=examples.DEVICE_STATISTICS,
    errors=(404,),
)
def statistics(query: dict[str, Any], mac: str) -> Response:
    """How much a device was connected in a period, when in the week, and in how long stretches"""
    wanted, (since, until) = mac_in_path(mac), window(query)
    end = g.now if until is None else min(until, g.now)
    with read_transaction() as tx:
        found = device_statistics(tx, _device(tx, wanted), since, end, g.now, settings().timezone)
    return answer({"success": True, "period": window_text(query), **found})


@blueprint.endpoint(
    "/<mac:mac>",
    method="PATCH",
    role=OPERATOR,
    body=schemas.ChangeDevice,
    body_example=examples.CHANGE_DEVICE,
    answer=schemas.OneDeviceAnswer,
    example=examples.ONE_DEVICE,
    errors=(404,),
)
def change(body: dict[str, Any], mac: str) -> Response:
    """Change a device's properties; those that are left out stay"""
    wanted, rules = mac_in_path(mac), PresenceRules.of(settings())
    with write_transaction() as tx:
        services.change_device(tx, g.now, wanted, body, rules)
        found = _device(tx, wanted)
    return answer({"success": True, "device": found})


@blueprint.endpoint(
    "/<mac:mac>",
    method="DELETE",
    role=OPERATOR,
    body=Nothing,
    answer=schemas.DeleteDeviceAnswer,
    example=examples.DEVICE_DELETED,
    errors=(404,),
)
def delete(mac: str) -> Response:
    """Delete a device with its sessions, events and evidence"""
    wanted = mac_in_path(mac)
    with write_transaction() as tx:
        deleted = services.delete_device(tx, g.now, wanted)
    return answer({"success": True, "message": f"Deleted device {wanted}", "deleted": deleted})


@blueprint.endpoint(
    "/<mac:mac>/merge",
    method="POST",
    role=OPERATOR,
    body=schemas.MergeDevice,
    body_example=examples.MERGE_DEVICE,
    answer=schemas.MergeDeviceAnswer,
    example=examples.DEVICE_MERGED,
    errors=(404,),
)
def merge(body: dict[str, Any], mac: str) -> Response:
    """Make another device's history this one's, and its MAC address a further one of it"""
    wanted, other = mac_in_path(mac), body["mac"]
    with write_transaction() as tx:
        merge_devices(tx, g.now, wanted, other, PresenceRules.of(settings()))
        found = _device(tx, wanted)
    return answer({"success": True, "message": f"Merged {other} into {found['mac']}", "device": found})


def _wanted(query: dict[str, Any]) -> queries.DeviceFilter:
    return queries.DeviceFilter(
        flapping=settings().flapping,
        status=query["status"],
        search=query["search"],
        tag=query["tag"],
        sort=query["sort"].removeprefix("-"),
        descending=query["sort"].startswith("-"),
    )


def _device(tx: Transaction, mac: str) -> dict[str, Any]:
    found = queries.find_device(tx, mac, settings().flapping, g.now, settings().timezone)
    if found is None:
        raise NotFound(f"No device has the MAC address {mac}.")
    return found
