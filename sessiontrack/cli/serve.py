"""`sessiontrack serve`: the production server, gunicorn, in the foreground."""

import ctypes
import gc
import logging
import os
import socket
import sys
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click
from flask import Flask
from gunicorn import util as gunicorn_util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger

from sessiontrack.application import create_app
from sessiontrack.background import housekeeping
from sessiontrack.background.dispatcher import Dispatcher
from sessiontrack.cli.application import prepared_app
from sessiontrack.config import settings_as_text, settings_of
from sessiontrack.database import db
from sessiontrack.exceptions import SessiontrackError
from sessiontrack.http.errors import status_body
from sessiontrack.monitoring.metrics import shared_by_workers
from sessiontrack.process.paced_worker import PacedWorker
from sessiontrack.process.served_settings import ServedSettings
from sessiontrack.process.supervisor import Supervisor
from sessiontrack.startup import log_start

log = logging.getLogger(__name__)
# SIGTERM and SIGINT end the server within 5 s: what is being answered has until then.
GRACEFUL_SECONDS = 4
LAST_DELIVERY_SECONDS = 0.5
# malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE = 64 << 10
MOST_WORKERS = 4
# Of the host, for each: a worker has 25 MB of its own, and a large scan or answer needs several times that.
MEMORY_OF_WORKER = 512 << 20
# How long a thread may keep the interpreter while others wait. A ping takes it several times; beside a
# reader of a month it waited 5 ms, Python's default, each time.
SWITCH_SECONDS = 0.0005


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=lambda: default_workers(len(os.sched_getaffinity(0)), memory_bytes()),
    show_default="one a core and 512 MB of memory, at most 4",
    help="Worker processes.",
)
def serve(host: str, port: int, workers: int) -> None:
    """Migrate the database, then serve until SIGTERM or SIGINT.

    Example: sessiontrack serve --host 127.0.0.1 --port 8000 --workers 2
    """
    _refuse_taken(host, port)
    # Until it serves: what is made until then stays.
    gc.disable()
    try:
        # Both before the application: it counts where this says, and its children have no supervisor.
        with shared_by_workers(), Supervisor() as supervisor:
            read = settings_as_text()
            app = prepared_app(is_service=True, makes_instance=True, make=create_app)
            settings = settings_of(app)
            served = ServedSettings(settings.instance)
            served.write(read)
            _Server(app, host, port, workers, settings.threads, supervisor, served).run()
    finally:
        # Where it could not start, a test that called it in its own process goes on.
        gc.enable()


def default_workers(cores: int, memory: int) -> int:
    """How many there are by default: as many as have a core and enough memory beside the rest."""
    return max(1, min(MOST_WORKERS, cores, round(memory / MEMORY_OF_WORKER)))


