"""The resources of a running server, master and workers together: memory, file descriptors and threads."""

from dataclasses import astuple, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Held:
    """Memory in KiB; `pss` counts a shared page once, `rss` counts it in each process."""

    processes: int
    rss: int
    pss: int
    descriptors: int
    threads: int

    def row(self) -> str:
        """As cells of a Markdown table, memory in MiB."""
        return (
            f"{self.processes} | {self.rss / 1024:.1f} | {self.pss / 1024:.1f} |"
            f" {self.descriptors} | {self.threads}"
        )


HEAD = "processes | RSS MiB | PSS MiB | descriptors | threads"


def held_by(master: int) -> Held:
    """The current resources of this process and its children."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    each = [astuple(_held_by_one(pid)) for pid in (master, *map(int, children))]
    return Held(*map(sum, zip(*each, strict=True)))


def _held_by_one(pid: int) -> Held:
    folder = Path(f"/proc/{pid}")
    rollup = _numbers(folder / "smaps_rollup")
    threads = _numbers(folder / "status")["Threads"]
    return Held(1, rollup["Rss"], rollup["Pss"], len(list((folder / "fd").iterdir())), threads)


def _numbers(file: Path) -> dict[str, int]:
    """Lines like `Rss:  123 kB`."""
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
