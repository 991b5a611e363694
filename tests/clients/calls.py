"""Ten calls of the client that openapi-python-client has made; run by make clients, beside what it made."""

import sys
from http import HTTPStatus
from importlib import import_module
from typing import Any

from sessiontrack_client import AuthenticatedClient

CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("auth.auth_me", {}),
    ("devices.devices_list", {"limit": 5}),
    ("devices.devices_totals", {}),
    ("devices.devices_by_status", {"offset": 1}),
    ("device_sessions.device_sessions_list", {"limit": 5}),
    ("device_sessions.device_sessions_calendar", {"start": "2025-08-01", "end": "2025-08-21"}),
    ("device_sessions.device_sessions_session_events", {"period": "7 days"}),
    ("device_sessions.device_sessions_totals", {"period": "7 days"}),
    ("presence.presence_online_history", {"step": "1h"}),
    ("user_sessions.user_sessions_list", {"limit": 5}),
)


def main(base: str, token: str) -> None:
    """Make them; the first that is not answered as documented ends it."""
    with AuthenticatedClient(base_url=base, token=token) as client:
        for name, parameters in CALLS:
            call = import_module(f"sessiontrack_client.api.{name}")
            answer = call.sync_detailed(client=client, **parameters)
            assert answer.status_code == HTTPStatus.OK, (name, answer.content[:200])
            assert answer.parsed is not None, name
            print("  ", name, answer.status_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
