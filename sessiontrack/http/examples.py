"""Examples in the OpenAPI document: the source documents' own, where they have one."""

from typing import Any

from sessiontrack.queries.devices import CELLS, TEXT_NAMES
from sessiontrack.schemas.user_sessions import EXAMPLE_PATH
from sessiontrack.values.record_files import encode

MAC = "AA:BB:CC:DD:EE:FF"
CREATE_SESSION = {
    "mac": MAC,
    "ip": "192.168.1.10",
    "start_time": "2025-08-01T10:00:00",
    "end_time": "2025-08-01T12:00:00",
    "event_type_conn": "Connected",
    "event_type_disc": "Disconnected",
}
SESSION_CREATED = {"success": True, "message": f"Session created for MAC {MAC}", "id": 1}
DELETE_SESSIONS = {"mac": MAC}
SESSIONS_DELETED = {"success": True, "message": f"Deleted sessions for MAC {MAC}", "deleted": 1}
SESSIONS: dict[str, Any] = {
    "success": True,
    "sessions": [
        {
            "id": 1,
            "ses_DateTimeOrder": "2025-08-01T10:00:00+00:00",
            "ses_MAC": MAC,
            "ses_Connection": "2025-08-01 10:00",
            "ses_Disconnection": "2025-08-01 12:00",
            "ses_Duration": "2h 0m",
            "ses_IP": "192.168.1.10",
            "ses_Info": "",
            "ses_StillConnected": False,
            "ses_DateTimeConnection": "2025-08-01T10:00:00+00:00",
            "ses_DateTimeDisconnection": "2025-08-01T12:00:00+00:00",
            "ses_DurationSeconds": 7200,
        }
    ],
}
_SESSION = SESSIONS["sessions"][0]
DEVICE_SESSIONS = {
    "success": True,
    "sessions": [
        {
            **_SESSION,
            "sesDateTimeOrder": _SESSION["ses_DateTimeOrder"],
            "sesMac": MAC,
            "sesConnection": _SESSION["ses_Connection"],
            "sesDisconnection": _SESSION["ses_Disconnection"],
            "sesDuration": _SESSION["ses_Duration"],
            "sesIp": _SESSION["ses_IP"],
            "sesInfo": "",
        }
    ],
}
CALENDAR = {
    "success": True,
    "sessions": [
        {
            "resourceId": MAC,
            "title": "",
            "start": "2025-08-01T10:00:00",
            "end": "2025-08-01T12:00:00",
            "color": "#00a659",
            "tooltip": "Connection: 2025-08-01 10:00\nDisconnection: 2025-08-01 12:00\nIP: 192.168.1.10",
            "className": "no-border",
        }
    ],
}
SESSION_EVENTS = {
    "success": True,
    "type": "all",
    "period": "7 days",
    "total": 1,
    "page": 1,
    "limit": 100,
    "events": [
        {
            "id": 1,
            "mac": MAC,
            "name": "Printer",
            "owner": "Office",
            "ip": "192.168.1.10",
            "time": "2025-08-01 10:00",
            "type": "Connected",
            "info": "",
            "at": "2025-08-01T10:00:00+00:00",
            "explanation": None,
        }
    ],
}
TOTALS = [12, 5, 1, 0, 2, 0]

