"""Metrics for Prometheus: request counts of all workers, and figures from the database.

Each worker counts in its own files in the folder PROMETHEUS_MULTIPROC_DIR; the worker that is asked adds
them up.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiontrack.process.request_log import Answered
from sessiontrack.queries.figures import Figures
from sessiontrack.version import VERSION

if TYPE_CHECKING:
    from prometheus_client.core import Metric

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
FOLDER_PREFIX = "sessiontrack-metrics-"
# In memory: a full disk must not stop the counting, and the counting must not wear out a flash disk.
MEMORY = Path("/dev/shm")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MOST_KINDS = 4096


class RequestMetrics:
    """Requests by route, method and status, and their duration by route.

    A route is the rule that matched, so their number is fixed, whatever paths clients request.
    """

    def __init__(self) -> None:
        # Imported here: the import fixes the folder of the counts, and `serve` chooses it first.
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self._own = CollectorRegistry()
        requests = Counter(
            "sessiontrack_requests",
            "Requests answered, by route, method and status.",
            ("route", "method", "status"),
            registry=self._own,
        )
        seconds = Histogram(
            "sessiontrack_request_seconds",
            "How long requests took, by route.",
            ("route",),
            registry=self._own,
            buckets=BUCKETS,
        )

        @lru_cache(MOST_KINDS)
        def kind(route: str, method: str, status: int) -> tuple[Callable[[], Any], Callable[[float], Any]]:
            """The counters of one kind of request, looked up once."""
            route = route or "none"
            method = method if method in METHODS else "other"
            return requests.labels(route, method, str(status)).inc, seconds.labels(route).observe

        self._kind = kind

    def observe(self, answered: Answered) -> None:
        """Count one request."""
        count, took = self._kind(answered.route, answered.method, answered.status)
        count()
        took(answered.seconds)

    def exposition(self, figures: Figures | None) -> bytes:
        """All metrics in Prometheus's text format.

        Args:
            figures: None if the database cannot be read; the other metrics are still reported.
        """
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = self._own
        if os.environ.get(FOLDER_VARIABLE):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        shown = CollectorRegistry(auto_describe=False)
        shown.register(_Shown(figures))
        return bytes(generate_latest(registry) + generate_latest(shown))


class _Shown:
    """The figures as metrics."""

    def __init__(self, figures: Figures | None) -> None:
        self._figures = figures

    def collect(self) -> "Iterator[Metric]":
        """The metrics for the registry."""
        from prometheus_client.core import GaugeMetricFamily as Gauge
        from prometheus_client.core import InfoMetricFamily as Info

        yield Info("sessiontrack_build", "This version.", {"version": VERSION})
        found = self._figures
        yield Gauge(
            "sessiontrack_database_readable", "Whether the figures could be read.", int(found is not None)
        )
        if found is None:
            return
        yield Gauge("sessiontrack_database_writable", "Whether a write was possible.", int(found.is_writable))
        devices = Gauge(
            "sessiontrack_devices",
            "Devices by state; new and flapping ones are in one of the other states too.",
            labels=("state",),
        )
        for state, count in found.devices.items():
            devices.add_metric((state,), count)
        yield devices
        yield Gauge("sessiontrack_active_people", "People with an active user session.", found.active_people)
        yield Gauge(
            "sessiontrack_underived_devices",
            "Devices whose history could not be derived; they are left as they were.",
            found.underived_devices,
        )
        scans = Gauge(
            "sessiontrack_last_scan_timestamp_seconds",
            "When the latest scan of a source was made.",
            labels=("source",),
        )
        for source, at in found.last_scans.items():
            scans.add_metric((source,), at)
        yield scans
        heard = Gauge(
            "sessiontrack_last_heard_timestamp_seconds",
            "When a source (a scanner, RADIUS, a hook) was last heard of, by its kind.",
            labels=("source", "kind"),
        )
        quiet = Gauge(
            "sessiontrack_longest_silence_seconds",
            "How long a source may be silent, by what it did before.",
            labels=("source", "kind"),
        )
        for each in found.heard:
            heard.add_metric((each.name, each.kind), each.last_look or 0)
            quiet.add_metric((each.name, each.kind), each.quiet)
        yield heard
        yield quiet
        failing = Gauge(
            "sessiontrack_source_failing_since_timestamp_seconds",
            "Since when the looks of a source fail; absent where they do not.",
            labels=("source",),
        )
        for source, since in found.failing.items():
            failing.add_metric((source,), since)
        yield failing
        if found.last_backup is not None:
            made = "sessiontrack_last_backup_timestamp_seconds"
            yield Gauge(made, "When the last backup into a folder was made.", found.last_backup)
        if found.backup_awaited_since is not None:
            awaited = "sessiontrack_backup_awaited_since_timestamp_seconds"
            yield Gauge(awaited, "Since when the first backup is awaited.", found.backup_awaited_since)
        size = "sessiontrack_database_bytes"
        yield Gauge(size, "Size of the database, without its write-ahead log.", found.database_bytes)
        if found.wal_bytes is not None:
            yield Gauge("sessiontrack_wal_bytes", "Size of SQLite's write-ahead log.", found.wal_bytes)


@contextmanager
def shared_by_workers() -> Iterator[None]:
    """Let the workers of this process count in one folder, empty at the start and removed at the end.

    It first removes the folder of a killed server. A folder that the environment names is left as it is.
    """
    if os.environ.get(FOLDER_VARIABLE):
        yield
        return
    parent = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    _remove_leftovers(parent)
    folder = tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=parent)
    os.environ[FOLDER_VARIABLE] = folder
    maker = os.getpid()
    try:
        yield
    finally:
        # Workers also exit through here.
        if os.getpid() == maker:
            shutil.rmtree(folder, ignore_errors=True)
            del os.environ[FOLDER_VARIABLE]


def _remove_leftovers(parent: Path) -> None:
    for folder in parent.glob(f"{FOLDER_PREFIX}*"):
        pid = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        is_left = pid.isdigit() and not Path(f"/proc/{pid}").exists()
        if is_left and not folder.is_symlink() and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
