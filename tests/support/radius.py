"""RADIUS accounting packets, a server for them, and Debian's radclient."""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from pyrad.packet import AcctPacket

from sessiontrack.config import settings_of
from sessiontrack.listeners.radius import RadiusServer
from sessiontrack.services.presence import PresenceRules
from sessiontrack.sources import radius
from tests.support.waiting import SECONDS, join

SECRET = b"correct horse"
MAC = "AA:BB:CC:00:00:01"


def packet(status: int | None, secret: bytes = SECRET, number: int = 1, **attributes: Any) -> bytes:
    """An Accounting-Request of a station on a NAS; attributes by name with underscores replace its own."""
    usual = {
        "Acct-Status-Type": status,
        "Calling-Station-Id": "AA-BB-CC-00-00-01",
        "NAS-Identifier": "ap-1",
        "Acct-Session-Id": "5F00",
    }
    chosen = {**usual, **{name.replace("_", "-"): value for name, value in attributes.items()}}
    made = AcctPacket(id=number, secret=secret, dict=radius._DICTIONARY)
    for name, value in chosen.items():
        if value is not None:
            made.AddAttribute(name, value)
    encoded: bytes = made.RequestPacket()
    return encoded


@contextlib.contextmanager
def running(app: Flask, reports: list[str] | None = None) -> Iterator[RadiusServer]:
    """Run the server on its own port in a thread; at the end it has stopped."""
    settings = settings_of(app)
    server = RadiusServer("127.0.0.1", 0, settings.radius_clients, PresenceRules.of(settings))

    def serve() -> None:
        with app.app_context():
            server.serve((reports if reports is not None else []).append)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        join(thread)


@contextlib.contextmanager
def asked(port: int, *datagrams: bytes) -> Iterator[socket.socket]:
    """Send all packets; give the socket that receives the answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(SECONDS)
        sender.connect(("127.0.0.1", port))
        for datagram in datagrams:
            sender.send(datagram)
        yield sender


def ask(port: int, *datagrams: bytes) -> list[bytes]:
    """Send all packets, and receive an answer for each."""
    with asked(port, *datagrams) as sender:
        return [sender.recv(4096) for _ in datagrams]


def assert_silent(sender: socket.socket) -> None:
    """Check that the packets have been processed without an answer."""
    sender.setblocking(False)
    with pytest.raises(BlockingIOError):
        sender.recv(4096)


def radclient(port: int, *attributes: str, secret: bytes = SECRET, retries: int = 3) -> str:
    """The output of the real client for an Accounting-Request with these attributes."""
    ran = subprocess.run(
        ["radclient", "-x", "-t", "1", "-r", str(retries), f"127.0.0.1:{port}", "acct", secret.decode()],
        input=", ".join(attributes),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    return ran.stdout + ran.stderr
