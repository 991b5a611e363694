"""Where a scan goes: into the local database, or to another sessiontrack."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from flask import Flask

from sessiontrack import clock
from sessiontrack.config import settings_of
from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import InvalidInput, RemoteRefused, StorageUnavailable
from sessiontrack.queries.devices import connected_addresses
from sessiontrack.queries.sources import has_scan
from sessiontrack.senders.remote import Remote
from sessiontrack.services.clock_door import open_door
from sessiontrack.services.presence import Outcome, PresenceRules, observe_scan
from sessiontrack.services.source_failures import record_failure, record_success
from sessiontrack.values.changes import Change
from sessiontrack.values.observations import Observation, Observations
from sessiontrack.values.timestamps import IN_UTC

REMOTE_SECONDS = 30
COUNTED = ("seen", "connected", "disconnected", "new", "down", "ip_changed")


@dataclass(frozen=True)
class Look:
    """What a source has seen, and when; at None: now."""

    source: str
    found: Observations
    at: int | None
    is_complete: bool

    def scans(self) -> Iterator[tuple[int | None, tuple[Observation, ...], bool]]:
        """(instant, devices, whether it is complete): single sightings first, then the look itself."""
        for at, devices in self.found.dated.items():
            yield at, devices, False
        if self.found.devices or not self.found.dated:
            yield self.at, self.found.devices, self.is_complete


@dataclass
class Delivered:
    """What has come of a look.

    changes: None where only their number is known.
    refused: what says nothing: its instant is not accepted, or the file is as it was.
    is_unchanged: the source reported the same instant before, so this adds nothing.
    """

    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(COUNTED, 0)))
    is_suspicious: bool = False
    changes: list[Change] | None = None
    refused: list[str] = field(default_factory=list)
    is_unchanged: bool = False


class Target(Protocol):
    """Takes looks in."""

    def deliver(self, look: Look) -> Delivered:
        """Take one in.

        Raises:
            SessiontrackError: it was not taken.
        """

    def fail(self, source: str, reason: str) -> None:
        """A look of the source could not be made or read; kept where that is possible."""

    def connected_addresses(self) -> list[str]:
        """The addresses of devices that are connected, which are expected to answer; none where unknown."""


class _RollBack(Exception):
    """Ends a transaction without keeping anything of it."""


class LocalDatabase:
    """This install's own database; with is_trial nothing is kept."""

    def __init__(self, app: Flask, *, is_trial: bool = False) -> None:
        self._app = app
        self._rules = PresenceRules.of(settings_of(app))
        self._is_trial = is_trial
        with app.app_context():
            self._door = open_door(settings_of(app))

    def deliver(self, look: Look) -> Delivered:
        delivered = Delivered(changes=[])
        with suppress(_RollBack):
            self._take(look, delivered)
        return delivered

    def fail(self, source: str, reason: str) -> None:
        # Of a database that cannot be written there is nothing to keep it in.
        if not self._is_trial:
            with suppress(StorageUnavailable), self._app.app_context(), write_transaction() as tx:
                record_failure(tx, clock.now(), source, reason)

    def connected_addresses(self) -> list[str]:
        with self._app.app_context(), read_transaction() as tx:
            return connected_addresses(tx)

    def _take(self, look: Look, delivered: Delivered) -> None:
        now = clock.now()
        with self._app.app_context():
            if self._door is not None:
                self._door.pass_through(now)
        with self._app.app_context(), write_transaction() as tx:
            delivered.is_unchanged = look.at is not None and has_scan(tx, look.source, look.at)
            record_success(tx, look.source)
            for at, devices, is_complete in look.scans():
                instant = now if at is None else at
                try:
                    outcome = observe_scan(
                        tx, now, look.source, instant, devices, self._rules, complete=is_complete
                    )
                except InvalidInput as error:
                    _refuse(look, delivered, at, error)
                else:
                    _add(delivered, outcome)
            if self._is_trial:
                raise _RollBack


def _add(delivered: Delivered, outcome: Outcome) -> None:
    delivered.counts.update(outcome.counts())
    delivered.is_suspicious |= outcome.suspicious
    if delivered.changes is not None:
        delivered.changes += outcome.changes


def _refuse(look: Look, delivered: Delivered, at: int | None, error: InvalidInput | RemoteRefused) -> None:
    """Sightings of an instant that is not accepted are reported; a look that is not accepted is an error."""
    if at not in look.found.dated:
        raise error
    delivered.refused.append(error.message)


class RemoteServer:
    """Another sessiontrack, by its URL and an API token of an operator.

    Raises:
        InvalidInput: it is no http or https URL, or the token cannot be one.
    """

    def __init__(self, url: str, token: str) -> None:
        self._remote = Remote(url, token, REMOTE_SECONDS)

    def fail(self, source: str, reason: str) -> None:
        """Nothing: the other one sees that it is silent."""

    def connected_addresses(self) -> list[str]:
        return []

    def deliver(self, look: Look) -> Delivered:
        delivered = Delivered()
        for at, devices, is_complete in look.scans():
            try:
                answer = self._remote.post(
                    "/presence/scans", scan_body(look.source, at, devices, is_complete)
                )
            except RemoteRefused as error:
                _refuse(look, delivered, at, error)
                continue
            if not all(isinstance(answer.get(name), int) for name in COUNTED):
                raise self._remote.strange_answer()
            delivered.counts.update({name: answer[name] for name in COUNTED})
            delivered.is_suspicious |= bool(answer.get("suspicious"))
        return delivered


def scan_body(
    source: str, at: int | None, devices: tuple[Observation, ...], is_complete: bool
) -> dict[str, Any]:
    """The body of `POST /presence/scans`."""
    seen = [
        {"mac": each.mac, **{key: value for key in ("ip", "name", "vendor") if (value := getattr(each, key))}}
        for each in devices
        if each.is_sighting
    ]
    remembered = [each.mac for each in devices if not each.is_sighting]
    # In ISO 8601, which says of itself that it is UTC; without an instant the server's own clock counts.
    when = {} if at is None else {"at": IN_UTC.format_offset(at)}
    return {"source": source, "complete": is_complete, "devices": seen, "remembered": remembered, **when}
