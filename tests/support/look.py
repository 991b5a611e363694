"""A program that scans its network for each line of its input, and prints a line of JSON for each."""

import json
import sys

from sessiontrack.sources.network import Scanner, ThisKernel
from sessiontrack.sources.segment import find_segment

segment = find_segment(sys.argv[1] if len(sys.argv) > 1 else None)
scanner = Scanner(segment, ThisKernel(segment))
for _ in sys.stdin:
    found = scanner.look()
    seen = {each.mac: each.ip for each in found.devices if each.is_sighting}
    neither = [each.mac for each in found.devices if not each.is_sighting]
    print(json.dumps({"seen": seen, "neither": neither, "notes": found.notes}), flush=True)