def memory_bytes() -> int:
    """The memory of this host, or what its control group may have of it, where that is less."""
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        # "max" is no number.
        return min(host, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return host


def _refuse_taken(host: str, port: int) -> None:
    """Say it in one line before anything is started; gunicorn would try for a while."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror}.") from error


class _Server(BaseApplication):
    """gunicorn with our application; loaded once and shared by the workers it forks."""

    def __init__(
        self,
        app: Flask,
        host: str,
        port: int,
        workers: int,
        threads: int,
        supervisor: Supervisor,
        served: ServedSettings,
    ) -> None:
        self._flask = app
        self._served = served
        self._supervisor = supervisor
        shown = f"[{host}]" if ":" in host else host
        self._address = f"{shown}:{port}"
        self._workers = workers
        self._threads = threads
        self._dispatcher: Dispatcher | None = None
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings; a GUNICORN_CMD_ARGS of the environment has no say."""
        chosen: dict[str, Any] = {
            "bind": self._address,
            "workers": self._workers,
            "worker_class": PacedWorker,
            "threads": self._threads,
            "preload_app": True,
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": 75,
            # A table of 15 named columns sends 4 KB; this is the most that gunicorn takes.
            "limit_request_line": 8190,
            "loglevel": "warning",
            "logger_class": _Log,
            "when_ready": self._announce,
            "pre_fork": _share_memory,
            "post_worker_init": self._begin_work,
            "worker_exit": self._end_delivering,
            # What proxies say is for proxies.py to believe or not.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "control_socket_disable": True,
            # By default those of when gunicorn was imported, before root became the folder's owner.
            "user": os.geteuid(),
            "group": os.getegid(),
        }
        for name, value in chosen.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, for the master to hand to its workers."""
        _keep_little()
        gunicorn_util.write_error = _write_json_error
        self._flask.url_map.update()
        with self._flask.app_context():
            # A connection must not be used on both sides of a fork.
            db.engine.dispose()
        return self._flask

    def reload(self) -> None:
        """On SIGHUP: read the settings anew, for new workers; where they cannot work, the old ones hold."""
        try:
            read = settings_as_text()
            app = prepared_app(is_service=True, make=create_app)
        except SessiontrackError as error:
            log.error("The settings stay as they were: %s", error.message)
        else:
            settings = settings_of(app)
            self._flask, self._threads, self.callable = app, settings.threads, None
            self._served.write(read)
            log.info("The settings are read anew.")
        super().reload()

    def _begin_work(self, worker: object) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        housekeeping.start(self._flask)
        self._dispatcher = Dispatcher(self._flask)
        self._dispatcher.start()

    def _end_delivering(self, server: object, worker: object) -> None:
        if self._dispatcher is not None:
            self._dispatcher.stop(LAST_DELIVERY_SECONDS)

    def run(self) -> None:
        """Serve until a signal says to end."""
        try:
            _Arbiter(self, self._supervisor).run()
        except RuntimeError as error:
            raise click.ClickException(str(error)) from error

    def _announce(self, server: Arbiter) -> None:
        gc.enable()
        click.echo(f"Serving on http://{self._address}  (Ctrl-C ends it)")
        workers = f"{self._workers} workers of {self._threads} threads"
        log_start(settings_of(self._flask), workers)
        listener: socket.socket = server.LISTENERS[0].sock
        family, (host, port, *_) = listener.family, listener.getsockname()
        target = _reachable(host), port
        self._supervisor.watch(lambda seconds: answers(family, target, seconds))


class _Arbiter(Arbiter):
    """gunicorn's master, which notifies the supervisor that it ends."""

    def __init__(self, app: BaseApplication, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        super().__init__(app)

    def stop(self, graceful: bool = True) -> None:
        """End the workers."""
        self._supervisor.stopping()
        super().stop(graceful)


class _Log(Logger):
    """gunicorn's own messages, among all others and in their format."""

    def setup(self, cfg: Config) -> None:
        """As gunicorn does, but for its handler."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _reachable(host: str) -> str:
    """Where the server reaches itself."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def answers(family: socket.AddressFamily, target: tuple[str, int], seconds: float) -> bool:
    """Whether a request gets an answer within that time, from whichever worker takes it.

    By hand, and to an address that needs no resolving: this runs in a thread beside gunicorn's forks, and a
    lock that it held at such a moment (of an import, of the resolver) would stay locked in the worker.
    """
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.socket(family) as connection:
            connection.settimeout(seconds)
            connection.connect(target)
            connection.sendall(request)
            return connection.recv(12).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _keep_little() -> None:
    """Give back the memory that a long answer took, once it is sent.

    All threads of a worker allocate from two arenas: one each would keep what only one needed. What is large
    is mapped by itself, always: glibc would stop to do so after the first one.
    """
    with suppress(OSError, AttributeError):  # where the C library is not glibc
        libc = ctypes.CDLL(None)
        for option, value in ((M_ARENA_MAX, 2), (M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE)):
            libc.mallopt(option, value)


def _share_memory(server: object, worker: object) -> None:
    """What is there before a fork is not collected after it, so its pages stay shared."""
    gc.freeze()


def _write_json_error(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:
    """What gunicorn answers to a request it cannot read: as every error, not HTML."""
    if status_int == HTTPStatus.NOT_IMPLEMENTED:
        # An unknown Transfer-Encoding: the client's fault, and no input gets a 5xx.
        status_int = HTTPStatus.BAD_REQUEST
    body = status_body(status_int)
    head = (
        f"HTTP/1.1 {int(status_int)} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    gunicorn_util.write_nonblock(sock, head.encode("latin-1") + body)
