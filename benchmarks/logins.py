"""What refused logins reveal, and what logins cost: `python -m benchmarks.logins`.

The time of a refused login for an existing and an unknown name, in turns; and the latency of pings during
many concurrent logins. On the real server, without limits on attempts.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.soak import fill, serving

PINGS = 200


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logins", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    options = parser.parse_args()
    no_limits = {"LOGIN_ATTEMPTS_PER_NAME": "10000", "LOGIN_ATTEMPTS_PER_ADDRESS": "10000"}
    with tempfile.TemporaryDirectory(prefix="sessiontrack-logins-") as folder:
        token = fill(Path(folder), 1)["person 0"]
        with serving(Path(folder), 2, "0,1", no_limits) as (_, port):
            known, unknown = _refusals(port, options.logins)
            call(port, "/api/v2/sessionstart", "", token)
            idle = [_ping(port, token) for _ in range(PINGS)]
            with ThreadPoolExecutor(options.at_once) as pool:
                busy = [pool.submit(_log_in, port, "admin", "wrong") for _ in range(options.at_once)]
                during = []
                while not all(each.done() for each in busy):
                    during.append(_ping(port, token))
    difference = 100 * (statistics.median(unknown) / statistics.median(known) - 1)
    print("| what | figure |\n|---|---|")
    for name, seconds in (("known", known), ("unknown", unknown)):
        print(f"| refused login, {name} name, median of {len(seconds)} | {_ms(statistics.median(seconds))} |")
    print(f"| difference of the medians | {difference:+.1f} % |")
    print(f"| ping alone, p99 of {len(idle)} | {_ms(_p99(idle))} |")
    print(f"| ping during {options.at_once} logins at once, p99 of {len(during)} | {_ms(_p99(during))} |")
    print(f"| of those logins, answered 429 | {sum(each.result() == 429 for each in busy)} |")


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


def call(port: int, path: str, body: str, token: str = "") -> int:
    """The status of a POST on a new connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request("POST", path, body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def _log_in(port: int, username: str, password: str) -> int:
    status = call(port, "/auth/login", f'{{"username": "{username}", "password": "{password}"}}')
    if status not in (401, 429):
        raise RuntimeError(f"A login that must be refused was answered {status}.")
    return status


def _ping(port: int, token: str) -> float:
    return _timed(lambda: call(port, "/api/v2/keepalive", '{"visible": false}', token))


def _refusals(port: int, number: int) -> tuple[list[float], list[float]]:
    known, unknown = [], []
    # In turns, so that other load on the machine affects both.
    for _ in range(number):
        known.append(_timed(lambda: _log_in(port, "admin", "wrong")))
        unknown.append(_timed(lambda: _log_in(port, "nobody", "wrong")))
    return known, unknown


def _timed(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def _p99(seconds: list[float]) -> float:
    ordered = sorted(seconds)
    return ordered[len(ordered) * 99 // 100]


if __name__ == "__main__":
    main()