_DEVICE = {
    "mac": MAC,
    "aliases": [],
    **dict.fromkeys(TEXT_NAMES, ""),
    "name": "Printer",
    "owner": "Office",
    "vendor": "Example",
    "type": "printer",
    "tags": ["colour", "office"],
    "randomized": True,
    "ip": "192.168.1.10",
    "info": "NAS floor 1, user anna, session 5F00",
    "status": "connected",
    "connected": True,
    "connected_since": "2025-08-01T10:00:00+00:00",
    "first_seen": "2025-07-01T08:00:00+00:00",
    "last_seen": "2025-08-01T12:00:00+00:00",
    "new": False,
    "flapping": False,
    "can_flap": True,
    "alert_down": False,
    "grace": "30 minutes",
    "archived": False,
    "favourite": False,
}
DEVICES = {"success": True, "devices": [_DEVICE]}
ONE_DEVICE = {"success": True, "device": _DEVICE}
FOUND_DEVICE = {
    **ONE_DEVICE,
    "held_by": [{"source": "network", "last_seen": "2025-08-01T12:00:00+00:00"}],
    "previous": {"mac": "AA:BB:CC:00:00:01", "name": "Laptop"},
    "next": None,
}
CHANGE_DEVICE = {"name": "Printer", "owner": "Office", "grace": "30 minutes"}
_STATUSES = {
    "connected": 9,
    "disconnected": 2,
    "down": 1,
    "new": 1,
    "flapping": 0,
    "archived": 3,
    "favorites": 2,
}
DEVICE_TOTALS = [12, 9, 2, 1, 1, 3]
DEVICE_RESOURCES = [
    {
        "id": MAC,
        "title": "Printer",
        "favorite": 0,
        "devMac": MAC,
        "devName": "Printer",
        "devOwner": "Office",
        "devVendor": "Example",
        "devLastIP": "192.168.1.10",
        "devFirstConnection": "2025-07-01T08:00:00+00:00",
        "devLastConnection": "2025-08-01T12:00:00+00:00",
        "devFavorite": 0,
        "devPresentLastScan": 1,
        "devAlertDown": 0,
        "devIsNew": 0,
        "devIsArchived": 0,
    }
]
DEVICE_DELETED = {
    "success": True,
    "message": f"Deleted device {MAC}",
    "deleted": {"sessions": 12, "events": 25, "evidence": 3},
}
ADD_DEVICE = {"mac": MAC, "name": "Printer", "type": "printer", "tags": ["office"]}
CHANGE_DEVICES = {"macs": [MAC], "owner": "Office", "add_tags": ["office"]}
DEVICES_CHANGED = {"success": True, "changed": 1}
DEVICE_TAGS = {"success": True, "tags": [{"tag": "office", "devices": 3}]}
DEVICES_CSV = b"".join(encode([{**_DEVICE, "tags": "colour,office"}], CELLS, "csv")).decode()
MERGE_DEVICE = {"mac": "02:11:22:33:44:55"}
DEVICE_MERGED = {
    "success": True,
    "message": f"Merged 02:11:22:33:44:55 into {MAC}",
    "device": {**_DEVICE, "aliases": ["02:11:22:33:44:55"]},
}
DEVICE_STATISTICS = {
    "success": True,
    "period": "30 days",
    "start": "2025-07-02T12:00:00+00:00",
    "end": "2025-08-01T12:00:00+00:00",
    "first_seen": "2025-07-01T08:00:00+00:00",
    "last_seen": "2025-08-01T12:00:00+00:00",
    "observed_seconds": 2592000,
    "connected_seconds": 1036800,
    "uptime": 0.4,
    "sessions": 43,
    "missing_connections": 0,
    "missing_disconnections": 1,
    "average_seconds": 24685,
    "median_seconds": 25200,
    "longest_seconds": 36000,
    "week": [[0.0] * 8 + [1.0] * 10 + [0.0] * 6 for _ in range(7)],
}

