"""Other tools' databases, built by hand from their documented schemas."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

UNDERSCORES = """
CREATE TABLE Devices (devMac STRING (50) PRIMARY KEY NOT NULL COLLATE NOCASE, devName STRING (50) NOT NULL,
    devOwner STRING (30), devVendor STRING (250), devFavorite BOOLEAN CHECK (devFavorite IN (0, 1)),
    devAlertDown INTEGER, devFirstConnection DATETIME, devLastConnection DATETIME, devLastIP STRING (50),
    devIsArchived BOOLEAN);
CREATE TABLE Sessions (ses_MAC STRING (50), ses_IP STRING (50), ses_EventTypeConnection STRING (30),
    ses_DateTimeConnection DATETIME, ses_EventTypeDisconnection STRING (30),
    ses_DateTimeDisconnection DATETIME, ses_StillConnected BOOLEAN, ses_AdditionalInfo STRING (250));
CREATE TABLE Events (eve_MAC STRING (50) NOT NULL, eve_IP STRING (50) NOT NULL,
    eve_DateTime DATETIME NOT NULL,
    eve_EventType STRING (30) NOT NULL, eve_AdditionalInfo STRING (250), eve_PendingAlertEmail BOOLEAN,
    eve_PairEventRowid INTEGER);
"""
CAMEL_CASE = """
CREATE TABLE "Devices" (devMac TEXT PRIMARY KEY NOT NULL COLLATE NOCASE, devName TEXT NOT NULL,
    devOwner TEXT, devVendor TEXT, devFavorite INTEGER, devAlertDown INTEGER, devFirstConnection TEXT,
    devLastConnection TEXT, devLastIP TEXT, devIsArchived INTEGER);
CREATE TABLE "Sessions" ("sesMac" TEXT, "sesIp" TEXT, "sesEventTypeConnection" TEXT,
    "sesDateTimeConnection" TEXT, "sesEventTypeDisconnection" TEXT, "sesDateTimeDisconnection" TEXT,
    "sesStillConnected" INTEGER, "sesAdditionalInfo" TEXT);
CREATE TABLE "Events" ("eveMac" TEXT NOT NULL, "eveIp" TEXT NOT NULL, "eveDateTime" TEXT NOT NULL,
    "eveEventType" TEXT NOT NULL, "eveAdditionalInfo" TEXT, "evePendingAlertEmail" INTEGER,
    "evePairEventRowid" INTEGER);
"""
PIALERT = """
CREATE TABLE "Devices" (dev_MAC STRING (50) PRIMARY KEY NOT NULL COLLATE NOCASE,
    dev_Name STRING (50) NOT NULL,
    dev_Owner STRING (30), dev_Vendor STRING (250), dev_Favorite BOOLEAN, dev_AlertDeviceDown BOOLEAN,
    dev_FirstConnection DATETIME, dev_LastConnection DATETIME, dev_LastIP STRING (50), dev_Archived BOOLEAN);
CREATE TABLE Sessions (ses_MAC STRING (50), ses_IP STRING (50), ses_EventTypeConnection STRING (30),
    ses_DateTimeConnection DATETIME, ses_EventTypeDisconnection STRING (30),
    ses_DateTimeDisconnection DATETIME, ses_StillConnected BOOLEAN, ses_AdditionalInfo STRING (250));
CREATE TABLE "Events" (eve_MAC STRING (50) NOT NULL, eve_IP STRING (50) NOT NULL,
    eve_DateTime DATETIME NOT NULL,
    eve_EventType STRING (30) NOT NULL, eve_AdditionalInfo STRING (250), eve_PendingAlertEmail BOOLEAN,
    eve_PairEventRowid INTEGER);
"""
MISSING = "<missing event>"
MAC = "aa:bb:cc:dd:ee:ff"


def make(
    path: Path,
    schema: str = UNDERSCORES,
    *,
    devices: Iterable[tuple[Any, ...]] = (),
    sessions: Iterable[tuple[Any, ...]] = (),
    events: Iterable[tuple[Any, ...]] = (),
) -> Path:
    """A database with these rows, in the column order of the schema."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript(schema)
    for table, rows in (("Devices", devices), ("Sessions", sessions), ("Events", events)):
        for row in rows:
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    connection.commit()
    connection.close()
    return path


def device(mac: str = MAC, name: Any = "phone", **more: Any) -> tuple[Any, ...]:
    values = {"owner": "anna", "vendor": "Acme", "favourite": 0, "alert_down": 0, "first": None, "last": None}
    values |= {"ip": "192.168.1.10", "archived": 0} | more
    return (mac, name, *values.values())


def session(start: Any, end: Any, **more: Any) -> tuple[Any, ...]:
    values = {"mac": MAC, "ip": "192.168.1.10", "conn": "Connected", "disc": "Disconnected", "still": 0}
    values |= {"info": ""} | more
    return (
        values["mac"],
        values["ip"],
        values["conn"],
        start,
        values["disc"],
        end,
        values["still"],
        values["info"],
    )


def event(at: Any, event_type: Any = "Connected", **more: Any) -> tuple[Any, ...]:
    values = {"mac": MAC, "ip": "192.168.1.10", "info": "", "pending": 0} | more
    return (values["mac"], values["ip"], at, event_type, values["info"], values["pending"], None)
