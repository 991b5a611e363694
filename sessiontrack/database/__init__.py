"""The database: statements, transactions and maintenance; engines/ holds what only one back end needs."""

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
