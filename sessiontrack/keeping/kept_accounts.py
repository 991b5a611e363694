"""The accounts of a database, kept while a backup takes its place.

A stolen or an old backup brings back tokens that were revoked since, and users that were removed.
"""

from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sessiontrack import migrations
from sessiontrack.database import database_file
from sessiontrack.exceptions import InvalidInput

# What rows refer to is deleted last and comes first. Both databases are of the newest revision: their columns
# are the same, in the same order.
REPLACE = (
    "BEGIN",
    "DELETE FROM main.login_throttle",
    "DELETE FROM main.login_address",
    "DELETE FROM main.api_token",
    "DELETE FROM main.user",
    "INSERT INTO main.user SELECT * FROM present.user",
    "INSERT INTO main.api_token SELECT * FROM present.api_token",
    "INSERT INTO main.login_address SELECT * FROM present.login_address",
    "INSERT INTO main.login_throttle SELECT * FROM present.login_throttle",
    "COMMIT",
)


def keep_accounts(database: Path, draft: Path) -> None:
    """Put users and API tokens of the database in the place of those of the draft, which is current.

    Raises:
        InvalidInput: there is no database, or an older version's.
        DamagedDatabase: it is damaged: of its accounts nothing is sure.
    """
    if not database.exists():
        raise InvalidInput(f"There is no database {database} whose accounts could be kept.")
    if database_file.find_revision(database) != migrations.newest_revision():
        raise InvalidInput("The accounts of an older version's database: run sessiontrack migrate first.")
    database_file.refuse_damaged(database)
    address = f"file:{quote(str(database))}?mode=ro"
    with closing(database_file.open_database(draft, "rw")) as connection, database_file.said_of(database):
        connection.execute("ATTACH DATABASE ? AS present", (address,))
        for statement in REPLACE:
            connection.execute(statement)
    database_file.fold_wal(draft)
    database_file.sync(draft)
