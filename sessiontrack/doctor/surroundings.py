"""What is around the database: settings, files, clock, disk, time zone, proxies."""

import os
import stat
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

from sessiontrack.config import FILE_NAME, settings_as_text, source_of
from sessiontrack.doctor.findings import Finding, Patient, ok, warning, wrong
from sessiontrack.process import instance
from sessiontrack.process.kernel_clock import is_synchronised
from sessiontrack.process.last_backup import awaited_since, last_backup
from sessiontrack.process.served_settings import differing
from sessiontrack.services.clock_door import TOLERANCE_SECONDS
from sessiontrack.version import BUILT_AT

OTHERS = stat.S_IRWXG | stat.S_IRWXO
LEAST_FREE = 64 * 1024**2
FEW_FREE = 512 * 1024**2
DAY = 86_400
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
BROADEST = {4: 8, 6: 32}


def settings(patient: Patient) -> Iterator[Finding]:
    """That they could be read is known by now; whether the running server has read the same ones is not."""
    file = patient.settings.instance / FILE_NAME
    others = ", ".join(differing(patient.settings.instance, settings_as_text()))
    if file.exists():
        if others:
            yield warning("settings.file-differs", file=str(file), names=others)
        else:
            yield ok("settings.file", file=str(file))
    elif others:
        yield warning("settings.environment-differs", file=str(file), names=others)
    else:
        yield ok("settings.environment", file=str(file))


def files(patient: Patient) -> Iterator[Finding]:
    """The instance folder and the secrets in it are their owner's alone."""
    folder = patient.settings.instance
    if not folder.is_dir():
        yield wrong("instance.missing", folder=str(folder))
        return
    found = folder.stat()
    if not os.access(folder, os.W_OK | os.X_OK):
        yield wrong("instance.unwritable", folder=str(folder), uid=str(os.getuid()))
    elif found.st_mode & OTHERS:
        yield warning("instance.open", folder=str(folder))
    elif os.geteuid() not in (found.st_uid, 0):
        yield warning("instance.foreign", folder=str(folder), owner=str(found.st_uid), uid=str(os.geteuid()))
    else:
        yield ok("instance.ok", folder=str(folder))
    secret = _open_to_others(folder, instance.KEY_FILE, instance.PASSWORD_FILE)
    # A file made by hand is often 0644. It may hold secrets: RADIUS clients, the database's password.
    settings = _open_to_others(folder, FILE_NAME)
    if secret:
        yield wrong("secrets.open", files=" ".join([*secret, *settings]))
    elif settings:
        yield warning("secrets.settings-open", file=settings[0])
    else:
        yield ok("secrets.ok")


def _open_to_others(folder: Path, *names: str) -> list[str]:
    paths = [folder / name for name in names]
    return [str(path) for path in paths if path.is_file() and path.stat().st_mode & OTHERS]


def clock(patient: Patient) -> Iterator[Finding]:
    """By itself; a check of the database compares it with what was recorded."""
    shown = patient.settings.timezone.format_offset(patient.now)
    if patient.now < BUILT_AT - TOLERANCE_SECONDS:
        yield wrong("clock.early", time=shown)
    elif is_synchronised() is not False:
        yield ok("clock.ok", time=shown)
    else:
        yield warning("clock.alone", time=shown)


def disk(patient: Patient) -> Iterator[Finding]:
    """Where the database is."""
    if not patient.settings.instance.is_dir():
        return
    found = os.statvfs(patient.settings.instance)
    free = found.f_bavail * found.f_frsize
    mib, percent = free // 1024**2, 100 * found.f_bavail // max(1, found.f_blocks)
    if free < LEAST_FREE or (found.f_files and not found.f_favail):
        yield wrong("disk.full", mib=mib, percent=percent)
    elif free < FEW_FREE:
        yield warning("disk.low", mib=mib, percent=percent)
    else:
        yield ok("disk.ok", mib=mib, percent=percent)


def backup(patient: Patient) -> Iterator[Finding]:
    """Whether backups that are made into a folder are made still, or ever were."""
    made_at = last_backup(patient.settings.instance)
    since = awaited_since(patient.settings.instance) if made_at is None else made_at
    if since is None:
        yield ok("backup.none")
        return
    is_late = patient.now - since > 2 * DAY
    time, days = patient.settings.timezone.format_offset(since), (patient.now - since) // DAY
    if made_at is None and is_late:
        yield warning("backup.never", time=time, days=days)
    elif made_at is None:
        yield ok("backup.none")
    elif is_late:
        yield warning("backup.old", time=time, days=days)
    else:
        yield ok("backup.ok", time=time)


def time_zone(patient: Patient) -> Iterator[Finding]:
    """Naive times are read in the site's zone: one that was chosen, else most likely the host's."""
    ours, hosts = patient.settings.timezone.name, _hosts_zone()
    if source_of("TIMEZONE") != "default" or hosts in (None, ours, "UTC", "Etc/UTC"):
        yield ok("time-zone.ok", zone=ours)
    else:
        yield warning("time-zone.differs", site=ours, host=hosts)


def _hosts_zone() -> str | None:
    _, found, name = os.path.realpath("/etc/localtime").partition("zoneinfo/")
    return name if found else None


def proxies(patient: Patient) -> Iterator[Finding]:
    """Whose headers are believed, and whether that opens more than is meant."""
    trusted, allowed = patient.settings.trusted_proxies, patient.settings.metrics_allow
    broad = [str(each) for each in trusted if each.prefixlen < BROADEST[each.version]]
    if broad:
        yield wrong("proxies.broad", networks=", ".join(broad))
    elif not trusted and any(
        each.overlaps(local) for each in allowed for local in LOOPBACK if each.version == local.version
    ):
        yield warning("proxies.metrics")
    elif trusted:
        yield ok("proxies.trusted", networks=", ".join(map(str, trusted)))
    else:
        yield ok("proxies.none")
