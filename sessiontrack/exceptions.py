"""What can go wrong, in the words of the domain; errors.py alone turns these into status codes."""

from collections.abc import Mapping, Sequence

FieldErrors = Mapping[str, Sequence[str]]


class SessiontrackError(Exception):
    """The root of everything raised on purpose; its text is one plain sentence that a client may read."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(SessiontrackError):
    """Something the caller sent cannot be read; `errors` names the fields at fault, where there are any."""

    def __init__(self, message: str, errors: FieldErrors | None = None) -> None:
        super().__init__(message)
        self.errors = errors or {}


class InvalidInstant(InvalidInput):
    """A text is no instant."""


class InvalidPeriod(InvalidInput):
    """A text is no period."""


class InvalidMac(InvalidInput):
    """A text is no MAC address."""


class InvalidIp(InvalidInput):
    """A text is neither an IPv4 nor an IPv6 address."""


class InvalidPassword(InvalidInput):
    """A password may not be chosen."""


class InvalidPath(InvalidInput):
    """A path is not `[view]` or `[view, tab]`."""


class Unauthorized(SessiontrackError):
    """Nobody is signed in: no token, or one that is not (or no longer) valid."""


class UnknownProxyUser(Unauthorized):
    """A trusted proxy names a user for the first time."""


class Forbidden(SessiontrackError):
    """The caller is not allowed to do this."""


class NotFound(SessiontrackError):
    """The named thing does not exist."""


class Conflict(SessiontrackError):
    """What is stored already contradicts what was asked for."""


class SessionInactive(SessiontrackError):
    """A ping without an active user session."""


class RateLimited(SessiontrackError):
    """Too many attempts; `retry_after` seconds until the next one has a chance."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageUnavailable(SessiontrackError):
    """The database cannot be read or written now: locked past its time-out, full, read-only, not migrated."""

    @property
    def reason(self) -> str:
        """The driver's message, without the statement; for the operator of the service."""
        cause = self.__cause__
        return str(getattr(cause, "orig", cause) or self.message).partition("\n")[0]


class TakesNoWrites(StorageUnavailable):
    """Until somebody acts: there is no room, or the database is read-only. Reads go on."""


class QueryTooSlow(SessiontrackError):
    """A query took longer than it may; a repetition cannot help."""


class ClockUnsure(SessiontrackError):
    """The clock cannot be right, so nothing that needs the time is recorded; reads go on."""


class Unwritable(StorageUnavailable):
    """A file or a folder cannot be written there by this user."""


class DamagedDatabase(StorageUnavailable):
    """The database's file is no database, or it is damaged; nothing mends that but a backup."""


class Contention(StorageUnavailable):
    """This transaction conflicted with another one; a retry may well succeed."""


class Defect(SessiontrackError):
    """A defect of the program stopped a part of the work; the rest goes on."""


class InvalidSetting(SessiontrackError):
    """A setting has a value that cannot work; the program does not start."""


class UnreadablePacket(InvalidInput):
    """A datagram is no packet that is understood."""


class WrongAuthenticator(UnreadablePacket):
    """The sender of a packet does not know the secret, or the packet was changed on its way."""


class UnreadableObservations(InvalidInput):
    """What a source gave is empty, or not in its format: it says nothing about any device."""


class ScanFails(SessiontrackError):
    """One look after the other fails: the process fails, so that the service manager restarts it."""


class RemoteFailed(SessiontrackError):
    """Another sessiontrack, to which something was to be sent, cannot be reached or has refused it."""


class RemoteRefused(RemoteFailed):
    """Another sessiontrack has read what it was sent, and does not take it."""


class UnreadableHistory(InvalidInput):
    """A file of history is not what it should be: nothing is taken from it."""


class TargetRefused(SessiontrackError):
    """A webhook would lead to an address where it may not."""


class TargetUnreachable(SessiontrackError):
    """The host of a webhook has no address just now."""
