"""Accounting packets at a steady rate: `python -m benchmarks.radius --rate 1000 --seconds 10`.

Starts `sessiontrack listen radius` on a new instance folder under benchmarks/data, and sends each packet once
from
this process. Prints how many were answered, how long the answers took, and what is stored.
"""

import argparse
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from hashlib import md5
from pathlib import Path

from benchmarks.dataset import DATA

SECRET = b"benchmark"
START, STOP, INTERIM = 1, 2, 3
DEVICES = 2000
PATIENCE_SECONDS = 20


def packet(number: int) -> bytes:
    """All devices in turn: Start, two Interim-Updates, Stop, and so on; all packets differ."""
    device, turn = number % DEVICES, number // DEVICES
    values = {
        31: b"AA-BB-CC-%02X-%02X-%02X" % (device >> 16, device >> 8 & 255, device & 255),
        32: b"ap-%d" % (device % 20),
        44: b"%08X-%d" % (device, turn // 4),
        8: bytes([10, 9, device >> 8, device & 255]),
        40: (START, INTERIM, INTERIM, STOP)[turn % 4].to_bytes(4, "big"),
        46: (turn % 4).to_bytes(4, "big"),
        1: b"person-%d" % device,
    }
    attributes = b"".join(bytes([code, len(value) + 2]) + value for code, value in values.items())
    head = bytes([4, number % 256]) + (20 + len(attributes)).to_bytes(2, "big")
    return head + md5(head + bytes(16) + attributes + SECRET).digest() + attributes


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    """The server, ready."""
    shutil.rmtree(folder, ignore_errors=True)
    settings = {"INSTANCE": str(folder), "RADIUS_CLIENTS": f"127.0.0.1={SECRET.decode()}"}
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("sessiontrack")), "listen", "radius", "--port", str(port)],
        env={**os.environ, "PYTHONUNBUFFERED": "1", **{f"SESSIONTRACK_{k}": v for k, v in settings.items()}},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if "Listening" not in process.stdout.readline():
        raise SystemExit("The server did not start.")
    return process


def send(port: int, rate: int, seconds: int) -> tuple[dict[int, float], dict[int, float]]:
    """When each packet was sent and answered, by number."""
    sent: dict[int, float] = {}
    answered: dict[int, float] = {}
    datagrams = [packet(number) for number in range(rate * seconds)]
    verifiers: dict[bytes, int] = {}
    for number, raw in enumerate(datagrams):
        verifiers[md5(bytes([5, raw[1], 0, 20]) + raw[4:20] + SECRET).digest()] = number
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
        sender.connect(("127.0.0.1", port))
        sender.settimeout(PATIENCE_SECONDS)

        def collect() -> None:
            while len(answered) < len(datagrams):
                try:
                    raw = sender.recv(4096)
                except TimeoutError:
                    return
                answered[verifiers[raw[4:20]]] = time.monotonic()

        collector = threading.Thread(target=collect)
        collector.start()
        begin = time.monotonic()
        for number, datagram in enumerate(datagrams):
            time.sleep(max(0, begin + number / rate - time.monotonic()))
            sent[number] = time.monotonic()
            sender.send(datagram)
        collector.join()
    return sent, answered


def main() -> None:
    """Run it once."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=int, default=1000)
    options.add_argument("--seconds", type=int, default=10)
    chosen = options.parse_args()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = DATA / "radius"
    process = start(folder, port)
    try:
        sent, answered = send(port, chosen.rate, chosen.seconds)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(10)
    waits = sorted(answered[number] - sent[number] for number in answered)
    took = max(sent.values()) - min(sent.values())
    with sqlite3.connect(folder / "sessiontrack.sqlite3") as stored:
        (evidence,) = stored.execute("SELECT count(*) FROM device_evidence").fetchone()
        (sessions,) = stored.execute("SELECT count(*) FROM device_session").fetchone()
    print(f"sent {len(sent)} in {took:.1f} s ({len(sent) / took:.0f}/s), answered {len(answered)}")
    for share in (50, 95, 99, 100):
        place = min(len(waits) - 1, len(waits) * share // 100)
        print(f"answered within, {share} %: {waits[place] * 1000:.0f} ms")
    print(f"stored: {evidence} pieces of evidence, {sessions} sessions; exit code {code}")


if __name__ == "__main__":
    main()
