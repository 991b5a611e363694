"""Which database the tests run on."""

import os

# The address of the private PostgreSQL; none: SQLite.
VARIABLE = "TEST_POSTGRES_URL"
SERVER = os.environ.get(VARIABLE, "")
IS_POSTGRES = bool(SERVER)
# Tests of modules without a database need not run on each back end.
WITHOUT_DATABASE = frozenset(
    f"test_{name}"
    for name in (
        "architecture",
        "arp_scan",
        "instance",
        "ip_neigh",
        "ips",
        "json_rows",
        "macs",
        "nmap",
        "paths",
        "periods",
        "proxies",
        "radius",
        "simulation",
        "timestamps",
        "vendors",
        "writer_lock",
    )
)
