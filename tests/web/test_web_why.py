"""Explanations of voided events and missing ends in a browser, on a press of the badge."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from time import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from tests.support.application import PASSWORD
from tests.support.server import Server
from tests.support.web import Visit, visiting

PHONE, LAPTOP, PRINTER, TABLET, OTHER = (f"00:00:0C:00:00:0{n}" for n in range(1, 6))
PRESENT = "00:00:0C:00:00:99"
MINUTE = 60
SMALL = (360, 740)
VOIDED = "What “voided” means"
MISSING = "What a missing end means"


class History:
    """Reports to the server through its calls; minutes count back from now."""

    def __init__(self, server: Server, token: str) -> None:
        self.now = int(time())
        self._server, self._token = server, token

    def tell(self, method: str, path: str, body: dict[str, Any]) -> None:
        answer = self._server.call(method, path, body, self._token)
        assert answer.status == 200, answer

    def scan(self, minutes: int, *macs: str) -> None:
        devices = [{"mac": mac} for mac in (PRESENT, *macs)]
        self.tell("POST", "/presence/scans", {"source": "attic", "at": self._at(minutes), "devices": devices})

    def event(self, minutes: int, mac: str, event: str) -> None:
        body = {"source": "cellar", "mac": mac, "at": self._at(minutes), "event": event}
        self.tell("POST", "/presence/events", body)

    def session(self, mac: str, minutes: int, until: int | None) -> None:
        body = {"mac": mac, "ip": "10.0.0.9", "start_time": self._at(minutes)}
        end = {} if until is None else {"end_time": self._at(until)}
        self.tell("POST", "/sessions/create", {**body, **end})

    def _at(self, minutes: int) -> str:
        return datetime.fromtimestamp(self.now - minutes * MINUTE, UTC).isoformat()


@pytest.fixture(scope="module")
def own(template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with one case of each reason that calls can cause."""
    folder = tmp_path_factory.mktemp("why") / "instance"
    copytree(template[0], folder)
    with Server(folder, workers=1) as server:
        history = History(server, template[1]["admin"])
        # The cellar reports a late sighting from a time when the attic missed the device.
        history.scan(300, PHONE)
        # After a silence it is away once it is missed for a grace time.
        for minutes in (270, 264, 258):
            history.scan(minutes)
        history.scan(240, PHONE)
        for minutes in (275, 265):
            history.event(minutes, PHONE, "seen")
        # A disconnection without a connection before it.
        history.event(200, TABLET, "disconnected")
        # A connection after a connection; and two devices that are merged.
        history.session(LAPTOP, 180, None)
        history.session(LAPTOP, 120, 60)
        history.session(OTHER, 110, 50)
        history.tell("POST", f"/devices/{LAPTOP}/merge", {"mac": OTHER})
        history.session(PRINTER, 90, 30)
        history.tell("DELETE", "/sessions/delete", {"mac": PRINTER})
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def visit(browser: Browser, own: str) -> Iterator[Visit]:
    with visiting(browser, own) as visit:
        visit.log_in("viewer", PASSWORD)
        yield visit


def ask(visit: Visit, path: str, badge: str) -> Locator:
    """The explanation of the first badge with this name."""
    visit.open(path)
    visit.page.get_by_role("button", name=f"{badge} Why?").first.click()
    return visit.page.get_by_role("dialog")


@pytest.mark.parametrize(
    ("path", "badge", "reason"),
    [
        (f"/ui/devices/{PHONE}?view=voided", "Voided: Disconnected", "seen after it had seemed to leave"),
        (f"/ui/devices/{TABLET}?view=missing", "Missing end", "but no connection before it"),
        (f"/ui/devices/{LAPTOP}?view=missing", "Missing end", "connected again while it still counted"),
        (f"/ui/devices/{LAPTOP}?view=voided", "Voided: New device", "Two addresses turned out to be one"),
        (
            f"/ui/devices/{PRINTER}?view=voided",
            "Voided: Connected",
            "The session based on it was deleted",
        ),
    ],
    ids=["seen", "no_connection", "next_connection", "merged", "deleted"],
)
def test_a_badge_says_why(visit: Visit, path: str, badge: str, reason: str) -> None:
    dialog = ask(visit, path, badge)
    expect(dialog.get_by_role("heading", level=2)).to_have_text(badge)
    expect(dialog).to_contain_text(reason)
    expect(dialog.get_by_role("heading", name=MISSING if "missing" in path else VOIDED)).to_be_visible()
    assert visit.violations() == []


def test_a_sighting_is_named_with_its_instant_and_source(visit: Visit) -> None:
    dialog = ask(visit, "/ui/events?type=voided", "Voided: Disconnected")
    event = visit.page.request.get(f"{visit.base}/sessions/session-events?type=voided").json()["events"]
    seen = next(each for each in event if each["type"] == "VOIDED - Disconnected" and each["mac"] == PHONE)
    clock = seen["explanation"]["at"][11:19]
    visit.page.keyboard.press("Escape")
    row = visit.page.locator("tbody tr", has_text=PHONE).filter(has_text="Voided: Disconnected")
    row.get_by_role("button").click()
    expect(dialog.locator("dl")).to_contain_text(re.compile(rf"Seen\s+.*{clock} \(UTC\)\s+Seen by\s+cellar"))


def test_by_keyboard_and_on_a_small_phone(browser: Browser, own: str) -> None:
    with visiting(browser, own, SMALL) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.choose(theme="dark")
        visit.open("/ui/events?type=missing")
        badge = visit.page.get_by_role("button", name="Missing end Why?").first
        badge.focus()
        visit.page.keyboard.press("Enter")
        dialog = visit.page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Close")).to_be_focused()
        box = dialog.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= SMALL[0]
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= SMALL[0]
        assert visit.violations() == []
        visit.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(badge).to_be_focused()


def test_each_other_reason_has_its_words_too(visit: Visit) -> None:
    """The reasons that need a repair, an old database or another grace time, in French."""
    said = {
        "evidence": "en décide à elle seule.",
        "repaired": "sessiontrack check --repair",
        "unknown": "ou importé comme annulé",
        "seen": "Il avait déjà été vu auparavant.",
    }
    event = {"mac": PHONE, "name": "", "owner": "", "ip": "", "info": "", "time": "2025-08-01 10:00"}
    event |= {"at": "2025-08-01T10:00:00+00:00", "type": "VOIDED - Connected"}
    rows = [
        {**event, "id": n, "explanation": {"code": code, "at": None, "source": None}}
        for n, code in enumerate(said)
    ]
    ends = {"mac": PHONE, "name": "", "owner": "", "ip": "", "info": "", "id": 9, "still_connected": False}
    ends |= {
        "connected_at": event["at"],
        "disconnected_at": None,
        "duration": "...",
        "duration_seconds": None,
    }
    ends["explanation"] = {"code": "no_disconnection", "at": None, "source": None}

    def answer(route: Route) -> None:
        found = [ends] if "type=missing" in route.request.url else rows
        route.fulfill(json={"success": True, "events": found, "total": len(found)})

    visit.page.route("**/session-events?*", answer)
    visit.choose(language="fr")
    dialog = visit.page.get_by_role("dialog")
    visit.open("/ui/events?type=voided")
    for n, words in enumerate(said.values()):
        visit.page.get_by_role("button", name="Annulé : Connecté Pourquoi ?").nth(n).click()
        expect(dialog).to_contain_text(words)
        visit.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    visit.open("/ui/events?type=missing")
    visit.page.get_by_role("button", name="Incomplète Pourquoi ?").click()
    expect(dialog).to_contain_text("plus donné de nouvelles depuis")
