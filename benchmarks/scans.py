"""How long a complete scan of a large network takes: `python -m benchmarks.scans`.

POST /presence/scans through the WSGI application, without a socket, on a new database. In each scan one
device in a hundred has changed: half of these are new, and half are gone, which ends their sessions. The
floor of the same run: json.loads of the same body, and its devices inserted into a temporary table by bare
sqlite3.
"""

import argparse
import io
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask

from sessiontrack import create_app, migrations
from sessiontrack.database import db, write_transaction
from sessiontrack.senders.signatures import new_secret
from sessiontrack.services import api_tokens, users, webhooks

# Devices, and the target in milliseconds.
SIZES = ((10_000, 150), (65_536, 1000))
WARM_UP = 2
# Longer than the grace time: the second scan that misses a device ends its session.
BETWEEN_SECONDS = 660


def scan_body(devices: int, turn: int, at: int) -> bytes:
    """A sliding window over more devices than one scan has."""
    changed = devices // 200
    numbers = range(turn * changed, turn * changed + devices)
    return json.dumps(
        {
            "source": "bench",
            "at": at,
            "devices": [
                {
                    "mac": f"AA:BB:{n >> 24 & 255:02X}:{n >> 16 & 255:02X}:{n >> 8 & 255:02X}:{n & 255:02X}",
                    "ip": f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}",
                }
                for n in numbers
            ],
        }
    ).encode()


def post(app: Flask, token: str, body: bytes) -> tuple[float, dict[str, Any]]:
    """The seconds of one call, and its answer."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/presence/scans",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    told: list[str] = []

    def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
        told.append(status)
        return lambda _: None

    began = time.perf_counter()
    answer = b"".join(app.wsgi_app(environ, start_response))
    took = time.perf_counter() - began
    if told[0] != "200 OK":
        raise SystemExit(f"{told[0]} {answer[:200]!r}")
    return took, json.loads(answer)


def floor(body: bytes) -> float:
    """The seconds of the work that no implementation can avoid."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TEMPORARY TABLE sighted (mac TEXT PRIMARY KEY, ip TEXT NOT NULL)")
    began = time.perf_counter()
    devices = json.loads(body)["devices"]
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO sighted VALUES (:mac, :ip)", devices)
    connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return took


def measure(devices: int, rounds: int, receivers: int) -> tuple[list[float], list[float], float]:
    """The milliseconds of each scan, of each floor, and of the first scan, which creates all devices."""
    taken, floors = [], []
    with tempfile.TemporaryDirectory(prefix="sessiontrack-scans-") as folder:
        app = create_app({"INSTANCE": Path(folder)})
        now = int(time.time())
        with app.app_context():
            migrations.upgrade(db.engine)
            with write_transaction() as tx:
                users.add_user(tx, now, "bench", "no password", "operator")
                for number in range(receivers):
                    webhooks.add_webhook(tx, now, f"hook {number}", "http://192.0.2.1/", new_secret(), [])
                token = api_tokens.issue_token(tx, now, "bench", "bench", None).secret
        begin = now - (WARM_UP + rounds) * BETWEEN_SECONDS
        for turn in range(WARM_UP + rounds):
            body = scan_body(devices, turn, begin + turn * BETWEEN_SECONDS)
            took, told = post(app, token, body)
            changed = devices // 200
            if turn > 1 and (told["new"], told["disconnected"], told["suspicious"]) != (
                changed,
                changed,
                False,
            ):
                raise SystemExit(f"The scan did not do what is measured: {told}")
            taken.append(took * 1000)
            floors.append(floor(body) * 1000)
        with app.app_context():
            db.engine.dispose()
    return taken[WARM_UP:], floors[WARM_UP:], taken[0]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--webhooks", type=int, default=0, help="that are told of everything")
    given = parser.parse_args()
    print("| devices | aim ms | median ms | worst | floor, median | worst | median / floor | first scan ms |")
    print("|---|---|---|---|---|---|---|---|")
    for devices, aim in SIZES:
        taken, floors, first = measure(devices, given.rounds, given.webhooks)
        print(
            f"| {devices} | {aim} | {median(taken):.0f} | {max(taken):.0f} | {median(floors):.0f}"
            f" | {max(floors):.0f} | {median(taken) / median(floors):.1f} | {first:.0f} |"
        )


if __name__ == "__main__":
    main()
