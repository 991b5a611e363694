"""How the lists of the `sessiontrack` command show instants."""

import json

import pytest

from tests.support.application import NOW, Clients
from tests.support.command import invoke


@pytest.mark.usefixtures("clock")
def test_lists_show_instants_in_the_sites_zone_with_its_offset(clients: Clients) -> None:
    folder = clients.app.instance_path
    router = "10.0.0.1 dev e lladdr 00:1a:2b:3c:4d:5e REACHABLE"

    def printed(*words: str, stdin: str | None = None) -> str:
        result = invoke(folder, *words, text=stdin, TIMEZONE="Europe/Berlin")
        assert result.exit_code == 0, result.output
        return result.stdout

    printed("token", "add", "mine", "--role", "viewer")
    printed("webhook", "add", "pager", "https://pager.example/", "--event", "New Device")
    assert "2025-08-15T14:00:00+02:00" in printed("scan", "ip-neigh", "-", stdin=router)
    lists = (["token"], ["user"], ["webhook"], ["source"], ["device"])
    for words in (*([*each, "list"] for each in lists), ["webhook", "deliveries"]):
        assert "2025-08-15T14:00:00+02:00" in (shown := printed(*words)), words
        assert "UTC" not in shown, words
    assert "The clock says      2025-08-15T14:00:00+02:00\n" in printed("clock", "show")
    assert printed("clock", "accept") == "2025-08-15T14:00:00+02:00 is right.\n"
    # Programs are given instants as the database has them, and texts as the API has them.
    (token,) = [each for each in json.loads(printed("token", "list", "--json")) if each["name"] == "mine"]
    (source,) = json.loads(printed("source", "list", "--json"))
    assert (token["created_at"], source["last_look"]) == (NOW, "2025-08-15T14:00:00+02:00")
