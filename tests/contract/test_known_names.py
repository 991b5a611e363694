"""Who mistypes a name reads which names there are."""

import pytest

from tests.support.application import PASSWORD, Clients

pytestmark = pytest.mark.usefixtures("clock")


def test_contract_2_an_unknown_parameter_is_refused_with_the_known_ones(clients: Clients) -> None:
    refused = clients.viewer.get("/sessions/totals?perod=7d")
    assert refused.status_code == 400
    body = refused.get_json()
    assert body["errors"] == {"perod": ["Unknown field."]}
    assert body["message"].startswith("perod: Unknown field. Known: ")
    assert {"period", "start", "end", "mac", "format"} <= set(
        body["message"].rstrip(".").split("Known: ")[1].split(", ")
    )


def test_contract_2_an_unknown_field_is_refused_with_the_known_ones(clients: Clients) -> None:
    refused = clients.operator.call(
        "PATCH", "/devices/AA:BB:CC:DD:EE:FF", json={"nam": "x", "alert": True}
    ).get_json()
    assert set(refused["errors"]) == {"nam", "alert"}
    assert "; see errors. Known: name, owner, vendor, alert_down, grace" in refused["message"]


def test_where_nothing_is_known_that_is_said_and_a_wrong_value_names_no_others(clients: Clients) -> None:
    assert clients.viewer.get("/auth/me?x=1").get_json()["message"] == "x: Unknown field. Known: none."
    wrong = clients.viewer.get("/sessions/totals?period=1m").get_json()
    assert wrong["message"].startswith("period: `1m`: m could be minutes or months; write 1 min or 1 mo.")
    assert "Known:" not in wrong["message"]


def test_contract_5_a_viewer_who_writes_reads_who_they_are_and_what_it_takes(clients: Clients) -> None:
    refused = clients.viewer.call("PATCH", "/devices/AA:BB:CC:DD:EE:FF", json={"name": "x"})
    assert refused.status_code == 403
    wanted = "has the role viewer; this needs the role operator."
    assert refused.get_json()["message"] == f"This token of viewer {wanted}"
    login = clients.nobody.call("POST", "/auth/login", json={"username": "viewer", "password": PASSWORD})
    by_login = {"Authorization": f"Bearer {login.get_json()['access_token']}"}
    refused = clients.nobody.call("PATCH", "/devices/AA:BB:CC:DD:EE:FF", json={"name": "x"}, headers=by_login)
    assert refused.get_json()["message"] == f"viewer {wanted}"
