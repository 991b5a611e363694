"""Presence against a known truth: `python -m benchmarks.simulation`.

A network of devices is simulated for a day, second by second, and scanned by a scanner as unreliable as real
ones.
Its observations go to the engine (services/presence.py) in a new database, and to the naive rule, "absent
from
one scan = disconnected". Both are compared with the truth. The same seed gives the same figures.
"""

import argparse
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sessiontrack import create_app, migrations
from sessiontrack.database import Statement, db, write_transaction
from sessiontrack.http.endpoint import settings
from sessiontrack.services.presence import DISCONNECTIONS, PresenceRules, observe_scan
from sessiontrack.values.observations import Observation

MINUTE, HOUR, DAY = 60, 3600, 86_400
BEGIN = 1_755_216_000  # 2025-08-15 00:00:00 UTC
SCAN_SECONDS = MINUTE
MISSES = 0.15
# Longer than the grace time, or believing these scans would do no harm.
EMPTY_SCANS = 12
SILENCE = HOUR
RESTART_MINUTES = 3
SENT_AGAIN = 10
SLEEP = (3 * MINUTE, 8 * MINUTE)
# Times awake between two sleeps, and away between two stays: at least twice the engine's grace time.
AWAKE = (10 * MINUTE, 90 * MINUTE)
AWAY = (20 * MINUTE, 5 * HOUR)
STAY = (30 * MINUTE, 8 * HOUR)

SESSIONS = Statement(
    "SELECT d.mac, s.connected_at, s.disconnected_at FROM device_session s"
    " JOIN device d ON d.id = s.device_id ORDER BY d.mac, s.connected_at"
)

Stretch = tuple[int, int]
# Session start, and end; None: still connected.
Recorded = dict[str, list[tuple[int, int | None]]]


@dataclass(frozen=True)
class Device:
    """Half-open periods, [start, end): when it is present, and when it is present but does not answer."""

    mac: str
    stays: list[Stretch]
    sleeps: list[Stretch]

    def answers(self, at: int) -> bool:
        """Whether a perfect scan would see it."""
        return _within(self.stays, at) is not None and _within(self.sleeps, at) is None


@dataclass(frozen=True)
class Scan:
    """The scanner's report at `now` about the instant `at`; the two differ when it repeats itself."""

    now: int
    at: int
    seen: frozenset[str]

    @property
    def is_repeated(self) -> bool:
        """Whether it was sent before."""
        return self.at != self.now


@dataclass(frozen=True)
class World:
    """The truth, and the scanner's observations."""

    devices: list[Device]
    seconds: int
    outage: Stretch
    scans: list[Scan]

    @property
    def device_days(self) -> float:
        """Whether the device was present at the instant."""
        return sum(end - start for device in self.devices for start, end in device.stays) / DAY


@dataclass(frozen=True)
class Figures:
    """The results of a rule.

    false: sessions that ended although their device had not left before it was seen again.
    false_recorded_in_outage: of those, the ones recorded during the outage.
    false_across_outage: of those, the ones whose gap overlaps the outage.
    ends: true departures that match a session's end; missed: those that match none.
    end_error: mean absolute error of those ends, in seconds.
    end_error_scanned: the same for the ends outside of the outage.
    """

    false: int
    false_recorded_in_outage: int
    false_across_outage: int
    ends: int
    missed: int
    end_error: float
    end_error_scanned: float


def make_world(devices: int, seconds: int, seed: int) -> World:
    """A fifth never leaves, a fifth comes and goes, three fifths are phones, which also sleep."""
    random = Random(seed)
    known = [_make_device(random, number, number % 5, seconds) for number in range(devices)]
    begin = BEGIN + seconds * 2 // 5 // MINUTE * MINUTE
    outage = (begin, begin + EMPTY_SCANS * MINUTE + SILENCE)
    restart = BEGIN + seconds * 3 // 4 // MINUTE * MINUTE
    scans = list(_scan(random, known, seconds, outage, restart))
    return World(known, seconds, outage, scans)


def _make_device(random: Random, number: int, kind: int, seconds: int) -> Device:
    mac = f"AA:BB:CC:00:{number >> 8:02X}:{number & 255:02X}"
    end = BEGIN + seconds
    if kind == 0:
        return Device(mac, [(BEGIN, end)], [])
    # Some are present at the beginning; the others come later.
    stays = list(_alternate(random, BEGIN + random.choice((0, random.randint(*AWAY))), end, STAY, AWAY))
    if kind == 1:
        return Device(mac, stays, [])
    sleeps = [
        nap
        for start, stop in stays
        for nap in _alternate(random, start + random.randint(*AWAKE), stop, SLEEP, AWAKE)
    ]
    return Device(mac, stays, sleeps)


def _alternate(random: Random, at: int, until: int, on: Stretch, off: Stretch) -> Iterator[Stretch]:
    while at < until:
        end = min(until, at + random.randint(*on))
        yield at, end
        at = end + random.randint(*off)


def _scan(
    random: Random, devices: list[Device], seconds: int, outage: Stretch, restart: int
) -> Iterator[Scan]:
    """The scanner's day.

    The outage begins with empty scans; then none come. After the restart the first scan sees one device in
    ten, and then the last scans from before come again.
    """
    sent: list[Scan] = []
    for at in range(BEGIN, BEGIN + seconds, SCAN_SECONDS):
        if outage[0] + EMPTY_SCANS * MINUTE <= at < outage[1]:
            continue
        if restart <= at < restart + RESTART_MINUTES * MINUTE:
            continue
        share = 1 - MISSES
        is_first_again = at == restart + RESTART_MINUTES * MINUTE
        if is_first_again:
            share = 0.1
        if outage[0] <= at < outage[1]:
            share = 0.0
        seen = frozenset(each.mac for each in devices if each.answers(at) and random.random() < share)
        sent.append(Scan(at, at, seen))
        yield sent[-1]
        if is_first_again:
            for old in sent[-1 - SENT_AGAIN : -1]:
                yield Scan(at, old.at, old.seen)


