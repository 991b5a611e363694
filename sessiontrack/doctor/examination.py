"""The checks, one after the other: what goes wrong with one of them is a finding, and the others go on."""

from collections.abc import Callable, Iterator

from sessiontrack.doctor import database, surroundings
from sessiontrack.doctor.findings import Finding, Patient, wrong
from sessiontrack.exceptions import SessiontrackError

Check = Callable[[Patient], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    surroundings.settings,
    surroundings.files,
    surroundings.disk,
    surroundings.clock,
    surroundings.time_zone,
    surroundings.proxies,
)
# Those that need the database.
DATABASE_CHECKS: tuple[Check, ...] = (
    database.schema,
    database.integrity,
    database.writing,
    database.write_ahead_log,
    database.order_of_time,
    database.histories,
    database.first_password,
    database.admins_passwords,
    database.dead_webhooks,
    database.sources,
)


def examine(patient: Patient) -> Iterator[Finding]:
    """All findings, in the order of the checks."""
    for check in CHECKS:
        yield from _carefully(check, patient)
    if patient.app is None:
        yield wrong("database", "there is none yet: start sessiontrack serve once.")
        return
    with patient.app.app_context():
        for check in DATABASE_CHECKS:
            yield from _carefully(check, patient)


def _carefully(check: Check, patient: Patient) -> Iterator[Finding]:
    name = check.__name__.replace("_", " ")
    try:
        yield from check(patient)
    except SessiontrackError as error:
        yield wrong(name, f"cannot be looked at: {error.__cause__ or error.message}.")
    except Exception as error:
        yield wrong(name, f"cannot be looked at: {type(error).__name__}: {error}.")
