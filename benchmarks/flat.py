"""Is every call as fast with ten million sessions as with ten thousand? `python -m benchmarks.flat`.

Every call of the OpenAPI document is asked in this process, of a copy of each history, at an instant that
stands still: the least of some tries in ms, of reads those of the processor. Those over 200 ms, those over
what is promised, and those that grow more than 1.3 times are named.

With --answers, what the reads answer is written into a folder, to compare two versions byte for byte. With
--postgres the histories are moved to a private PostgreSQL server: then all is by the clock, since the server
works too, and twice as much is allowed.
"""

import argparse
import hashlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from benchmarks.dataset import DATABASE, Shape, make_dataset
from benchmarks.flat_calls import A_BACKUP, CALLS, LONG, NOW, READS, WRITES, Call, values_of
from benchmarks.history import measure as seconds_of
from benchmarks.moving import SAFE, SIZED
from sessiontrack import create_app
from sessiontrack.database import Statement, db, write_transaction
from sessiontrack.services import api_tokens, users
from tests.support.postgres import Cluster

TRIES = 5
PASSWORD = "correct horse"
# A call that took this long is not repeated.
ENOUGH_SECONDS = 1.0
SLOW_MS = 200
GROWS = 1.3
# Smaller differences are noise, whatever their ratio.
NOISE_MS = 3
# Times what is promised of SQLite.
POSTGRES_MAY = 2
LOGIN = Statement(
    "INSERT INTO login (id, user_id, address, created_at, expires_at)"
    " SELECT :login_id, id, '', :now, :now + 3600 FROM \"user\" WHERE username = 'bench'"
)


@dataclass
class Measured:
    """The shortest time, in ms; answered: the size of the answer, and its SHA-256."""

    first: float = 1e9
    whole: float = 1e9
    size: int = 0
    digest: str = ""
    statuses: set[int] = field(default_factory=set)


class Asker:
    """Calls one application as an administrator."""

    def __init__(
        self,
        client: FlaskClient,
        secret: str,
        login: dict[str, str],
        values: dict[str, str],
        clock_of_reads: Callable[[], float],
    ) -> None:
        self._client = client
        self._clock_of_reads = clock_of_reads
        # What only somebody who has just signed in may do.
        self._secrets = {
            "/auth/refresh": login["refresh_token"],
            "/backups/{name}": login["access_token"],
        }
        self._secret = secret
        self._values = values

    def measure(self, call: Call, tries: int, keep: Path | None) -> Measured:
        """Call several times; `keep`: the file for the answer."""
        found, began = Measured(), time.perf_counter()
        for number in range(tries):
            self._ask(call, number, found, keep if number == 0 else None)
            if call.method == "GET" and time.perf_counter() - began > ENOUGH_SECONDS:
                break
        return found

    def _ask(self, call: Call, number: int, found: Measured, keep: Path | None) -> None:
        known = {**self._values, "n": str(number), "next": str(number + 1), "later": str(number + 2)}
        named = {**known, **{name: text.format(**known) for name, text in call.values}}
        secret = self._secrets.get(call.path, self._secret)
        # A write waits for the disk too.
        clock = self._clock_of_reads if call.method == "GET" else time.perf_counter
        began = clock()
        answer = self._client.open(
            call.path.format(**named),
            method=call.method,
            query_string=call.query.format(**named),
            json=None if call.body is None else _filled(call.body, named),
            headers={"Authorization": f"Bearer {secret}"},
            buffered=False,
        )
        pieces: list[bytes] = []
        digest, first = hashlib.sha256(), clock() - began
        size = 0
        for piece in answer.response:
            data = piece.encode() if isinstance(piece, str) else piece
            size += len(data)
            if keep is not None:
                digest.update(data)
                pieces.append(data if size < 4 << 20 else b"")
        whole = clock() - began
        answer.close()
        found.statuses.add(answer.status_code)
        found.first, found.whole = min(found.first, first * 1000), min(found.whole, whole * 1000)
        if keep is not None:
            found.size, found.digest = size, digest.hexdigest()
            count = answer.headers.get("X-Total-Count", "")
            keep.write_bytes(f"{found.digest} {size} {count}\n".encode() + b"".join(pieces))


def _filled(body: Any, known: dict[str, str]) -> Any:
    if isinstance(body, str):
        return body.format(**known)
    if isinstance(body, list):
        return [_filled(each, known) for each in body]
    if isinstance(body, dict):
        return {name: _filled(each, known) for name, each in body.items()}
    return body


def measure(
    shape: Shape,
    folder: Path,
    chosen: str,
    answers: Path | None,
    zone: str = "UTC",
    cluster: Cluster | None = None,
) -> dict[str, Measured]:
    """Measure all calls on a copy of that history, in a database of the cluster if there is one."""
    instance = folder / "instance"
    shutil.copytree(make_dataset(shape), instance)
    with closing(sqlite3.connect(instance / DATABASE)) as connection:
        last = "SELECT public_id FROM user_session ORDER BY id DESC LIMIT 1"
        (public_id,) = connection.execute(last).fetchone()
    backups = instance / "backups"
    backups.mkdir(exist_ok=True)
    (backups / A_BACKUP).write_bytes(b"SQLite format 3")
    settings = {"INSTANCE": instance, "WEBHOOK_ALLOW": "192.0.2.0/24", "TIMEZONE": zone}
    # What a read costs the processor, whatever else this machine does.
    clock_of_reads: Callable[[], float] = time.process_time
    if cluster is not None:
        name = f"flat_{shape.sessions}"
        cluster.run("postgres", f"CREATE DATABASE {name}")
        seconds_of(instance, "migrate-database", f"sqlite:///{instance / DATABASE}", cluster.url(name))
        settings["DATABASE_URL"], clock_of_reads = cluster.url(name), time.perf_counter
    app = create_app(settings)
    with patch("sessiontrack.clock.now", lambda: NOW):
        asker = _asker(app, values_of(shape, public_id), clock_of_reads)
        found = dict(_measured(asker, chosen, answers))
    with app.app_context():
        db.engine.dispose()
    # A backup that a call has begun may still be at work in it.
    shutil.rmtree(instance, ignore_errors=True)
    return found


