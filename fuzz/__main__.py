"""All targets one after the other: `python -m fuzz --minutes 10`, of which RADIUS has half."""

import argparse
import re
import subprocess
import sys

from sessiontrack.sources.formats import FORMATS


def main() -> None:
    """Run them, print a table; exit code 1 where one found a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    minutes = parser.parse_args().minutes
    print("| parser | seconds | inputs | edges reached | faults |\n|---|---|---|---|---|", flush=True)
    failed = False
    for name in ("radius", *FORMATS):
        seconds = max(1, round(minutes * 30 / (1 if name == "radius" else len(FORMATS))))
        ran = subprocess.run(
            [sys.executable, "-m", "fuzz.targets", name, "--seconds", str(seconds)],
            capture_output=True,
            text=True,
            errors="replace",
        )
        inputs = re.findall(r"stat::number_of_executed_units: *([0-9]+)", ran.stderr) or ["?"]
        edges = re.findall(r" cov: ([0-9]+) ", ran.stderr) or ["?"]
        print(f"| {name} | {seconds} | {inputs[-1]} | {edges[-1]} | {int(ran.returncode != 0)} |", flush=True)
        if ran.returncode:
            failed = True
            print(ran.stderr[-4000:], file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
