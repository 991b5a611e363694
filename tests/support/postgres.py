"""Private PostgreSQL servers.

`python -m tests.support.postgres COMMAND...` runs a command with a private server.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import psycopg

from tests.support.engine import VARIABLE
from tests.support.ports import free_port
from tests.support.waiting import SECONDS

# The variable with the address of the server that this module has started.
NAME = "tester"
VERSION = 15
# Test data need not survive a power cut.
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "jit": "off",
    "random_page_cost": "1.1",
    "max_connections": "400",
    "max_wal_size": "4GB",
    "listen_addresses": "127.0.0.1",
    "timezone": "UTC",
}


def program(name: str) -> str:
    """The path of a PostgreSQL program, which Debian keeps out of the PATH."""
    found = shutil.which(name, path=f"/usr/lib/postgresql/{VERSION}/bin") or shutil.which(name)
    assert found is not None, f"{name} is missing: make test-postgres installs PostgreSQL {VERSION}"
    return found


def _user() -> str | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    return "postgres" if "postgres" in {each.pw_name for each in pwd.getpwall()} else "nobody"


def unprivileged(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program as a user who is not root."""
    done = subprocess.run(
        command,
        user=_user(),
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    assert not check or done.returncode == 0, done.stdout
    return done


def started_unprivileged(*command: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a program as a user who is not root."""
    return subprocess.Popen(command, user=_user(), cwd="/", stdout=log, stderr=subprocess.STDOUT)


def private_folder(prefix: str) -> Path:
    """A new folder in the system's temporary folder, owned by that user; a socket's path must be short."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if (user := _user()) is not None:
        shutil.chown(folder, user)
    return folder


class Cluster:
    """A PostgreSQL server on a free port of 127.0.0.1, as a context manager that stops it."""

    def __init__(self, copy_of: "Cluster | None" = None, **options: str) -> None:
        self.folder = private_folder("sessiontrack-postgres-")
        self.data = self.folder / "data"
        self.port = free_port()
        self._options = {**OPTIONS, **options, "port": str(self.port)}
        self._options["unix_socket_directories"] = str(self.folder)
        if copy_of is None:
            locale = ("--encoding=UTF8", "--locale=C.UTF-8")
            trust = ("--auth=trust", f"--username={NAME}", "--no-sync")
            unprivileged(program("initdb"), "-D", str(self.data), *locale, *trust)
        else:
            # Otherwise it waits for the next regular checkpoint, which takes minutes.
            options = ("-D", str(self.data), "-R", "--checkpoint=fast")
            unprivileged(program("pg_basebackup"), *options, "-d", copy_of.conninfo("postgres"))

    def conninfo(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={NAME} dbname={database}"

    def url(self, database: str) -> str:
        """The address of its socket, which also works in a network namespace of a test."""
        return f"postgresql+psycopg://{NAME}@/{database}?host={self.folder}&port={self.port}"

    def run(self, database: str, sql: str) -> list[tuple[Any, ...]]:
        """The result of a statement."""
        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return [] if cursor.description is None else cursor.fetchall()

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in self._options.items())
        log = str(self.folder / "log")
        unprivileged(program("pg_ctl"), "-D", str(self.data), "-l", log, "-o", options, "-w", "start")

    def promote(self) -> None:
        """Let a replica become a primary."""
        unprivileged(program("pg_ctl"), "-D", str(self.data), "-w", "promote")

    def stop(self, mode: str = "immediate") -> None:
        unprivileged(program("pg_ctl"), "-D", str(self.data), "-m", mode, "-w", "stop", check=False)

    def __enter__(self) -> "Cluster":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)


def main(command: Sequence[str]) -> int:
    """Run a command with a server; return its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Cluster() as cluster:
        return subprocess.run(command, env={**os.environ, VARIABLE: cluster.url("postgres")}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