SCAN = {
    "source": "arp-scan",
    "at": "2025-08-01T10:00:00Z",
    "devices": [{"mac": MAC, "ip": "192.168.1.10", "name": "printer", "vendor": "Example"}],
}
_TAKEN = {"success": True, "seen": 1, "connected": 1, "disconnected": 0, "new": 1, "down": 0, "ip_changed": 0}
SCAN_TAKEN = {**_TAKEN, "suspicious": False, "left_out": []}
PRESENCE_EVENT = {"source": "hostapd", "mac": MAC, "event": "connected"}
EVENT_TAKEN = {**_TAKEN, "suspicious": False}
_SOURCE = {
    "name": "network",
    "kind": "scan",
    "last_look": "2025-08-01T10:00:00+00:00",
    "rhythm_seconds": 60,
    "quiet_seconds": 900,
    "silent_since": None,
    "failing_since": None,
    "reason": "",
    "archived": False,
    "seen": 9,
}
SOURCES = {"success": True, "sources": [_SOURCE]}
CHANGE_SOURCE = {"name": "network", "archived": True, "disconnect": True}
SOURCE_CHANGED = {"success": True, "source": {**_SOURCE, "archived": True}, "disconnected": 3}
ONLINE_HISTORY = {
    "success": True,
    "step": "1 hour",
    "recorded_since": "2025-07-14T09:00:00+00:00",
    "points": [
        {"at": "2025-08-01T10:00:00+00:00", "connected": 9},
        {"at": "2025-08-01T11:00:00+00:00", "connected": 10},
    ],
}
PRESENCE_NOW = {
    "success": True,
    "timezone": "Europe/Berlin",
    "devices": {"all": 12, **_STATUSES},
    "sources": {"all": 2, "silent": ["radius:ap-1"], "failing": []},
    "people_total": 1,
    "people": [
        {
            "_id": "0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10",
            "username": "anna",
            "start": 1754042400,
            "last_ping": 1754042460,
            "last_visible_ping": 1754042460,
            "last_visible_path": ["/devices", "list"],
            "visible_duration": 60,
        }
    ],
    "events": [
        {
            "id": 1,
            "at": "2025-08-01T12:00:00+02:00",
            "mac": MAC,
            "name": "Printer",
            "owner": "Office",
            "ip": "192.168.1.10",
            "type": "Connected",
            "voided": False,
            "info": "",
        }
    ],
}
PRESENCE_AT = {
    "success": True,
    "at": "2025-08-01T20:00:00+02:00",
    "recorded_since": "2025-07-14T09:00:00+02:00",
    "people_total": 1,
    "people": [
        {
            "_id": "0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10",
            "username": "anna",
            "since": "2025-08-01T19:40:00+02:00",
            "path": ["/devices", "list"],
        }
    ],
    "devices": [
        {
            "session": 1,
            "mac": MAC,
            "name": "Printer",
            "owner": "Office",
            "ip": "192.168.1.10",
            "since": "2025-08-01T18:00:00+02:00",
            "until": None,
        }
    ],
}
PRESENCE_AT_CSV = (
    "kind,name,mac,owner,ip,page,since,until\r\n"
    "device,Printer,AA:BB:CC:DD:EE:FF,Office,192.168.1.10,,2025-08-01T18:00:00+02:00,\r\n"
    "person,anna,,,,/devices / list,2025-08-01T19:40:00+02:00,\r\n"
)
PRESENCE_SHARES = {
    "success": True,
    "start": "2025-08-01T00:00:00+02:00",
    "end": "2025-09-01T00:00:00+02:00",
    "devices": [
        {
            "mac": MAC,
            "name": "Printer",
            "owner": "Office",
            "first_seen": "2025-07-14T09:00:00+02:00",
            "sessions": 21,
            "connected_seconds": 803520,
            "observed_seconds": 2678400,
            "share": 0.3,
            "longest_absence": {
                "seconds": 223200,
                "from": "2025-08-15T18:00:00+02:00",
                "until": "2025-08-18T08:00:00+02:00",
            },
        }
    ],
}
PRESENCE_TOTALS = {
    "success": True,
    "start": "2025-08-01T00:00:00+02:00",
    "end": "2025-09-01T00:00:00+02:00",
    "known": 25,
    "there": 21,
    "new": 2,
}
PRESENCE_SHARES_CSV = (
    "mac,name,owner,first_seen,sessions,connected_seconds,observed_seconds,share,absent_seconds,absent_from,"
    "absent_until\r\nAA:BB:CC:DD:EE:FF,Printer,Office,2025-07-14T09:00:00+02:00,21,803520,2678400,0.3,223200,"
    "2025-08-15T18:00:00+02:00,2025-08-18T08:00:00+02:00\r\n"
)
TIMELINE = {
    "success": True,
    "start": 1754006400,
    "end": 1754092800,
    "now": 1754078400,
    "width": 1000,
    "kinds": [
        "closed",
        "open",
        "missing connection",
        "missing disconnection",
        "mixed",
        "mixed with missing",
    ],
    "devices": [
        {
            "mac": MAC,
            "name": "Printer",
            "owner": "Office",
            "vendor": "Example",
            "ip": "192.168.1.10",
            "status": "connected",
            "connected_since": "2025-08-01T18:00:00+00:00",
            "last_seen": "2025-08-01T20:00:00+00:00",
            "bars": [[416, 500, 0], [750, 834, 1]],
        }
    ],
}
TIMELINE_SESSIONS = {
    "success": True,
    "sessions": [
        {
            "id": 1,
            "mac": MAC,
            "name": "Printer",
            "owner": "Office",
            "ip": "192.168.1.10",
            "kind": "closed",
            "connected_at": "2025-08-01T10:00:00+00:00",
            "disconnected_at": "2025-08-01T12:00:00+00:00",
            "duration_seconds": 7200,
            "start": "2025-08-01T10:00:00+00:00",
            "end": "2025-08-01T12:00:00+00:00",
        }
    ],
}

KEEPALIVE = {"visible": True, "path": EXAMPLE_PATH}
KEPT_ALIVE = {
    "description": "Session keepalive",
    "time": 1754042460,
    "visible": True,
    "paths": EXAMPLE_PATH,
}
SESSION_HIDE = {"path": EXAMPLE_PATH}
SESSION_HIDDEN = {"description": "Session hide", "time": 1754042460, "paths": EXAMPLE_PATH}
_VISIBLE = {"visible_duration": 60, "tab_duration": {"/view/da7ac9b9": {"view-tab_edd5855b": 60}}}
USER_SESSIONS = [
    {
        "_id": "0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10",
        "id_beaker_session": "Yk3c0n9mQv2Zr8sT1uWxAg",
        "username": "anna",
        "start": 1754042400,
        "last_ping": 1754042460,
        "last_visible_ping": 1754042460,
        "last_visible_path": ["/view/da7ac9b9", "view-tab_edd5855b"],
        **_VISIBLE,
        "active": True,
    }
]
USER_STATS = [
    {"username": "anna", "sessions": 1, **_VISIBLE, "first_seen": 1754042400, "last_seen": 1754042460}
]

