"""`sessiontrack device`: the same as the calls, on the host."""

import json

import pytest

from tests.support.application import Clients
from tests.support.command import Commands, assert_one_line

MAC = "AA:BB:CC:DD:EE:FF"
SESSION = {"mac": MAC, "ip": "192.168.1.10", "start_time": "2025-08-15T10:00:00Z"}

pytestmark = pytest.mark.usefixtures("clock")


class Devices(Commands):
    def __init__(self, clients: Clients) -> None:
        super().__init__("device", clients.app.instance_path)
        self.clients = clients


@pytest.fixture
def cli(clients: Clients) -> Devices:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    clients.operator.ok("POST", "/sessions/create", {**SESSION, "mac": "aabb.cc00.0001"})
    return Devices(clients)


def test_set_changes_what_is_given_and_nothing_else(cli: Devices) -> None:
    said = cli.ok(
        "set", "aabb.ccdd.eeff", "--name", "Printer", "--owner", "House", "--alert", "--grace", "2h"
    )
    assert said == f"{MAC}: name, owner, alert down, grace set.\n"
    cli.ok("set", MAC, "--owner", "", "--never-flaps", "--favourite")
    found = cli.clients.viewer.ok("GET", f"/devices/{MAC}")["device"]
    has = {name: found[name] for name in ("name", "owner", "alert_down", "grace", "can_flap", "favourite")}
    assert has == {
        **{"name": "Printer", "owner": "", "alert_down": True, "grace": "2 hours"},
        **{"can_flap": False, "favourite": True},
    }
    said = cli.ok("set", MAC, "--no-alert", "--grace", "", "--notes", "behind the shelf")
    assert said == f"{MAC}: notes set; grace cleared; alert down off.\n"
    found = cli.clients.viewer.ok("GET", f"/devices/{MAC}")["device"]
    assert (found["name"], found["alert_down"], found["grace"]) == ("Printer", False, None)
    assert found["notes"] == "behind the shelf"


def test_type_and_tags_are_set_replaced_listed_and_cleared(cli: Devices) -> None:
    assert cli.ok("set", MAC, "--type", "tv", "--tag", "loud", "--tag", "den") == f"{MAC}: type, tags set.\n"
    cli.ok("set", MAC, "--tag", "office", "--tag", "den")
    found = cli.clients.viewer.ok("GET", f"/devices/{MAC}")["device"]
    assert (found["type"], found["tags"]) == ("tv", ["den", "office"])
    assert [each["mac"] for each in json.loads(cli.ok("list", "--tag", "office", "--json"))] == [MAC]
    assert json.loads(cli.ok("list", "--tag", "loud", "--json")) == []
    assert cli.ok("set", MAC, "--type", "", "--tag", "") == f"{MAC}: type, tags cleared.\n"
    found = cli.clients.viewer.ok("GET", f"/devices/{MAC}")["device"]
    assert (found["type"], found["tags"]) == ("", [])


def test_list_and_show_are_the_calls_answers(cli: Devices) -> None:
    cli.ok("set", MAC, "--name", "Printer")
    assert json.loads(cli.ok("list", "--json")) == cli.clients.viewer.ok("GET", "/devices")["devices"]
    assert [each["mac"] for each in json.loads(cli.ok("list", "--search", "print", "--json"))] == [MAC]
    assert json.loads(cli.ok("list", "--status", "archived", "--json")) == []
    cli.ok("set", MAC, "--vendor", "Brother")
    header, *rows = cli.ok("list").splitlines()
    assert header.split()[:4] == ["mac", "name", "owner", "vendor"]
    assert any("Brother" in row for row in rows)
    assert len(rows) == 2
    shown = json.loads(cli.ok("show", "aabbccddeeff", "--json"))
    found = cli.clients.viewer.ok("GET", f"/devices/{MAC}")
    assert shown == {**found["device"], "held_by": found["held_by"]}
    assert any(line.split() == ["name", "Printer"] for line in cli.ok("show", MAC).splitlines())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "AA:BB:CC:00:00:99"], ["No device has the MAC address AA:BB:CC:00:00:99"]),
        (["set", "AA:BB:CC:00:00:99", "--alert"], ["No device has the MAC address"]),
        (["set", MAC, "--grace", "1 month"], ["--grace", "minutes, hours, days or weeks"]),
        (["set", MAC, "--name", "x" * 1000], ["--name"]),
        (["set", MAC, "--tag", "one,two"], ["--tag", "comma"]),
        (["set", MAC, "--type", "toaster"], ["--type", "printer"]),
        (["set", "ff:ff:ff:ff:ff:ff", "--alert"], ["no device's address"]),
        (["show", "printer"], ["MAC address"]),
        (["delete", "AA:BB:CC:00:00:99"], ["No device has the MAC address AA:BB:CC:00:00:99"]),
        (["merge", MAC, MAC], ["cannot be merged with itself"]),
        (["merge", MAC, "AA:BB:CC:00:00:99"], ["No device has the MAC address AA:BB:CC:00:00:99"]),
    ],
)
def test_what_cannot_be_is_one_line(cli: Devices, arguments: list[str], words: list[str]) -> None:
    result = cli.run(*arguments)
    assert result.exit_code == 1
    assert_one_line(result.stderr, *words)


