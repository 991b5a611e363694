"""Whether a write is possible: by one."""

from sessiontrack.database import Statement, Transaction

COUNT = Statement(
    "INSERT INTO write_probe (id, number) VALUES (1, 1)"
    " ON CONFLICT (id) DO UPDATE SET number = write_probe.number + 1"
)


def probe(tx: Transaction) -> None:
    """Write a row; it is the commit that fails where the disk is full."""
    tx.run(COUNT)
