"""The cost of open pages: each polls `/presence/now` every five seconds with its ETag."""

import http.client
import json
import os
import time
from pathlib import Path
from statistics import median

EVERY_SECONDS = 5.0
NOW = "/presence/now?limit=12"


def report_open_pages(port: int, master: int, token: str, pages: int = 100, seconds: float = 30) -> None:
    """Print the share of a core that a server needs for these pages, while one user goes from page to page.

    Args:
        master: the process whose children serve.
        token: of a user with a user session.
    """
    connections = [http.client.HTTPConnection("127.0.0.1", port) for _ in range(pages)]
    tags = [""] * pages
    statuses = {200: 0, 304: 0}
    took: list[float] = []
    _ask(connections[0], token, body={"visible": True, "path": ["page", "0"]})
    cpu_before, began = _cpu_seconds(master), time.monotonic()
    for turn in range(round(pages * seconds / EVERY_SECONDS)):
        time.sleep(max(0.0, began + turn * EVERY_SECONDS / pages - time.monotonic()))
        # The users in the UI change every five seconds, and the answer with them.
        if turn % pages == 0:
            _ask(connections[0], token, body={"visible": True, "path": ["page", str(turn)]})
        asked_at = time.monotonic()
        status, tag = _ask(connections[turn % pages], token, tag=tags[turn % pages])
        took.append((time.monotonic() - asked_at) * 1000)
        statuses[status] += 1
        tags[turn % pages] = tag
    elapsed = time.monotonic() - began
    share = (_cpu_seconds(master) - cpu_before) / elapsed
    print(
        f"\n{pages} open pages for {elapsed:.0f} s: {share:.1%} of a core; {statuses[200]} answers and"
        f" {statuses[304]} of 304, median {median(took):.1f} ms",
        flush=True,
    )
    for each in connections:
        each.close()


def _ask(
    connection: http.client.HTTPConnection, token: str, tag: str = "", body: object = None
) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}", **({"If-None-Match": tag} if tag else {})}
    if body is None:
        connection.request("GET", NOW, headers=headers)
    else:
        connection.request("POST", "/api/v2/keepalive", json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status not in (200, 304):
        raise SystemExit(f"{answer.status} {answer.reason}")
    return answer.status, answer.headers.get("ETag", "")


def _cpu_seconds(master: int) -> float:
    """The processor time of that process and its children."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    ticks = 0
    for pid in (master, *children):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