def run_naive(world: World) -> tuple[Recorded, dict[tuple[str, int], int]]:
    """Absent from one scan = disconnected, at that scan. It does not get the repeated scans."""
    recorded: Recorded = {device.mac: [] for device in world.devices}
    since: dict[str, int] = {}
    recorded_at = {}
    for scan in world.scans:
        if scan.is_repeated:
            continue
        for mac in sorted(since.keys() - scan.seen):
            recorded[mac].append((since.pop(mac), scan.at))
            recorded_at[mac, scan.at] = scan.at
        for mac in scan.seen:
            since.setdefault(mac, scan.at)
    for mac, start in since.items():
        recorded[mac].append((start, None))
    return recorded, recorded_at


def run_engine(world: World) -> tuple[Recorded, dict[tuple[str, int], int]]:
    """The engine with default settings, and when it recorded each end."""
    recorded_at = {}
    with tempfile.TemporaryDirectory(prefix="sessiontrack-simulation-") as folder:
        app = create_app({"INSTANCE": Path(folder)})
        with app.app_context():
            migrations.upgrade(db.engine)
            rules = PresenceRules.of(settings())
            for scan in world.scans:
                sightings = [Observation(mac) for mac in sorted(scan.seen)]
                with write_transaction() as tx:
                    outcome = observe_scan(tx, scan.now, "scanner", scan.at, sightings, rules)
                for change in outcome.changes:
                    if change.type in DISCONNECTIONS:
                        recorded_at[change.mac, change.at] = scan.now
            with write_transaction() as tx:
                rows = tx.rows(SESSIONS)
            db.engine.dispose()
    recorded: Recorded = {device.mac: [] for device in world.devices}
    for mac, start, end in rows:
        recorded[mac].append((start, end))
    return recorded, recorded_at


def judge(world: World, recorded: Recorded, recorded_at: dict[tuple[str, int], int]) -> Figures:
    """Compare the records of a rule with the truth."""
    last = BEGIN + world.seconds - 1
    false = in_outage = across = missed = 0
    errors = []
    scanned = []
    for device in world.devices:
        sightings = [scan.at for scan in world.scans if device.mac in scan.seen and not scan.is_repeated]
        sessions = recorded[device.mac]
        told: dict[int, int] = {}
        for place, (_, end) in enumerate(sessions):
            if end is None:
                continue
            # A rule may date the end after the last sighting; what the device did since then counts.
            seen = sightings[bisect_right(sightings, end) - 1]
            following = sessions[place + 1][0] if place + 1 < len(sessions) else last
            stay = _within(device.stays, seen)
            assert stay is not None
            if stay != _within(device.stays, following):
                told[stay] = end
                continue
            false += 1
            in_outage += world.outage[0] <= recorded_at[device.mac, end] < world.outage[1]
            across += seen < world.outage[1] and following >= world.outage[0]
        for place, (start, end) in enumerate(device.stays):
            was_seen = any(start <= at < end for at in sightings)
            if end <= last and was_seen and place in told:
                errors.append(abs(told[place] - end))
                if not world.outage[0] <= end < world.outage[1]:
                    scanned.append(errors[-1])
            elif end <= last and was_seen:
                missed += 1
    return Figures(false, in_outage, across, len(errors), missed, _mean(errors), _mean(scanned))


def _mean(values: list[int]) -> float:
    return sum(values) / max(1, len(values))


def _within(stretches: list[Stretch], at: int) -> int | None:
    """The index of the period that contains the instant."""
    place = bisect_right(stretches, at, key=lambda each: each[0]) - 1
    return place if place >= 0 and at < stretches[place][1] else None


def main() -> None:
    """Simulate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    world = make_world(given.devices, given.hours * HOUR, given.seed)
    naive, engine = (judge(world, *run(world)) for run in (run_naive, run_engine))
    days = world.device_days
    print(
        f"{given.devices} devices present for {days:.1f} device-days, "
        f"{sum(len(each.sleeps) for each in world.devices)} sleeps, {len(world.scans)} scans\n"
    )
    print("| | naive rule | engine |\n|---|---|---|")
    for name, values in (
        ("false disconnections", [str(each.false) for each in (naive, engine)]),
        ("a device-day", [f"{each.false / days:.2f}" for each in (naive, engine)]),
        ("recorded during the outage", [str(each.false_recorded_in_outage) for each in (naive, engine)]),
        ("with the outage in their gap", [str(each.false_across_outage) for each in (naive, engine)]),
        ("true ends told", [str(each.ends) for each in (naive, engine)]),
        ("true ends missed", [str(each.missed) for each in (naive, engine)]),
        ("mean error of an end, seconds", [f"{each.end_error:.0f}" for each in (naive, engine)]),
        (
            "the same, of ends outside of the outage",
            [f"{each.end_error_scanned:.0f}" for each in (naive, engine)],
        ),
    ):
        print(f"| {name} | {values[0]} | {values[1]} |")
    print(f"\n{naive.false / max(1, engine.false):.0f} times fewer false disconnections.")


if __name__ == "__main__":
    main()
