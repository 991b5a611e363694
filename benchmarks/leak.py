"""The resources of a server during a million requests: `python -m benchmarks.leak --requests 1000000`.

16 clients send pings, lists and `/presence/now` as fast as they are answered. The resources must stop
growing:
the exit code is 1 if the last half of the requests adds more than 2 % to the memory, or a thread, or a
descriptor beyond those of the clients' connections.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from benchmarks.calls import request
from benchmarks.load import burst
from benchmarks.resident import HEAD, Held, held_by
from benchmarks.soak import fill, serving

CLIENTS = 16
PART_SECONDS = 10.0
MOST_GROWTH = 1.02


def main() -> None:
    """Read the options, run, print a table."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="sessiontrack-leak-") as folder:
        tokens = fill(Path(folder), CLIENTS)

        def requests(number: int) -> Iterator[bytes]:
            token = tokens[f"person {number}"]
            return cycle(
                [
                    request("POST", "/api/v2/sessionstart", token),
                    request("POST", "/api/v2/keepalive", token, b'{"visible": true, "path": "[a,b]"}'),
                    request("GET", "/api/v2/sessions?active=true", token),
                    request("GET", "/presence/now", token),
                    request("GET", "/sessions/session-events?format=json&limit=20", token),
                ]
            )

        with serving(Path(folder), options.workers, options.cores) as (process, port):
            done = 0
            samples: list[tuple[int, Held]] = []
            while done < options.requests:
                done += len(burst(port, CLIENTS, PART_SECONDS, requests).latencies)
                samples.append((done, held_by(process.pid)))
    print(f"| requests | {HEAD} |\n|---|---|---|---|---|---|")
    for number, held in samples[:1] + samples[1:-1][:: max(1, len(samples) // 8)] + samples[-1:]:
        print(f"| {number} | {held.row()} |")
    middle, last = samples[len(samples) // 2][1], samples[-1][1]
    more = last.descriptors - middle.descriptors
    sys.exit(last.pss > middle.pss * MOST_GROWTH or last.threads > middle.threads or more > CLIENTS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cores", default="0,1", help="the server's; the clients have the others")
    return parser.parse_args()


if __name__ == "__main__":
    main()
