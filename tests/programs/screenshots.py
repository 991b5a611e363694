"""`make screenshots`: every page with the demo's data, on a desktop and a phone, in light and dark.

Without a folder also those of the README.

python -m tests.programs.screenshots [FOLDER [PATH...]]
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.support.server import Server
from tests.support.web import DESKTOP, PHONE, ROOT, fill_with_demo, launch, visiting

SETTINGS = {"TIMEZONE": "Europe/Paris", "ADMIN_PASSWORD": "correct horse"}
PATHS = (
    "/ui/login",
    "/ui/nothing",
    "/ui/now",
    "/ui/presence",
    "/ui/presence?as=table",
    "/ui/devices",
    "/ui/devices/DA:41:7E:0C:93:5A",
    "/ui/events",
    "/ui/events?type=voided&period=30+days",
    "/ui/people",
    "/ui/people?show=views",
    "/ui/people?show=days",
    "/ui/people/{session}",
    "/ui/month",
    "/ui/month?month=1999-01",
    "/ui/sources",
    "/ui/account",
    "/ui/alerts",
    "/ui/api",
    "/ui/api?view=curl",
    *(
        f"/ui/settings?section={each}"
        for each in ("users", "tokens", "retention", "configuration", "backups", "doctor", "about")
    ),
)
LATEST_SESSION = "/api/v2/sessions?usernames[]=anna&limit=1"
# The README's: each with its page and its size.
README_SCREENSHOTS = (
    ("screenshot.png", "/ui/presence", (1280, 760)),
    ("screenshot-device.png", "/ui/devices/DA:41:7E:0C:93:5A", (1280, 760)),
    ("screenshot-phone.png", "/ui/presence", PHONE),
)


def draw_for_readme() -> None:
    """The pages that say most at a glance, where the README shows them from."""
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        instance = Path(scratch) / "instance"
        fill_with_demo(instance, **SETTINGS)
        with Server(instance, workers=1, **SETTINGS) as server:
            browser = launch(playwright)
            for name, path, size in README_SCREENSHOTS:
                with visiting(browser, f"http://127.0.0.1:{server.port}", size) as visit:
                    visit.log_in("admin", SETTINGS["ADMIN_PASSWORD"])
                    visit.open(path)
                    visit.page.screenshot(path=ROOT / "docs" / name)
            browser.close()


def draw(folder: Path, paths: tuple[str, ...]) -> None:
    """One PNG a page, size and theme, by their names."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        instance = Path(scratch) / "instance"
        fill_with_demo(instance, **SETTINGS)
        with Server(instance, workers=1, **SETTINGS) as server:
            browser = launch(playwright)
            for size, width in ((DESKTOP, "desktop"), (PHONE, "phone")):
                for theme in ("light", "dark"):
                    with visiting(browser, f"http://127.0.0.1:{server.port}", size) as visit:
                        visit.allowed.append("404 (NOT FOUND)")
                        visit.choose(theme=theme)
                        session = ""
                        for path in paths:
                            # Once: each login is a user session more on the pages of people.
                            if path != "/ui/login" and not session:
                                visit.log_in("admin", SETTINGS["ADMIN_PASSWORD"])
                                session = visit.page.request.get(visit.base + LATEST_SESSION).json()[0]["_id"]
                            visit.open(path.format(session=session))
                            name = "".join(c if c.isalnum() else "-" for c in path.removeprefix("/ui/"))
                            visit.page.screenshot(path=folder / f"{name}-{width}-{theme}.png")
            browser.close()


if __name__ == "__main__":
    given = sys.argv[1:]
    target = Path(given[0] if given else "build/screenshots")
    shutil.rmtree(target, ignore_errors=True)
    draw(target, tuple(given[1:]) or PATHS)
    if not given:
        draw_for_readme()
    print(*sorted(target.iterdir()), sep="\n")