def test_merge_makes_the_second_address_an_alias_of_the_first(cli: Devices) -> None:
    cli.ok("set", MAC, "--name", "Printer")
    cli.ok("set", "aabb.cc00.0001", "--name", "Other")
    said = cli.ok("merge", "aabb.ccdd.eeff", "aabb.cc00.0001")
    assert said == f"Merged AA:BB:CC:00:00:01 into {MAC}.\n"
    (found,) = cli.clients.viewer.ok("GET", "/devices")["devices"]
    assert (found["mac"], found["name"], found["aliases"]) == (MAC, "Printer", ["AA:BB:CC:00:00:01"])
    # The device by its alias.
    cli.clients.operator.ok("POST", "/devices", {"mac": "aabb.cc00.0002"})
    said = cli.ok("merge", "aabb.cc00.0001", "aabb.cc00.0002")
    assert said == f"Merged AA:BB:CC:00:00:02 into {MAC}.\n"


@pytest.mark.parametrize(("arguments", "text"), [(["--yes"], None), ([], "y\n")], ids=["yes", "asked"])
def test_delete_takes_it_away_with_all_that_is_known_of_it(
    cli: Devices, arguments: list[str], text: str | None
) -> None:
    cli.ok("set", MAC, "--name", "Printer")
    said = cli.ok("delete", "aabb.ccdd.eeff", *arguments, text=text)
    assert said.splitlines()[-2:] == [
        f"Deleted {MAC}, and with it: 1 session, 2 events, 0 reports of sources.",
        "Backups keep it until they are replaced, and so does the log; seen again, it is new.",
    ]
    assert ("Delete Printer" in said) == (text is not None)
    (left,) = cli.clients.viewer.ok("GET", "/devices")["devices"]
    assert left["mac"] == "AA:BB:CC:00:00:01"
    assert cli.clients.viewer.ok("GET", f"/sessions/list?mac={MAC}")["sessions"] == []


def test_delete_goes_by_any_address_and_names_the_device(cli: Devices) -> None:
    cli.ok("merge", MAC, "aabb.cc00.0001")
    assert f"Deleted {MAC}, and with it: " in cli.ok("delete", "aabb.cc00.0001", "--yes")
    assert cli.clients.viewer.ok("GET", "/devices")["devices"] == []


@pytest.mark.parametrize(("text", "code"), [("n\n", 0), ("", 1)], ids=["no", "nobody to ask"])
def test_delete_changes_nothing_without_a_yes(cli: Devices, text: str, code: int) -> None:
    result = cli.run("delete", MAC, text=text)
    assert result.exit_code == code
    assert f"Delete {MAC} " in result.output
    assert len(cli.clients.viewer.ok("GET", "/devices")["devices"]) == 2


def test_set_without_a_change_is_a_wrong_call(cli: Devices) -> None:
    result = cli.run("set", MAC)
    assert result.exit_code == 2
    assert "Nothing to change" in result.stderr
