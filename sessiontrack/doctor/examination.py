"""The checks, one after the other: what goes wrong with one of them is a finding, and the others go on."""

from collections.abc import Callable, Iterator

from sessiontrack.doctor import database, surroundings
from sessiontrack.doctor.findings import Finding, Patient, unexamined, wrong
from sessiontrack.exceptions import SessiontrackError

Check = Callable[[Patient], Iterator[Finding]]
# By the name that their findings have.
CHECKS: dict[str, Check] = {
    "settings": surroundings.settings,
    "instance": surroundings.files,
    "disk": surroundings.disk,
    "backup": surroundings.backup,
    "clock": surroundings.clock,
    "time zone": surroundings.time_zone,
    "proxies": surroundings.proxies,
}
# Those that need the database.
DATABASE_CHECKS: dict[str, Check] = {
    "schema": database.schema,
    "integrity": database.integrity,
    "writing": database.writing,
    "size": database.write_ahead_log,
    "recorded": database.order_of_time,
    "histories": database.histories,
    "password": database.first_password,
    "passwords": database.admins_passwords,
    "webhooks": database.dead_webhooks,
    "source": database.sources,
}


def examine(patient: Patient) -> Iterator[Finding]:
    """All findings, in the order of the checks."""
    for name, check in CHECKS.items():
        yield from _carefully(name, check, patient)
    if patient.app is None:
        yield wrong("database.none")
        return
    with patient.app.app_context():
        for name, check in DATABASE_CHECKS.items():
            yield from _carefully(name, check, patient)


def _carefully(name: str, check: Check, patient: Patient) -> Iterator[Finding]:
    try:
        yield from check(patient)
    except SessiontrackError as error:
        yield unexamined(name, error.__cause__ or error.message)
    except Exception as error:
        yield unexamined(name, f"{type(error).__name__}: {error}")