def _measured(asker: Asker, chosen: str, answers: Path | None) -> Iterator[tuple[str, Measured]]:
    for calls, tries in ((READS, TRIES), (LONG, 1), (WRITES, 3)):
        last = max((place for place, call in enumerate(calls) if chosen in call.name), default=-1)
        for place, call in enumerate(calls):
            if chosen not in call.name:
                # A write may rest on those before it: who pings has a session, who deletes has added.
                if calls is WRITES and place < last:
                    asker.measure(call, tries, None)
            else:
                kept = call in WRITES or answers is None
                file = None if kept or answers is None else answers / call.name.replace("/", "-")
                yield call.name, asker.measure(call, tries, file)


def _asker(
    app: Flask, values: dict[str, str], clock_of_reads: Callable[[], float] = time.process_time
) -> Asker:
    client = app.test_client(use_cookies=False)
    with app.app_context(), write_transaction() as tx:
        password_hash = generate_password_hash(PASSWORD, method="pbkdf2:sha256:1")
        users.add_user(tx, NOW, "bench", password_hash, "admin")
        secret = api_tokens.issue_token(tx, NOW, "bench", "bench", None).secret
        for number in range(TRIES):
            tx.run(LOGIN, login_id=f"bench-{number}", now=NOW)
    tokens = client.post("/auth/login", json={"username": "bench", "password": PASSWORD}).get_json()
    return Asker(client, secret, tokens, values, clock_of_reads)


def table(sizes: list[int], found: list[dict[str, Measured]], allowed: int = 1) -> str:
    """A row for each call: ms at each size, of long answers the first byte and the last; what is wrong.

    Args:
        allowed: how many times what is promised.
    """
    heads = [f"{size:,}" for size in sizes]
    lines = [f"| call | {' | '.join(heads)} | promised | |", "|---" * (len(sizes) + 3) + "|"]
    for call in CALLS:
        if call.name not in found[0]:
            continue
        measured = [each[call.name] for each in found]
        cells = [_shown(each, call in LONG) for each in measured]
        promised = "" if call.most is None else " / ".join(f"{each * allowed:,.0f}" for each in call.most)
        remark = _remark(call, sizes, measured, allowed)
        lines.append(f"| {call.name} | {' | '.join(cells)} | {promised} | {remark} |")
    return "\n".join(lines)


def _shown(measured: Measured, is_long: bool) -> str:
    whole = f"{measured.whole:,.1f}"
    return f"{measured.first:,.1f} / {whole}" if is_long else whole


def _remark(call: Call, sizes: list[int], measured: list[Measured], allowed: int) -> str:
    """The fault of a call: an error, too slow, or slower with more history."""
    statuses = set().union(*(each.statuses for each in measured))
    times = [each.first if call in LONG else each.whole for each in measured]
    remarks = [f"answers {sorted(statuses)}"] if statuses != {200} else []
    most = {1_000_000: 0, 10_000_000: 1}
    promised = [call.most[most[size]] if call.most and size in most else SLOW_MS for size in sizes]
    limits = [each * allowed for each in promised]
    if any(time > limit for time, limit in zip(times, limits, strict=True)):
        remarks.append("over its limit" if call.most else f"over {SLOW_MS * allowed} ms")
    if times[-1] > GROWS * times[0] and times[-1] > NOISE_MS:
        remarks.append(f"grows {times[-1] / times[0]:.1f} times")
    return ", ".join(remarks)


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", default="1e4,1e6,1e7", help="sizes, the smallest first")
    parser.add_argument("--only", default="", help="calls with this in their name")
    parser.add_argument("--zone", default="UTC", help="the site's time zone")
    parser.add_argument("--answers", type=Path, help="a folder for what the reads answer")
    parser.add_argument("--postgres", action="store_true", help="on a private server of PostgreSQL")
    given = parser.parse_args()
    if not any(given.only in call.name for call in CALLS):
        names = "; ".join(call.name for call in CALLS)
        parser.error(f"no call has {given.only!r} in its name; there are: {names}")
    sizes = [int(float(each)) for each in given.sessions.split(",")]
    folder = Path(tempfile.mkdtemp(prefix="sessiontrack-flat-"))
    if given.answers is not None:
        given.answers.mkdir(parents=True, exist_ok=True)
    try:
        with Cluster(**SAFE, **SIZED) if given.postgres else nullcontext() as cluster:
            of_all = (given.only, given.answers, given.zone, cluster)
            found = [measure(Shape.of(size), folder, *of_all) for size in sizes]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(sizes, found, POSTGRES_MAY if given.postgres else 1))


if __name__ == "__main__":
    main()
