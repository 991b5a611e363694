"""Free ports of 127.0.0.1, which nobody else is given between the choice and the use."""

import random
import socket
from contextlib import ExitStack

# Below those that the kernel gives out by itself, to whoever connects to something.
PORTS = range(20_000, 32_000)
# A name on this machine says that a test process has the port of that number, as long as it runs.
_taken: list[socket.socket] = []


def free_port() -> int:
    """A port for a program that will listen on it later, over TCP or UDP."""
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