LOGIN = {"username": "admin", "password": "the password"}
TOKENS = {
    "access_token": "eyJhbGciOiJIUzI1NiIs...",
    "refresh_token": "eyJhbGciOiJIUzI1NiIs...",
    "token_type": "Bearer",
    "expires_in": 900,
}
ME = {"username": "admin", "role": "admin", "kind": "login"}
LOGINS = [
    {
        "id": "Yk3c0n9mQv2Zr8sT1uWxAg",
        "address": "192.168.1.10",
        "created_at": 1754042400,
        "last_used_at": 1754046000,
        "expires_at": 1756634400,
        "current": True,
    }
]
_TOKEN = {
    "id": 1,
    "name": "backup script",
    "username": "admin",
    "role": "operator",
    "created_at": 1754042400,
    "revoked_at": None,
    "expires_at": None,
    "last_used_at": None,
}
ISSUED_TOKEN = {**_TOKEN, "token": "st_5h0wn0nce..."}
API_TOKENS = [_TOKEN]

USER = {"username": "anna", "role": "operator", "created_at": 1754042400, "disabled_at": None}
BACKUPS = {
    "success": True,
    "folder": "/var/lib/sessiontrack/backups",
    "keep": 7,
    "running": False,
    "failure": None,
    "backups": [
        {"name": "sessiontrack-20250801T120000Z-asked.sqlite3", "size_bytes": 1048576, "made_at": 1754049600}
    ],
}
DOCTOR = {
    "success": True,
    "state": "warning",
    "checks": [
        {
            "name": "disk",
            "state": "warning",
            "code": "disk.low",
            "values": {"mib": 300, "percent": 2},
            "message": "300 MiB free (2 %); make room, or let sessiontrack prune forget more.",
        },
    ],
}
SETTINGS = {
    "success": True,
    "file": "/var/lib/sessiontrack/sessiontrack.toml",
    "settings": [
        {
            "name": "TIMEZONE",
            "value": "Europe/Berlin",
            "default": "UTC",
            "source": "file",
            "meaning": "Site time zone: naive times are read in it, formatted times are written in it.",
            "secret": False,
        }
    ],
}

USER_DAYS = [{"username": "anna", "day": "2025-08-01", "sessions": 2, "visible_duration": 5400}]
VISITS = [{"path": ["/devices", "list"], "since": 1754042400, "until": 1754042460, "visible_duration": 60}]

SESSION_EVENTS_CSV = (
    "id,mac,name,owner,ip,time,type,info\r\n"
    f"1,{MAC},Printer,Office,192.168.1.10,2025-08-01 10:00,Connected,\r\n"
)

WEBHOOKS = [
    {
        "id": 1,
        "name": "pager",
        "url": "https://pager.example/...",
        "format": "json",
        "quiet_from": "22:00",
        "quiet_to": "07:00",
        "created_at": 1754042400,
        "last_delivered_at": 1754046000,
        "last_error": "",
        "failures": 0,
        "dropped": 0,
        "pending": 0,
        "dead": 0,
        "events": ["Device Down"],
        "tags": ["office"],
    }
]
ADDED_WEBHOOK = {"id": 1, "name": "pager", "secret": "whsec_5h0wn0nce..."}
_DELIVERY_ID = "6d7d5c1e-4a3e-4a0c-9a55-6a1a6a0b7c21"
TESTED_WEBHOOK = {
    "success": True,
    "message": "A test delivery to webhook 1 is on its way",
    "delivery": _DELIVERY_ID,
}
DELIVERIES = [
    {
        "id": _DELIVERY_ID,
        "webhook": "pager",
        "type": "Device Down",
        "state": "pending",
        "attempts": 2,
        "status": 503,
        "error": "answered 503",
        "created_at": 1754042400,
        "next_at": 1754042430,
        "finished_at": None,
    }
]
USER_SESSIONS_CSV = (
    "username,start,last_ping,visible_duration,active,last_visible_path,id\r\n"
    "anna,2025-08-01T19:40:00+02:00,2025-08-01T20:05:00+02:00,840,false,/devices / list,"
    "0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10\r\n"
)
USER_STATS_CSV = "username,view,tab,visible_duration\r\nanna,/devices,list,5400\r\n"
USER_DAYS_CSV = "username,day,sessions,visible_duration\r\nanna,2025-08-01,3,5400\r\n"
