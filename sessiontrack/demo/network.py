"""The devices' sessions and events, written through the services so that the same rules apply."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta

from sessiontrack.database import Statement, Transaction
from sessiontrack.demo.habits import HABITS
from sessiontrack.demo.household import DEVICES, DemoDevice
from sessiontrack.services import devices, events
from sessiontrack.services.device_sessions import create_session
from sessiontrack.services.presence import PresenceRules
from sessiontrack.values.changes import Change
from sessiontrack.values.ips import ip_sort_key
from sessiontrack.values.reports import NewSession
from sessiontrack.values.timestamps import SiteTime

# No other source opened these sessions, so no other may close them.
SOURCE = "demo"
# Its late evidence showed that some devices had not been away.
SECOND_SOURCE = "arp-scan upstairs"
DAY = 86_400
HOUR = 3_600
DOWN = "Device Down"
DOWN_RECONNECTED = "Down Reconnected"
SHARE_MISSING = 0.012
DESCRIBE = Statement(
    "UPDATE device SET name = :name, owner = :owner, last_seen_at = :last_seen_at WHERE id = :device_id"
)
# Nothing is derived here.
RULES = PresenceRules(grace=600, late=7 * 86_400, least_share=0.2)
INSERT_WITHOUT_CONNECTION = Statement(
    "INSERT INTO device_session (device_id, disconnected_at, still_connected, ip, ip_key, conn_type,"
    " disc_type, source) VALUES (:device_id, :end, false, :ip, :ip_key, 'Connected', 'Disconnected', :source)"
    " RETURNING id"
)
INSERT_EVENT = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, info)"
    " VALUES (:device_id, :at, :type, :ip, :ip_key, :info)"
)
INSERT_REFUTED = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, voided, void_cause, void_cause_at, void_source)"
    " VALUES (:device_id, :at, :type, :ip, :ip_key, true, 'seen', :seen_at, :source)"
)
ALERT = Statement("UPDATE event SET pending_alert = true WHERE type = :type AND at >= :since AND NOT voided")


@dataclass(frozen=True)
class Stay:
    """A planned session; end is None while connected, lacks names the missing event."""

    start: int
    end: int | None
    ip: str
    lacks: str = ""
    after_down: bool = False
    goes_down: bool = False


def fill(tx: Transaction, now: int, site: SiteTime, rng: random.Random, days: int) -> None:
    """Create all devices with their activity in the days before now."""
    plans = {device: _stays(device, now, site, rng, days) for device in DEVICES}
    _lose_some_ends(plans, now, rng)
    for device, stays in plans.items():
        _write(tx, device, stays, now, rng)
    _void_something_recent(tx, plans, now)
    tx.run(ALERT, type=DOWN, since=now - 7 * DAY)


# --- planning


def _stays(device: DemoDevice, now: int, site: SiteTime, rng: random.Random, days: int) -> list[Stay]:
    """The device's sessions in order, without overlap, none beginning later than now."""
    stays: list[Stay] = []
    today = site.wall_time(now).replace(hour=0, minute=0, second=0, microsecond=0)
    for first, count in device.visits or ((days if device.bought is None else device.bought, None),):
        length = first + 1 if count is None else count
        local_days = [today - timedelta(days=first - n) for n in range(length)]
        stretches = HABITS[device.habit](local_days, rng)
        for start, end in ((site.resolve(start), site.resolve(end)) for start, end in stretches):
            start = max(start, (stays[-1].end or now) + 60) if stays else start
            if start < min(end, now) - 60:
                stays.append(Stay(start, end if end < now else None, device.ip))
    for days_ago in device.down:
        stays = _go_down(stays, now - days_ago * DAY + rng.randint(-4, 4) * HOUR, rng.randint(600, 5400))
    return _change_address(stays, rng) if device.habit == "phone" and len(stays) > 20 else stays


def _go_down(stays: list[Stay], at: int, seconds: int) -> list[Stay]:
    """Split the stay at that instant, with a "Device Down" in between."""
    broken = []
    for stay in stays:
        if stay.start < at - HOUR and (stay.end is None or stay.end > at + seconds + HOUR):
            broken.append(replace(stay, end=at, goes_down=True))
            broken.append(replace(stay, start=at + seconds, after_down=True))
        else:
            broken.append(stay)
    return broken


