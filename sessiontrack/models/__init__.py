"""The tables; import them from here."""

from sessiontrack.models.account import ApiToken, Login, LoginAddress, LoginThrottle, User
from sessiontrack.models.clock_floor import ClockFloor
from sessiontrack.models.device import Device
from sessiontrack.models.device_alias import DeviceAlias
from sessiontrack.models.device_session import DeviceSession
from sessiontrack.models.event import Event
from sessiontrack.models.history import (
    CoveredSession,
    DerivedBy,
    EarlierReport,
    SetAside,
    UnderivedDevice,
)
from sessiontrack.models.kept import KEPT
from sessiontrack.models.kept_apart import KeptApart
from sessiontrack.models.last_write import LastWrite
from sessiontrack.models.presence import DeviceEvidence, Scan, SightingRun, Source
from sessiontrack.models.presence_change import PresenceChange
from sessiontrack.models.row_count import RowCount
from sessiontrack.models.source_failure import SourceFailure
from sessiontrack.models.task_claim import TaskClaim
from sessiontrack.models.text_count import TextCount
from sessiontrack.models.user_session import UserSession, ViewTime, ViewVisit
from sessiontrack.models.user_sum import UserDay, UserSum
from sessiontrack.models.webhook import FlappingDevice, Webhook, WebhookDelivery, WebhookEvent
from sessiontrack.models.write_probe import WriteProbe

__all__ = [
    "KEPT",
    "ApiToken",
    "ClockFloor",
    "CoveredSession",
    "DerivedBy",
    "Device",
    "DeviceAlias",
    "DeviceEvidence",
    "DeviceSession",
    "EarlierReport",
    "Event",
    "FlappingDevice",
    "KeptApart",
    "LastWrite",
    "Login",
    "LoginAddress",
    "LoginThrottle",
    "PresenceChange",
    "RowCount",
    "Scan",
    "SetAside",
    "SightingRun",
    "Source",
    "SourceFailure",
    "TaskClaim",
    "TextCount",
    "UnderivedDevice",
    "User",
    "UserDay",
    "UserSession",
    "UserSum",
    "ViewTime",
    "ViewVisit",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "WriteProbe",
]
