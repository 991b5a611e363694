"""Which database the tests run on."""

import os

# The address of the private PostgreSQL; none: SQLite.
VARIABLE = "TEST_POSTGRES_URL"
SERVER = os.environ.get(VARIABLE, "")
IS_POSTGRES = bool(SERVER)
# Tests without a database, or with one of their own, need not run on each back end.
WITHOUT_DATABASE = frozenset(
    f"test_{name}"
    for name in (
        "appliance",
        "architecture",
        "arp_scan",
        "company",
        "home",
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
        "shown_lines",
        "simulation",
        "sources_hostile",
        "strange_paths",
        "timestamps",
        "vendors",
        "writer_lock",
    )
)
