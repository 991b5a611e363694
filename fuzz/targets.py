"""One fuzzing process: `python -m fuzz.targets radius --seconds 300`; it ends with 0, or at the first fault.

What is asked of each parser: whatever it is given, only its own error is raised, and what it gives can be
stored and shown. The corpus begins with what real programs wrote (tests/support/captured).
"""

import argparse
import hashlib
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["sessiontrack.sources", "sessiontrack.values.macs", "sessiontrack.values.ips", "pyrad"]
):
    from sessiontrack.exceptions import UnreadableObservations, UnreadablePacket
    from sessiontrack.sources import radius
    from sessiontrack.sources.formats import FORMATS, Reading
    from sessiontrack.values.timestamps import IN_UTC

CAPTURED = Path(__file__).parent.parent / "tests" / "support" / "captured"
SECRET = b"correct horse"
NOW = 1_755_259_200
LONGEST = {"radius": 4096}


def read_packet(data: bytes) -> None:
    """A datagram as it came, or signed by somebody who knows the secret: only those are looked into."""
    if data[:1] != b"S":
        datagram = data[1:]
    else:
        attributes = data[2:4078]
        code = (4, 12, 5, 1)[data[1] % 4] if len(data) > 1 else 4
        head = struct.pack(">BBH", code, 7, 20 + len(attributes))
        datagram = head + hashlib.md5(head + bytes(16) + attributes + SECRET).digest() + attributes
    try:
        found = radius.read_accounting(datagram, "10.0.0.1", SECRET)
    except UnreadablePacket:
        return
    assert found.answer
    assert len(found.source) <= radius.LONGEST_SOURCE
    assert found.source.isprintable()
    assert len(found.info) <= radius.LONGEST_INFO
    assert found.info.isprintable()
    assert found.delay_seconds >= 0


def read_text(name: str) -> Callable[[bytes], None]:
    """What a program printed, or a file of leases."""
    parse = FORMATS[name].parse

    def read(data: bytes) -> None:
        text = data.decode("utf-8-sig", "replace")
        try:
            found = parse(Reading(text, NOW), IN_UTC)
        except UnreadableObservations:
            return
        macs = [device.mac for device in found.devices]
        assert macs == sorted(set(macs))
        assert all(fault.isprintable() for fault in found.faults)

    return read


TARGETS: dict[str, Callable[[bytes], None]] = {
    "radius": read_packet,
    **{name: read_text(name) for name in FORMATS},
}


def seeds(target: str) -> Iterator[bytes]:
    """What the corpus begins with."""
    if target == "radius":
        text = b"AA-BB-CC-00-00-01"
        station = bytes([31, 2 + len(text)]) + text
        for status in (1, 2, 3, 7, 8):
            yield b"S\x00" + bytes([40, 6, 0, 0, 0, status]) + station
        yield (
            b"S\x00"
            + bytes([40, 6, 0, 0, 0, 3, 8, 6, 10, 0, 0, 7, 41, 6, 0, 0, 0, 9, 55, 6, 90, 0, 0, 0])
            + station
        )
        yield (
            b"S\x00"
            + bytes([40, 6, 0, 0, 0, 1, 168, 18])
            + bytes(range(16))
            + bytes([32, 4, 65, 66])
            + station
        )
        yield b"S\x01" + bytes([80, 18]) + bytes(16)
    else:
        yield b"mac,ip,name,vendor,at\nda:a1:19:11:22:33,10.0.0.5,phone,Acme,2025-08-15 12:00\n"
        yield b'[{"dst":"10.0.0.7","dev":"eth0","lladdr":"aa:bb:cc:00:00:07","state":["REACHABLE"]}]'
        for file in CAPTURED.iterdir():
            if file.suffix in (".txt", ".xml", ".leases", ".csv"):
                yield file.read_bytes()


def main() -> None:
    """Fuzz one target for so long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sessiontrack-fuzz-") as corpus:
        for number, seed in enumerate(seeds(options.target)):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        longest = LONGEST.get(options.target, 16_384)
        limits = [
            f"-max_total_time={options.seconds}",
            f"-max_len={longest}",
            "-timeout=10",
            "-rss_limit_mb=1024",
        ]
        flags = [*limits, "-print_final_stats=1", f"-artifact_prefix={Path.cwd()}/", corpus]
        atheris.Setup([sys.argv[0], *flags], TARGETS[options.target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
