"""Results as a table in Markdown."""

from collections.abc import Iterator
from typing import Any

GROWTH_CLIENTS = 1


def table(results: dict[str, Any]) -> str:
    """All sizes one below the other, and the ratio of the largest to the smallest."""
    lines = [", ".join(f"{name} {value}" for name, value in results["machine"].items())]
    for size in results["sizes"]:
        lines += ["", *_of_size(size)]
    if len(results["sizes"]) > 1:
        lines += ["", *_growth(results["sizes"])]
    return "\n".join(lines)


def _of_size(size: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{size['sessions']:,} sessions of {size['devices']:,} devices in {size['days']:,} days,"
        f" {size['user_sessions']:,} user sessions, {size['database_mib']:,} MiB:"
    )
    yield ""
    yield (
        "| call | clients | bytes | requests/s | p50 / p95 / p99 ms | floor: requests/s | p50 / p99 |"
        " p50 : floor | requests/s : floor | p99 : floor |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for row in size["rows"]:
        app, floor = row["app"], row.get("plain") or row.get("flask")
        cells = [
            row["call"],
            row["clients"],
            row["bytes"] or "",
            f"{app['per_second']:.0f}",
            f"{app['p50']:.2f} / {app['p95']:.2f} / {app['p99']:.2f}",
            f"{floor['per_second']:.0f}" if floor else "",
            f"{floor['p50']:.2f} / {floor['p99']:.2f}" if floor else "",
            f"{app['p50'] / floor['p50']:.2f}" if floor else "",
            f"{app['per_second'] / floor['per_second']:.2f}" if floor else "",
            f"{app['p99'] / floor['p99']:.2f}" if floor else "",
        ]
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    for name, memory in size["memory_kib"].items():
        pss, largest = sum(memory["pss"]) / 1024, max(memory["rss"]) / 1024
        yield f"Memory at the end, {name}: {pss:.0f} MiB PSS in all; the largest process {largest:.0f} RSS."


def _growth(sizes: list[dict[str, Any]]) -> Iterator[str]:
    """The p50 of one client at each size."""
    yield (
        f"| call: p50 in ms by {GROWTH_CLIENTS} client | "
        + " | ".join(f"{size['sessions']:,}" for size in sizes)
        + " | growth | bytes |"
    )
    yield "|---" * (len(sizes) + 3) + "|"
    for row in sizes[0]["rows"]:
        if row["clients"] != GROWTH_CLIENTS:
            continue
        same = [
            other
            for size in sizes
            for other in size["rows"]
            if (other["call"], other["clients"]) == (row["call"], GROWTH_CLIENTS)
        ]
        p50 = [other["app"]["p50"] for other in same]
        shown = " | ".join(f"{each:.2f}" for each in p50)
        sizes_shown = f"{same[0]['bytes']} to {same[-1]['bytes']}"
        yield f"| {row['call']} | {shown} | {p50[-1] / p50[0]:.2f} | {sizes_shown} |"
