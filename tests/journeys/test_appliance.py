"""In an appliance: docs/start.md, line by line, behind nginx with a password file, a page in Chromium."""

import re
import subprocess
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.calls import call
from tests.support.journey import PAGE as START
from tests.support.journey import Journey
from tests.support.nginx import ConfiguredNginx
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.waiting import wait_until
from tests.support.web import visiting

TITLE = "In an appliance"
DEVICES = ["AA:BB:CC:00:00:03", "AA:BB:CC:00:00:04"]
PAGE = "<!DOCTYPE html><html lang=en><title>Appliance</title><link rel=icon href='data:,'>{shown}</html>"


class Appliance(ConfiguredNginx):
    """nginx with the page and the site that the document shows."""

    def __init__(self, folder: Path, port: int, server_port: int) -> None:
        (folder / "pages").mkdir(parents=True)
        (html,) = blocks(START, TITLE, "html")
        (folder / "pages" / "index.html").write_text(PAGE.format(shown=html))
        hashed = subprocess.run(["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True)
        (folder / "htpasswd").write_text(f"anna:{hashed.stdout}")
        (site,) = blocks(START, TITLE, "nginx")
        for there, here in {
            "listen 80;": f"listen 127.0.0.1:{port};",
            "/var/www/appliance": f"{folder}/pages",
            "/etc/nginx/htpasswd": f"{folder}/htpasswd",
            ":8000": f":{server_port}",
        }.items():
            assert there in site
            site = site.replace(there, here)
        self.port = port
        super().__init__(folder, site)


def test_in_an_appliance(browser: Browser, tmp_path: Path) -> None:
    port, nginx_port = free_port(), free_port()
    folder = tmp_path / "checkout"
    changes = {
        ":8000": f":{port}",
        "sessiontrack serve": f"sessiontrack serve --port {port}",
        "127.0.0.1/sessiontrack": f"127.0.0.1:{nginx_port}/sessiontrack",
    }
    with Journey(folder, TITLE, changes) as journey:
        journey.run("provision")
        journey.run("settings set TIMEZONE")
        journey.run("settings set TRUSTED_PROXIES")
        journey.run("settings set AUTH_PROXY_HEADER")
        journey.start("sessiontrack serve")
        token = (folder / "instance" / "token").read_text().strip()
        with Appliance(tmp_path / "nginx", nginx_port, port) as nginx:
            assert nginx.call("GET", "/sessiontrack/auth/me").status == 401
            journey.run("-u anna:secret")
            base = f"http://127.0.0.1:{nginx.port}"
            password = {"username": "anna", "password": "secret"}
            with visiting(browser, base, http_credentials=password) as visit:
                with visit.page.expect_response("**/embed.js") as script:
                    visit.page.goto(f"{base}/")
                assert script.value.all_headers()["content-encoding"] == "gzip"
                shown = visit.page.locator("sessiontrack-now")
                expect(shown.locator(".card").first).to_be_visible()
                journey.run("presence/scans")
                journey.run("presence/events")
                expect(shown).to_contain_text(re.compile("aa:bb:cc:00:00:03", re.IGNORECASE))

                def is_here() -> bool:
                    sessions = call(port, "GET", "/api/v2/sessions?active=true", token=token).json
                    return [each["username"] for each in sessions] == ["anna"]

                wait_until(is_here, "anna's user session", pause=0.05)
                journey.run("sessions?active=true")
                assert "ok       schema" in journey.run("doctor", codes=(0, 1))
                journey.run("/readyz")
                assert journey.is_over
                visit.page.goto("about:blank")
        me = call(port, "GET", "/devices?status=connected", token=token).json
        assert sorted(each["mac"] for each in me["devices"]) == DEVICES
