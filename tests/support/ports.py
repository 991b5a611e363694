"""Free ports of 127.0.0.1, reserved between choice and use."""

import random
import socket
from contextlib import ExitStack

# Below the ephemeral ports that the kernel assigns to outgoing connections.
PORTS = range(20_000, 32_000)
# An abstract socket with this name reserves the port's number while its test process runs.
_taken: list[socket.socket] = []


def free_port() -> int:
    """A port on which a program will listen later, over TCP or UDP."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0sessiontrack-test-port-{port}")
            with ExitStack() as tried:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    tried.enter_context(socket.socket(type=kind)).bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        _taken.append(mark)
        return port