def _change_address(stays: list[Stay], rng: random.Random) -> list[Stay]:
    """Change the address partway, as after a lost DHCP lease, and again towards the end."""
    network, _, host = stays[0].ip.rpartition(".")
    moved = list(stays)
    for share, offset in ((rng.uniform(0.2, 0.5), 50), (rng.uniform(0.9, 0.95), 70)):
        since = int(len(stays) * share)
        moved[since:] = [replace(stay, ip=f"{network}.{int(host) + offset}") for stay in moved[since:]]
    return moved


def _lose_some_ends(plans: dict[DemoDevice, list[Stay]], now: int, rng: random.Random) -> None:
    """Drop some connections and disconnections, one of each in the last days."""
    places = [
        (device, n)
        for device, stays in plans.items()
        for n, stay in enumerate(stays[:-1])
        if n and stay.end is not None and not (stay.after_down or stay.goes_down)
    ]
    recent = [(device, n) for device, n in places if now - 5 * DAY < plans[device][n].start]
    chosen = [*rng.sample(recent, 2), *(place for place in places if rng.random() < SHARE_MISSING)]
    for turn, (device, n) in enumerate(chosen):
        lacks = ("connection", "disconnection")[turn % 2]
        plans[device][n] = replace(plans[device][n], lacks=lacks)


# --- writing


def _write(tx: Transaction, device: DemoDevice, stays: list[Stay], now: int, rng: random.Random) -> None:
    ip_before = stays[0].ip
    device_id, _ = devices.ensure_device(tx, device.mac, stays[0].start)
    for stay in stays:
        if stay.lacks == "connection":
            _write_without_connection(tx, device_id, stay)
        else:
            create_session(tx, now, _new_session(device, stay), RULES)
        if stay.ip != ip_before:
            at = stay.end if stay.lacks == "connection" else stay.start
            _write_event(tx, device_id, at or stay.start, "IP Changed", stay.ip, info=f"before: {ip_before}")
            ip_before = stay.ip
        if (stay.end or now) - stay.start > 2 * DAY and rng.random() < 0.3:
            _void_a_moment(tx, device_id, stay.start + rng.randint(HOUR, DAY), stay.ip)
    last_seen_at = stays[-1].end or now
    tx.run(DESCRIBE, device_id=device_id, name=device.name, owner=device.owner, last_seen_at=last_seen_at)


def _new_session(device: DemoDevice, stay: Stay) -> NewSession:
    return NewSession(
        device.mac,
        stay.ip,
        stay.start,
        # Left open: the device's next session closes it, with a missing disconnection.
        None if stay.lacks == "disconnection" else stay.end,
        DOWN_RECONNECTED if stay.after_down else "Connected",
        DOWN if stay.goes_down else "Disconnected",
        SOURCE,
    )


def _write_without_connection(tx: Transaction, device_id: int, stay: Stay) -> None:
    assert stay.end is not None
    key = ip_sort_key(stay.ip)
    session_id = tx.value(
        INSERT_WITHOUT_CONNECTION, device_id=device_id, end=stay.end, ip=stay.ip, ip_key=key, source=SOURCE
    )
    left = Change("", "Disconnected", stay.end, stay.ip, "")
    events.report_event(tx, device_id, left, session_id)


def _void_something_recent(tx: Transaction, plans: dict[DemoDevice, list[Stay]], now: int) -> None:
    """Void one more event in the last days in any case: in the longest stay that reaches into them."""
    since = now - 5 * DAY
    _, device, stay = max(
        (
            ((stay.end or now) - max(stay.start, since), device, stay)
            for device, stays in plans.items()
            for stay in stays
        ),
        key=lambda each: each[0],
    )
    device_id = devices.find_device(tx, device.mac)
    assert device_id is not None
    _void_a_moment(tx, device_id, (max(stay.start, since) + (stay.end or now)) // 2, stay.ip)


def _void_a_moment(tx: Transaction, device_id: int, at: int, ip: str) -> None:
    """Record a false disconnection of a few minutes, refuted by a sighting."""
    for kind, when in (("Disconnected", at), ("Connected", at + 240)):
        values = {"device_id": device_id, "at": when, "type": kind, "ip": ip, "ip_key": ip_sort_key(ip)}
        tx.run(INSERT_REFUTED, **values, seen_at=at + 120, source=SECOND_SOURCE)


def _write_event(tx: Transaction, device_id: int, at: int, kind: str, ip: str, *, info: str) -> None:
    key = ip_sort_key(ip)
    tx.run(INSERT_EVENT, device_id=device_id, at=at, type=kind, ip=ip, ip_key=key, info=info)
