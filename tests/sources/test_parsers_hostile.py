"""Readers of bodies, headers, settings and foreign databases raise their own error and no other.

Sources are in test_sources_hostile, RADIUS in test_radius; each pure module is tried beside its other tests.
"""

import json
import tempfile
from contextlib import suppress
from dataclasses import fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from flask import Request
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from sessiontrack.config import Settings, load_settings
from sessiontrack.exceptions import InvalidInput, InvalidSetting, Unauthorized, UnreadableHistory
from sessiontrack.http.errors import error_body
from sessiontrack.http.hosts import is_trusted
from sessiontrack.http.json_body import read_json_object
from sessiontrack.http.proxies import user_named_by_proxy
from sessiontrack.sources.app_db import AppDatabase
from sessiontrack.sources.history_values import Values
from sessiontrack.values.ips import subscriber_network
from sessiontrack.values.records import Fault, Skipped
from sessiontrack.values.timestamps import IN_UTC
from tests.server.test_proxies import seen_by_application
from tests.support import app_db

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PIECES = st.sampled_from(
    [b"{", b"}", b'"a":', b"[", b"]", b",", b'"\\ud800"', b"1e999", b"NaN", b"\xff", b"\x00", b'"']
)
ANY_BODY = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.text(), JSON, max_size=4).map(lambda value: json.dumps(value).encode())
    | st.lists(PIECES, max_size=12).map(b"".join)
)


@settings(max_examples=300)
@given(raw=ANY_BODY)
def test_contract_2_a_body_is_an_object_that_can_be_stored_or_refused(raw: bytes) -> None:
    request = Request(EnvironBuilder(method="POST", data=raw).get_environ())
    try:
        found = read_json_object(request)
    except InvalidInput as error:
        # As it is answered.
        error_body("bad_request", error.message, error.errors)
        return
    assert isinstance(found, dict)
    json.dumps(found, ensure_ascii=False, allow_nan=True).encode()


ADDRESSES = st.sampled_from(
    ["10.0.0.1", "10.0.0.2", "1.2.3.4", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", "unknown", "", "x" * 300]
)
HOPS = st.lists(ADDRESSES | st.text(max_size=8), max_size=6).map(", ".join)


@settings(max_examples=200)
@given(forwarded_for=HOPS, proto=st.text(max_size=8), host=st.text(max_size=20), prefix=st.text(max_size=20))
def test_contract_7_whatever_a_proxy_forwards_is_read(
    forwarded_for: str, proto: str, host: str, prefix: str
) -> None:
    names = {"FOR": forwarded_for, "PROTO": proto, "HOST": host, "PREFIX": prefix, "PORT": host}
    # A prefix that is no plain path is refused before the application.
    seen_by_application("10.0.0.1", "10.0.0.0/8", **names)
    trusted = seen_by_application("10.0.0.1", "10.0.0.0/8", **{**names, "PREFIX": "/path"})
    assert ip_address(trusted["REMOTE_ADDR"])
    stranger = seen_by_application("9.9.9.9", "10.0.0.0/8", **names)
    assert (stranger["REMOTE_ADDR"], stranger["HTTP_HOST"]) == ("9.9.9.9", "inside:8000")


@given(sent=st.text(st.characters(max_codepoint=255), max_size=80))
def test_a_proxys_user_is_one_name_or_refused(sent: str) -> None:
    try:
        name = user_named_by_proxy({"HTTP_X_USER": sent}, "X-User")
    except Unauthorized:
        return
    assert name is None or (0 < len(name) <= 64 and "," not in name and "\n" not in name)
    assert user_named_by_proxy({"HTTP_X_USER": sent}, "") is None


@given(host=st.text(max_size=30) | st.text("a.e:[]-f0", max_size=20))
def test_a_host_is_trusted_or_not(host: str) -> None:
    if is_trusted(host, ("a.e", ".f.a")):
        name = host.lower().partition(":")[0].rstrip(".")
        assert name in ("a.e", "f.a") or name.endswith(".f.a")


@given(
    address=st.text(max_size=50) | st.ip_addresses().map(str) | st.text("0123456789abcdef:.%", max_size=45)
)
def test_every_address_has_a_network_to_count(address: str) -> None:
    network = subscriber_network(address)
    try:
        found = ip_address(address)
    except ValueError:
        return
    whole = ip_network(network)
    assert found in whole or str(getattr(found, "ipv4_mapped", None)) == network
    assert whole.num_addresses in (1, 2**64)


@pytest.mark.parametrize("name", [field.name for field in fields(Settings) if field.name != "instance"])
@settings(max_examples=60)
@given(text=st.text(max_size=60) | st.text("0123456789./:,= abdhms", max_size=30))
def test_contract_7_a_setting_is_read_or_refused_in_one_line(name: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            load_settings({"INSTANCE": folder, "TRUSTED_PROXIES": "10.0.0.1", name: text}, {})
        except InvalidSetting as error:
            refused = error
        else:
            return
        assert "\n" not in refused.message


CELLS = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.binary(max_size=20)
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.sampled_from(["aa:bb:cc:dd:ee:ff", "2025-08-01 10:00:00", "<missing event>", "10.0.0.1", "9" * 30])
)


def rows(columns: int) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    return st.lists(st.tuples(*[CELLS] * columns), max_size=3)


@settings(max_examples=60)
@given(devices=rows(10), sessions=rows(8), events=rows(7))
def test_any_values_in_another_tools_database(
    devices: list[tuple[Any, ...]], sessions: list[tuple[Any, ...]], events: list[tuple[Any, ...]]
) -> None:
    loose = "".join(
        f"CREATE TABLE {line.split('(')[0].split()[-1]} ({names});"
        for line, names in (
            (
                "TABLE Devices (",
                "devMac, devName, devOwner, devVendor, devFavorite, devAlertDown, a, b, c, devIsArchived",
            ),
            (
                "TABLE Sessions (",
                "ses_MAC, ses_IP, c, ses_DateTimeConnection, d, ses_DateTimeDisconnection, e, f",
            ),
            ("TABLE Events (", "eve_MAC, eve_IP, eve_DateTime, eve_EventType, eve_AdditionalInfo, p, q"),
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        path = app_db.make(Path(folder) / "app.db", loose, devices=devices, sessions=sessions, events=events)
        database = AppDatabase(path)
        try:
            for section in database.sections(Values(IN_UTC)):
                for item in section.items:
                    if isinstance(item, Fault | Skipped):
                        assert "\n" not in str(item)
        finally:
            database.close()


@settings(max_examples=60)
@given(raw=st.binary(max_size=300), keeps_header=st.booleans())
def test_any_file_as_another_tools_database(raw: bytes, keeps_header: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = app_db.make(Path(folder) / "app.db")
        whole = path.read_bytes()
        path.write_bytes(whole[:100] + raw + whole[100 + len(raw) :] if keeps_header else raw)
        with suppress(UnreadableHistory):
            database = AppDatabase(path)
            try:
                for section in database.sections(Values(IN_UTC)):
                    list(section.items)
            finally:
                database.close()
