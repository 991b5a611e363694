"""The database: statements, transactions, maintenance; engines/ has what is one back end's alone."""

from sessiontrack.database.statements import Base, Contains, Row, Statement, db
from sessiontrack.database.transactions import Transaction, look_up, read_transaction, write_transaction

__all__ = [
    "Base",
    "Contains",
    "Row",
    "Statement",
    "Transaction",
    "db",
    "look_up",
    "read_transaction",
    "write_transaction",
]
