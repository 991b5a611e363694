"""`Server-Timing`: the parts of a request's time, if the settings enable it."""

import re
from typing import Any

from tests.support.application import Clients

PART = re.compile(r"([a-z_]+);dur=([0-9]+\.[0-9]{2})")


def parts_of(answer: Any) -> dict[str, float]:
    told = answer.headers["Server-Timing"].split(", ")
    found = [PART.fullmatch(each) for each in told]
    assert all(found), told
    return {each[1]: float(each[2]) for each in found if each}


def test_answers_tell_where_their_time_went(make_clients: Any) -> None:
    clients: Clients = make_clients(SERVER_TIMING="on")
    body = {"mac": "02:00:00:00:00:01", "ip": "10.0.0.1", "start_time": "2025-08-01T10:00:00Z"}
    read = parts_of(clients.viewer.get("/sessions/list"))
    written = parts_of(clients.operator.post("/sessions/create", body))
    refused = parts_of(clients.nobody.get("/sessions/list"))
    assert set(read) == {"total", "look_up", "read"}
    assert set(written) == {"total", "look_up", "brief_write"}
    assert set(refused) == {"total", "look_up"}
    for parts in (read, written, refused):
        total = parts.pop("total")
        assert 0 < sum(parts.values()) <= total + 0.02 * len(parts)


def test_nobody_is_told_unless_asked_for(clients: Clients) -> None:
    assert "Server-Timing" not in clients.viewer.get("/sessions/list").headers
