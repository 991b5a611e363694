"""`make clients`: other people's clients, as published, against a server with the demo's data.

DataTables 1 and 2, FullCalendar 6 (a list, a timeline of devices), on pages of another origin; redocly and
spectral on the OpenAPI document; clients made of it by openapi-python-client and openapi-typescript.

python -m tests.programs.clients [FOLDER]

FOLDER: where pictures of the pages are put.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, sync_playwright

from bundling.bundle import node_and_npm
from tests.support.command import run
from tests.support.server import Server
from tests.support.web import ROOT, fill_with_demo, launch

FOLDER = ROOT / "tests" / "clients"
WAIT = 60_000


def shown(url: str) -> str:
    """An address as people read it, without the 90 parameters of a table's columns."""
    return re.sub(r"columns\[[^&]*&", "", unquote(url))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def pages() -> Iterator[str]:
    """The clients' pages, from an origin of their own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(FOLDER)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Peers:
    """Each check opens one page; what the page then asks for is printed."""

    def __init__(self, browser: Browser, origin: str, base: str, token: str, shots: Path | None) -> None:
        self.browser, self.origin, self.base, self.token, self.shots = browser, origin, base, token, shots

    @contextmanager
    def opened(self, name: str, *more: str) -> Iterator[Page]:
        """A page, which must leave nothing in the console."""
        page = self.browser.new_page()
        page.set_default_timeout(WAIT)
        wrong: list[str] = []
        page.on("console", lambda each: wrong.append(each.text) if each.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda each: print("  ", shown(each.url)) if self.base in each.url else None)
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        page.goto(f"{self.origin}/{name}.html#{'|'.join((self.base, self.token, *more))}")
        yield page
        if self.shots is not None:
            page.screenshot(path=self.shots / f"{name}{''.join(more).replace('/', '-')}.png")
        page.close()
        assert wrong == [], (name, wrong)

    def datatables(self, version: int) -> None:
        """Pages, order, search, all."""
        with self.opened(f"datatables{version}") as page:
            ready = "document.querySelectorAll('#table tbody tr').length"
            page.wait_for_function(f"{ready} === 10")
            first = page.evaluate("table.row(0).data()")
            assert len(first) == 15, first
            total = page.evaluate("table.page.info().recordsTotal")
            page.evaluate("new Promise(done => table.one('draw', done).page('next').draw('page'))")
            assert page.evaluate("table.row(0).data()") != first
            page.evaluate("new Promise(done => table.one('draw', done).order([1, 'asc']).draw())")
            names = page.evaluate("table.rows().data().toArray().map(row => row[1].toLowerCase())")
            assert names == sorted(names), names
            page.evaluate("new Promise(done => table.one('draw', done).search('down').draw())")
            shown = page.evaluate("table.page.info()")
            assert 0 < shown["recordsDisplay"] < shown["recordsTotal"] == total, shown
            page.evaluate("new Promise(done => table.one('draw', done).search('').page.len(-1).draw())")
            assert page.evaluate("table.rows().count()") == min(1000, total)

    def fullcalendar(self, view: str, time_zone: str) -> None:
        """Sessions of this week."""
        with self.opened(f"fullcalendar-{view}", time_zone) as page:
            page.wait_for_function("calendar.getEvents().length > 5")
            if view == "timeline":
                page.wait_for_function("calendar.getResources().length > 5")
                page.wait_for_function("document.querySelectorAll('.fc-event').length > 5")
            else:
                page.wait_for_function("document.querySelectorAll('.fc-list-event').length > 5")


def openapi(base: str, token: str) -> None:
    """The document is without a warning, and clients made of it work."""
    build = FOLDER / "build"
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir()
    document = build / "openapi.json"
    document.write_bytes(urlopen(f"{base}/openapi.json").read())
    node, _ = node_and_npm()

    def tool(package: str, *arguments: str) -> None:
        described = json.loads((FOLDER / "node_modules" / package / "package.json").read_text("utf-8"))
        program = described["bin"]
        path = program if isinstance(program, str) else next(iter(program.values()))
        command = [node, str(FOLDER / "node_modules" / package / path), *arguments]
        ran = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    tool("@redocly/cli", "lint", str(document), "--extends", "recommended", "--max-problems", "20")
    tool(
        "@stoplight/spectral-cli",
        "lint",
        str(document),
        "--ruleset",
        "spectral.yaml",
        "--fail-severity",
        "hint",
    )
    python = ROOT / ".venv" / "openapi" / "bin"
    made = [str(python / "openapi-python-client"), "generate", "--path", str(document), "--meta", "none"]
    subprocess.run(
        [*made, "--output-path", str(build / "sessiontrack_client")], check=True, capture_output=True
    )
    calls = [str(python / "python"), str(FOLDER / "calls.py"), base, token]
    subprocess.run(calls, check=True, env={**os.environ, "PYTHONPATH": str(build)})
    tool("openapi-typescript", str(document), "-o", str(build / "schema.d.ts"))
    tool("typescript", "--project", "tsconfig.json")
    subprocess.run([node, str(build / "calls.mjs"), base, token], check=True, cwd=FOLDER)


def main(shots: Path | None) -> None:
    """All of them; the first that fails ends it."""
    with tempfile.TemporaryDirectory() as scratch, pages() as origin, sync_playwright() as playwright:
        instance = Path(scratch) / "instance"
        settings = {"TIMEZONE": "Europe/Paris", "EMBED_ORIGINS": origin}
        fill_with_demo(instance)
        issued = run(instance, "token", "issue", "--quiet", "--role", "operator", "clients")
        assert issued.returncode == 0, issued.stderr
        token = issued.stdout.strip()
        with Server(instance, workers=1, **settings) as server:
            browser = launch(playwright)
            peers = Peers(browser, origin, f"http://127.0.0.1:{server.port}", token, shots)
            for version in (1, 2):
                print(f"DataTables {version}")
                peers.datatables(version)
            for view in ("list", "timeline"):
                for time_zone in ("local", "UTC", "Europe/Paris"):
                    print(f"FullCalendar 6, {view}, {time_zone}")
                    peers.fullcalendar(view, time_zone)
            browser.close()
            print("OpenAPI")
            openapi(f"http://127.0.0.1:{server.port}", token)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
