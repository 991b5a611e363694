"""Widgets in pages of another origin: as elements and in frames, allowed and refused; no other access."""

import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, Route, expect

from sessiontrack.web.bundle import STATIC
from sessiontrack.web.catalogues import LANGUAGES
from tests.support import databases
from tests.support.application import PASSWORD, Clients
from tests.support.legible import WIDE_FONT, illegible
from tests.support.server import Server
from tests.support.web import SETTLED, TIMEOUT, Visit, WebServer, settle, visiting, wait_in

WIDGETS = ("now", "timeline", "people")
TRACKER_DOCS = Path(__file__).parents[2] / "docs" / "embedding.md"
TITLES = {"now": "Now", "timeline": "Presence", "people": "In the web UI"}
MAC = re.compile("^(?:[0-9A-F]{2}:){5}[0-9A-F]{2}$")
SETTINGS = {"TIMEZONE": "Europe/Paris"}


class Portal:
    """Another product on another port: its pages, by path, with a strict policy."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.allowed = self.inline = ""
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = portal.pages.get(self.path)
                self.send_response(404 if text is None else 200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header(
                    "Content-Security-Policy",
                    f"default-src 'self'; script-src {portal.allowed}{portal.inline};"
                    f" connect-src {portal.allowed}; frame-src {portal.allowed}; img-src data:",
                )
                self.end_headers()
                self.wfile.write((text or "").encode())

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> "Portal":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def show(self, body: str, base: str, *, inline: bool = False) -> str:
        """The address of a page with this body, whose policy allows base and inline scripts."""
        self.allowed, self.inline = base, " 'unsafe-inline'" if inline else ""
        self.pages["/"] = (
            f"<!doctype html><html lang=en><title>Portal</title><main><h1>Portal</h1>{body}</main></html>"
        )
        return f"{self.origin}/"


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with Portal() as running:
        yield running


@pytest.fixture(scope="module")
def allowing(
    demo: Path,
    template: tuple[Path, dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
    portal: Portal,
) -> Iterator[WebServer]:
    """A server with the demo's data that lists the portal as an origin; some devices have no name."""
    folder = tmp_path_factory.mktemp("embed") / "instance"
    shutil.copytree(demo, folder)
    databases.rows(folder, "UPDATE device SET name = '' WHERE id % 2 = 0 AND name NOT LIKE ?", "%phone%")
    with Server(folder, workers=1, EMBED_ORIGINS=portal.origin, **SETTINGS) as server:
        yield WebServer(server, folder, template[1])


def elements(server: WebServer) -> str:
    token = server.tokens["viewer"]
    return f'<script src="{server.base}/static/embed.js" defer></script>' + "".join(
        f'<sessiontrack-{each} token="{token}"></sessiontrack-{each}>' for each in WIDGETS
    )


def frame(server: WebServer, widget: str, extra: str = "") -> str:
    token = server.tokens["viewer"]
    return (
        f'<iframe title="{widget}" width="900" height="700"'
        f' src="{server.base}/embed/{widget}#token={token}{extra}"></iframe>'
    )


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    settle(page)
    return page


@pytest.fixture
def window(browser: Browser, portal: Portal) -> Iterator[tuple[Page, list[str]]]:
    """A window, and its console messages; requests may go to both servers."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-GB", reduced_motion="reduce"
    )
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(SETTLED)
    said: list[str] = []
    context.on("console", lambda each: said.append(each.text) if each.type in ("error", "warning") else None)
    context.on("weberror", lambda error: said.append(f"thrown: {error.error}"))
    yield context.new_page(), said
    context.close()


def test_elements_in_a_listed_page_show_what_is_going_on(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer
) -> None:
    page, said = window
    opened(page, portal.show(elements(allowing), allowing.base))
    now = page.locator("sessiontrack-now")
    totals = page.request.get(
        f"{allowing.base}/devices/totals?format=named",
        headers={"Authorization": f"Bearer {allowing.tokens['viewer']}"},
    ).json()
    expect(now.locator("dl > div").first.locator("dd")).to_have_text(str(totals["connected"]))
    expect(now.locator("li").first).to_be_visible()
    # A missing text is shown as its key.
    assert not re.search(r"\b(now|event|embed|timeline)\.[a-z]", now.inner_text())
    expect(page.locator("sessiontrack-timeline").get_by_text("Anna's phone", exact=True)).to_be_visible()
    expect(page.locator("sessiontrack-people").get_by_role("heading")).to_be_visible()
    assert said == []


def test_one_device_and_a_period(window: tuple[Page, list[str]], portal: Portal, allowing: WebServer) -> None:
    page, said = window
    headers = {"Authorization": f"Bearer {allowing.tokens['viewer']}"}
    device = page.request.get(f"{allowing.base}/devices?limit=1&search=phone", headers=headers).json()[
        "devices"
    ][0]
    body = (
        f'<script src="{allowing.base}/static/embed.js" defer></script>'
        f'<sessiontrack-timeline base="{allowing.base}/" token="{allowing.tokens["viewer"]}"'
        f' mac="{device["mac"]}" period="24 hours"></sessiontrack-timeline>'
    )
    with page.expect_response("**/presence/timeline?**") as asked:
        opened(page, portal.show(body, allowing.base))
    assert [each["mac"] for each in asked.value.json()["devices"]] == [device["mac"]]
    expect(page.get_by_text(device["name"], exact=True)).to_be_visible()
    assert said == []


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ('mac="02:00:00:00:99:99"', "There is no device 02:00:00:00:99:99 here."),
        ('period="7 dys"', "The period “7 dys” cannot be read: write it like 24 hours or 7 days."),
        ('period="0 days"', "The period “0 days” cannot be read: write it like 24 hours or 7 days."),
    ],
)
def test_an_attribute_that_cannot_be_shown_is_said(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer, attribute: str, words: str
) -> None:
    page, said = window
    body = (
        f'<script src="{allowing.base}/static/embed.js" defer></script>'
        f'<sessiontrack-timeline base="{allowing.base}" token="{allowing.tokens["viewer"]}" {attribute}>'
        "</sessiontrack-timeline>"
    )
    opened(page, portal.show(body, allowing.base))
    expect(page.get_by_role("alert")).to_have_text(words)
    # A label without a name would be one that still loads.
    expect(page.locator("sessiontrack-timeline .tl-names > *")).to_have_count(0)
    assert said == []


def test_the_host_page_overrides_the_tokens_and_its_style_does_not_reach_in(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer
) -> None:
    page, _ = window
    opened(page, portal.show(elements(allowing), allowing.base))
    page.evaluate(
        """() => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync('li { display: none } sessiontrack-now { --st-surface: rgb(1, 2, 3) }');
          document.adoptedStyleSheets = [sheet];
        }"""
    )
    card = page.locator("sessiontrack-now .card").first
    assert card.evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(1, 2, 3)"
    expect(page.locator("sessiontrack-now li").first).to_be_visible()


def documented_colours() -> str:
    """The example of CSS in docs/embedding.md."""
    (found,) = re.findall(r"```css\n(.*?)```", TRACKER_DOCS.read_text("utf-8"), re.DOTALL)
    return str(found)


ADOPT = """(text) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets = [sheet];
}"""


def test_a_timeline_takes_another_theme_as_the_rest_of_it(browser: Browser, allowing: WebServer) -> None:
    canvas = "document.querySelector('sessiontrack-timeline').renderRoot.querySelector('canvas')"
    pixel = f"{canvas}.getContext('2d').getImageData(1, 1, 1, 1).data[0]"
    with visiting(browser, allowing.base) as visit:
        visit.allowed.append("willReadFrequently")
        visit.open(f"/embed/timeline#token={allowing.tokens['viewer']}&theme=light")
        expect(visit.page.locator(".tl-plot[aria-busy=false]")).to_be_visible()
        wait_in(visit.page, lambda: visit.page.evaluate(pixel) > 200, "a light ground")
        visit.page.evaluate("location.hash = location.hash.replace('light', 'dark')")
        wait_in(visit.page, lambda: visit.page.evaluate(pixel) < 60, "a dark ground")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_documented_colours_can_be_read_in_both_themes(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer, theme: Literal["light", "dark"]
) -> None:
    page, _ = window
    page.emulate_media(color_scheme=theme)
    opened(page, portal.show(elements(allowing), allowing.base))
    page.evaluate(ADOPT, documented_colours())
    expect(page.locator("sessiontrack-now li").first).to_be_visible()
    expect(page.locator("sessiontrack-timeline").get_by_text("Anna's phone", exact=True)).to_be_visible()
    visit = Visit(page, allowing.base)
    contrasts = [each for each in visit.violations() if each.startswith("color-contrast")]
    assert contrasts == []
    # One background for both hides names, and this finds it.
    page.evaluate(ADOPT, "sessiontrack-now { --st-surface: #808080 }")
    assert [each for each in visit.violations() if each.startswith("color-contrast")] != []


@pytest.mark.parametrize(
    ("page_says", "attribute", "dark"),
    [
        ("", "", True),
        (":root { color-scheme: light }", "", False),
        (":root { color-scheme: light dark }", "", True),
        (":root { color-scheme: light }", "data-theme=dark", True),
        ("sessiontrack-now { color-scheme: light }", "", False),
    ],
)
def test_the_pages_color_scheme_decides_the_theme(
    window: tuple[Page, list[str]],
    portal: Portal,
    allowing: WebServer,
    page_says: str,
    attribute: str,
    dark: bool,
) -> None:
    page, _ = window
    page.emulate_media(color_scheme="dark")
    page.route("**/look.css", lambda route: route.fulfill(body=page_says, content_type="text/css"))
    body = (
        "<link rel=stylesheet href=/look.css>"
        f'<script src="{allowing.base}/static/embed.js" defer></script>'
        f'<sessiontrack-now {attribute} token="{allowing.tokens["viewer"]}"></sessiontrack-now>'
    )
    opened(page, portal.show(body, allowing.base))
    card = page.locator("sessiontrack-now .card").first
    background = card.evaluate("each => getComputedStyle(each).backgroundColor")
    assert background == ("rgb(22, 28, 35)" if dark else "rgb(255, 255, 255)")


# Of every element, and what is inherited; !important also beats a sheet's own rules.
HOSTILE = """
* { color: red !important; font-size: 40px !important; display: block !important; border: 0 !important;
    line-height: 3 !important; background: yellow !important; animation: none !important }
html { font-family: monospace; font-size: 40px !important; accent-color: red }
body { letter-spacing: 9px; text-transform: uppercase; text-align: right; font-style: italic;
    word-spacing: 2em; text-indent: 3em; white-space: pre; cursor: help; list-style: square;
    text-shadow: 1px 1px red; quotes: none }
"""
# In one call, so that no poll comes between: what is computed inside before and after, where it differs.
COMPARED = """([tags, hostile]) => {
  const inside = tags.flatMap(
    (tag) => [...document.querySelector(tag).shadowRoot.querySelectorAll("*:not(style)")]);
  const stylesOf = (each) => [...getComputedStyle(each)].map(
    (name) => [name, getComputedStyle(each).getPropertyValue(name)]);
  const computed = () => inside.map((each) => Object.fromEntries(stylesOf(each)));
  const before = computed();
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(hostile);
  document.adoptedStyleSheets = [sheet];
  const after = computed();
  const differing = inside.flatMap((each, n) => Object.keys(before[n])
    .filter((name) => before[n][name] !== after[n][name])
    .map((name) => `${each.localName}: ${name} ${before[n][name]} -> ${after[n][name]}`));
  return [inside.length, differing, getComputedStyle(document.querySelector("h1")).color];
}"""


def test_no_style_of_the_page_changes_what_is_inside(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer
) -> None:
    page, _ = window
    opened(page, portal.show(elements(allowing), allowing.base))
    expect(page.locator("sessiontrack-timeline .tl-name").first).to_be_visible()
    expect(page.locator("sessiontrack-now li").first).to_be_visible()
    expect(page.locator("sessiontrack-people .card").first).to_be_visible()
    tags = [f"sessiontrack-{each}" for each in WIDGETS]
    seen, differing, heading = page.evaluate(COMPARED, [tags, HOSTILE])
    assert heading == "rgb(255, 0, 0)"
    assert seen > 50
    assert differing == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("widget", WIDGETS)
def test_every_widget_can_be_read_at_every_width(
    browser: Browser, allowing: WebServer, widget: str, language: str
) -> None:
    allowing.bring_people_back()
    with visiting(browser, allowing.base, locale=language) as visit:
        visit.page.add_init_script(WIDE_FONT)
        visit.open(f"/embed/{widget}#token={allowing.tokens['viewer']}")
        expect(visit.page.locator(f"sessiontrack-{widget} .card").first).to_be_visible()
        if widget != "people":
            expect(visit.page.get_by_text(MAC).first).to_be_visible()
        assert illegible(visit.page) == {}


@pytest.mark.parametrize("width", [360, 500, 600, 660])
def test_the_label_of_a_tile_is_within_it(browser: Browser, allowing: WebServer, width: int) -> None:
    over = (
        "(all) => all.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)"
    )
    with visiting(browser, allowing.base, (width, 700), locale="fr") as visit:
        visit.page.add_init_script(WIDE_FONT)
        visit.open(f"/embed/now#token={allowing.tokens['viewer']}")
        labels = visit.page.locator("sessiontrack-now dt")
        expect(labels).to_have_count(4)
        expect(labels.nth(1)).to_have_text("Déconnectés")
        assert labels.evaluate_all(over) == []


@pytest.mark.parametrize("height", [420, 640, 800])
def test_the_timeline_takes_the_height_of_its_frame(
    browser: Browser, allowing: WebServer, height: int
) -> None:
    with visiting(browser, allowing.base, (900, height)) as visit:
        visit.open(f"/embed/timeline#token={allowing.tokens['viewer']}")
        expect(visit.page.locator(".tl-name").first).to_be_visible()
        card = visit.page.locator("sessiontrack-timeline .card").bounding_box()
        assert card is not None
        bottom = card["y"] + card["height"]
        assert height - 40 <= bottom <= height - 12
        assert card["x"] == 12
        assert visit.page.evaluate("document.documentElement.scrollHeight") <= height


@pytest.mark.parametrize("widget", WIDGETS)
def test_a_frame_in_a_listed_page_shows_it_and_no_token_is_sent_in_an_address(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer, widget: str
) -> None:
    page, said = window
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, portal.show(frame(allowing, widget, "&theme=dark"), allowing.base))
    inside = page.frame_locator("iframe")
    expect(inside.locator(f"sessiontrack-{widget} .card").first).to_be_visible()
    expect(inside.get_by_role("heading", level=1)).to_have_text(TITLES[widget])
    expect(inside.get_by_role("heading", name=TITLES[widget])).to_have_count(1)
    sent = [each.partition("#")[0] for each in asked]
    assert any("/presence/now" in each for each in sent)
    assert [each for each in sent if allowing.tokens["viewer"] in each] == []
    assert said == []


def test_a_page_that_is_not_listed_gets_nothing(
    window: tuple[Page, list[str]], portal: Portal, web_server: WebServer
) -> None:
    page, said = window
    opened(page, portal.show(elements(web_server) + frame(web_server, "now"), web_server.base))
    expect(page.locator("sessiontrack-now").get_by_role("status")).to_contain_text("EMBED_ORIGINS")
    assert any("frame-ancestors" in each for each in said)
    assert any("CORS policy" in each for each in said)
    assert page.frame_locator("iframe").locator("sessiontrack-now").count() == 0


def test_pages_of_the_ui_are_never_framed(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer
) -> None:
    page, said = window
    body = f'<iframe title="UI" src="{allowing.base}/ui/login"></iframe>'
    opened(page, portal.show(body, allowing.base))
    assert any("frame-ancestors" in each for each in said)


def test_a_wrong_token_and_none_are_said(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer
) -> None:
    page, _ = window
    body = (
        f'<script src="{allowing.base}/static/embed.js" defer></script>'
        "<sessiontrack-now></sessiontrack-now><sessiontrack-people token=st_wrong></sessiontrack-people>"
    )
    opened(page, portal.show(body, allowing.base))
    expect(page.locator("sessiontrack-now").get_by_role("alert")).to_contain_text("needs a token")
    expect(page.locator("sessiontrack-people").get_by_role("alert")).to_contain_text("not valid")


NOW_CALLS = "**/presence/**"
POLLED_MS = 15_000


def stop(route: Route) -> None:
    """No connection."""
    route.abort()


def stop_behind_proxy(route: Route) -> None:
    """What a proxy says of a server that is not there."""
    route.fulfill(status=502, body="<h1>Bad Gateway</h1>", content_type="text/html")


def stop_without_a_word(_: Route) -> None:
    """The host is down: there is no answer at all."""


def own_clock(page: Page) -> None:
    """Let the test move the page's time; it begins a minute ago, so that all that is shown is past."""
    page.clock.install(time=time.time() - 60)


@pytest.mark.parametrize("gone", [stop, stop_behind_proxy, stop_without_a_word])
@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "Not available just now. As of "),
        ("fr", "Indisponible pour le moment. Dernier état connu\u00a0: "),
    ],
)
def test_a_widget_whose_server_is_gone_keeps_what_it_showed_and_comes_back_by_itself(
    window: tuple[Page, list[str]],
    portal: Portal,
    allowing: WebServer,
    gone: Callable[[Route], None],
    lang: str,
    said: str,
) -> None:
    page, _ = window
    own_clock(page)
    address = portal.show(elements(allowing), allowing.base)
    portal.pages["/"] = portal.pages["/"].replace("lang=en", f"lang={lang}")
    opened(page, address)
    now = page.locator("sessiontrack-now")
    expect(now.locator("li").first).to_be_visible()
    rows = now.locator("li").all_inner_texts()
    page.route(NOW_CALLS, gone)
    page.clock.run_for(POLLED_MS + 10_000)
    for each in WIDGETS:
        expect(page.locator(f"sessiontrack-{each} .notice")).to_have_text(
            re.compile(rf"^\s*{said}\d\d:\d\d\s*$")
        )
        assert page.locator(f"sessiontrack-{each} .widget").evaluate("(each) => each.matches('[data-old]')")
    assert now.locator("li").all_inner_texts() == rows
    expect(page.locator("sessiontrack-timeline").get_by_text("Anna's phone", exact=True)).to_be_visible()
    assert page.get_by_role("alert").count() == 0
    assert Visit(page, allowing.base).violations() == []
    page.unroute_all(behavior="ignoreErrors")
    page.clock.run_for(POLLED_MS)
    for each in WIDGETS:
        expect(page.locator(f"sessiontrack-{each} .notice")).to_have_count(0)
    expect(page.locator("sessiontrack-timeline .tl-unknown")).to_be_hidden()


def test_a_widget_that_was_never_answered_says_so_and_comes_by_itself(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer
) -> None:
    page, _ = window
    own_clock(page)
    page.route(NOW_CALLS, stop)
    opened(page, portal.show(elements(allowing), allowing.base))
    for each in WIDGETS:
        expect(page.locator(f"sessiontrack-{each}").get_by_role("status")).to_have_text(
            f"Not available just now. If this lasts, EMBED_ORIGINS may lack {portal.origin}."
        )
    page.unroute_all(behavior="ignoreErrors")
    page.clock.run_for(POLLED_MS)
    expect(page.locator("sessiontrack-now li").first).to_be_visible()
    expect(page.locator("sessiontrack-timeline").get_by_text("Anna's phone", exact=True)).to_be_visible()


def test_in_a_frame_nothing_is_said_of_origins(browser: Browser, allowing: WebServer) -> None:
    with visiting(browser, allowing.base) as visit:
        visit.allowed.append("ERR_FAILED")
        visit.page.route(NOW_CALLS, stop)
        visit.open(f"/embed/now#token={allowing.tokens['viewer']}")
        expect(visit.page.get_by_role("status")).to_have_text("Not available just now.")
        visit.page.unroute_all(behavior="wait")


def test_the_widgets_of_a_page_ask_once(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer
) -> None:
    page, said = window
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.method) if "/presence/now" in each.url else None)
    own_clock(page)
    page.clock.pause_at(time.time())
    body = elements(allowing) + elements(allowing).partition("</script>")[2]
    page.goto(portal.show(body, allowing.base))
    expect(page.locator("sessiontrack-people .card")).to_have_count(2)
    expect(page.locator("sessiontrack-now li").nth(8)).to_be_visible()
    # Cross-origin: each GET may have its OPTIONS.
    assert asked.count("GET") == 1
    page.clock.run_for(POLLED_MS)
    wait_in(page, lambda: asked.count("GET") == 3, lambda: f"two more: {asked}")
    # One with another token asks for itself; those that have left ask no more.
    page.evaluate(
        "(token) => document.querySelector('sessiontrack-now').token = token", allowing.tokens["operator"]
    )
    wait_in(page, lambda: asked.count("GET") == 4, lambda: f"one more: {asked}")
    page.evaluate("document.querySelector('main').replaceChildren()")
    page.clock.run_for(4 * POLLED_MS)
    assert asked.count("GET") == 4
    assert said == []


@pytest.fixture(scope="module")
def behind_proxy(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that believes this machine as its proxy."""
    folder = tmp_path_factory.mktemp("proxied") / "instance"
    shutil.copytree(demo, folder)
    proxy = {"AUTH_PROXY_HEADER": "X-Remote-User", "TRUSTED_PROXIES": "127.0.0.1"}
    with Server(folder, workers=1, **proxy, **SETTINGS) as server:
        yield f"http://127.0.0.1:{server.port}"


def look_without_tokens(visit: Visit) -> None:
    """Open a page of the same origin, of another product, with the widgets and no token."""
    body = "".join(f"<sessiontrack-{each}></sessiontrack-{each}>" for each in WIDGETS)
    script = "<script src=/static/embed.js defer></script>"
    text = f"<!doctype html><html lang=en><title>Portal</title>{script}{body}"
    visit.page.route("**/portal", lambda route: route.fulfill(body=text, content_type="text/html"))
    visit.open("/portal")


def assert_shows_data(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("sessiontrack-now li").first).to_be_visible()
    expect(page.locator("sessiontrack-timeline").get_by_text("Anna's phone", exact=True)).to_be_visible()
    expect(page.locator("sessiontrack-people").get_by_role("heading")).to_be_visible()
    assert page.get_by_role("alert").count() == 0


def test_behind_a_proxys_login_a_widget_needs_no_token(browser: Browser, behind_proxy: str) -> None:
    # The header that the proxy adds to every request.
    with visiting(browser, behind_proxy, extra_http_headers={"X-Remote-User": "anna"}) as visit:
        look_without_tokens(visit)
        assert_shows_data(visit)
        visit.open("/embed/now")
        expect(visit.page.locator("sessiontrack-now li").first).to_be_visible()
    with visiting(browser, behind_proxy) as visit:
        visit.allowed.append("401 (UNAUTHORIZED)")
        look_without_tokens(visit)
        expect(visit.page.locator("sessiontrack-now").get_by_role("alert")).to_contain_text("not signed in")


def test_on_a_page_of_the_same_origin_a_login_is_enough(browser: Browser, allowing: WebServer) -> None:
    with visiting(browser, allowing.base) as visit:
        visit.log_in("viewer", PASSWORD)
        look_without_tokens(visit)
        assert_shows_data(visit)


@pytest.mark.parametrize(
    ("locale", "title", "alert"),
    [("fr", "Derniers événements", "jeton"), ("de-AT", "Neueste Ereignisse", "benötigt ein Token")],
)
def test_a_widget_speaks_the_language_of_its_page(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer, locale: str, title: str, alert: str
) -> None:
    page, _ = window
    address = portal.show(elements(allowing) + "<sessiontrack-now id=none></sessiontrack-now>", allowing.base)
    portal.pages["/"] = portal.pages["/"].replace("lang=en", f"lang={locale}")
    opened(page, address)
    expect(page.locator("sessiontrack-now").first.get_by_role("heading")).to_have_text(title)
    expect(page.locator("#none").get_by_role("alert")).to_contain_text(alert)


@pytest.mark.parametrize(
    ("around", "own", "title"),
    [
        ("", " lang=fr", "Derniers événements"),
        (" lang=fr", "", "Derniers événements"),
        (" lang=de", " lang=fr-CA", "Derniers événements"),
        # There is no such language; the page's own is next.
        ("", " lang=xx", "Neueste Ereignisse"),
    ],
)
def test_the_elements_own_lang_comes_before_the_pages(
    window: tuple[Page, list[str]],
    portal: Portal,
    allowing: WebServer,
    around: str,
    own: str,
    title: str,
) -> None:
    page, said = window
    token = allowing.tokens["viewer"]
    script = f'<script src="{allowing.base}/static/embed.js" defer></script>'
    widget = f'<sessiontrack-now{own} token="{token}"></sessiontrack-now>'
    address = portal.show(f"{script}<div{around}>{widget}</div>", allowing.base)
    portal.pages["/"] = portal.pages["/"].replace("<html lang=en", "<html lang=de")
    opened(page, address)
    expect(page.locator("sessiontrack-now").get_by_role("heading")).to_have_text(title)
    inside = page.locator("sessiontrack-now .widget")
    expect(inside).to_have_attribute("lang", "fr" if title.startswith("Dern") else "de")
    assert said == []


def test_an_element_that_a_script_adds_has_its_lang(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer
) -> None:
    page, _ = window
    opened(page, portal.show(f'<script src="{allowing.base}/static/embed.js" defer></script>', allowing.base))
    page.evaluate(
        """([token]) => {
          const made = document.createElement("sessiontrack-now");
          Object.assign(made, { lang: "fr", token });
          document.querySelector("main").append(made);
        }""",
        [allowing.tokens["viewer"]],
    )
    expect(page.locator("sessiontrack-now").get_by_role("heading")).to_have_text("Derniers événements")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("widget", WIDGETS)
def test_axe_finds_nothing_in_a_widget(
    browser: Browser, allowing: WebServer, widget: str, theme: str
) -> None:
    with visiting(browser, allowing.base) as visit:
        visit.open(f"/embed/{widget}#token={allowing.tokens['viewer']}&theme={theme}")
        expect(visit.page.locator(f"sessiontrack-{widget} .card").first).to_be_visible()
        assert visit.violations() == []


def tracker_examples() -> list[str]:
    """The examples in docs/embedding.md: as a module, and without modules."""
    _, _, section = TRACKER_DOCS.read_text("utf-8").partition("\n## tracker.js")
    return re.findall(r"```html\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("index", range(2), ids=["module", "classic"])
def test_the_documented_lines_track_who_is_in_a_page_of_another_origin(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer, index: int
) -> None:
    page, said = window
    example = tracker_examples()[index]
    assert len(example.splitlines()) <= 10
    lines = example.replace("https://sessiontrack.example", allowing.base)
    lines = lines.replace("st_...", allowing.tokens["operator"])
    address = portal.show(f"<button id=reports>Reports</button>{lines}", allowing.base, inline=True)
    with page.expect_response("**/api/v2/keepalive") as shown:
        page.goto(address)
    with page.expect_response("**/api/v2/session-hide") as changed:
        page.get_by_role("button").click()
    assert json.loads(shown.value.request.post_data or "") == {"visible": False}
    assert json.loads(changed.value.request.post_data or "") == {"path": ["/"]}
    assert (shown.value.status, changed.value.status) == (200, 200)
    # Leave for a page without the tracker.
    page.goto("about:blank")
    asked = "/api/v2/sessions?usernames[]=operator"

    def is_told() -> bool:
        (session, *_) = allowing.server.call("GET", asked, token=allowing.tokens["operator"]).json
        return session["last_visible_path"] == ["reports", "week"]

    wait_in(page, is_told, "the page that was left")
    assert said == []


@pytest.mark.parametrize(("has_tracker", "seconds"), [(True, 1), (False, 2)], ids=["tracked", "other pings"])
def test_whoever_has_just_come_sees_themselves(
    window: tuple[Page, list[str]], portal: Portal, allowing: WebServer, has_tracker: bool, seconds: int
) -> None:
    """The first question comes before the tracker's first call; the next regular one is 15 s later."""
    page, said = window
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path.rpartition("/")[2]))
    widget = '<sessiontrack-people token="{}"></sessiontrack-people>'.format(allowing.tokens["viewer"])
    script = f'<script src="{allowing.base}/static/embed.js" defer></script>'
    lines = tracker_examples()[0].replace("https://sessiontrack.example", allowing.base)
    lines = lines.replace("st_...", allowing.tokens["operator"]) if has_tracker else ""
    # The page's timers wait for this test.
    page.clock.install(time=1_700_000_000)
    page.clock.pause_at(1_700_000_001)
    page.goto(portal.show(f"<button id=reports></button>{script}{widget}{lines}", allowing.base, inline=True))
    wait_in(page, lambda: "now" in asked, "the first question")
    page.clock.run_for(1000 * seconds)
    wait_in(page, lambda: asked.count("now") == 2, lambda: f"the second question: {asked}")
    if has_tracker:
        assert "sessionstart" in asked[: len(asked) - asked[::-1].index("now") - 1]
        page.clock.resume()
        expect(page.locator("sessiontrack-people")).to_contain_text("operator")
    assert said == []


def test_a_page_that_is_not_listed_is_not_tracked_and_comes_to_no_harm(
    window: tuple[Page, list[str]], portal: Portal, web_server: WebServer
) -> None:
    page, said = window
    lines = tracker_examples()[0].replace("https://sessiontrack.example", web_server.base)
    with page.expect_event("requestfailed", lambda each: "/api/v2/" in each.url):
        page.goto(portal.show(f"<button id=reports>Reports</button>{lines}", web_server.base, inline=True))
    page.get_by_role("button").click()
    assert all("CORS policy" in each or "Failed to load" in each for each in said), said


def test_below_a_sub_path_a_widget_asks_below_it(
    browser: Browser, subpath: str, web_server: WebServer
) -> None:
    with visiting(browser, subpath) as visit:
        visit.open(f"/embed/now#token={web_server.tokens['viewer']}")
        expect(visit.page.locator("sessiontrack-now .card").first).to_be_visible()


def test_who_may_frame_is_in_the_headers(make_clients: Callable[..., Clients]) -> None:
    closed: FlaskClient = make_clients().app.test_client()
    answer = closed.get("/embed/now")
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    listed = make_clients(EMBED_ORIGINS="https://portal.example").app.test_client()
    answer = listed.get("/embed/now")
    assert "frame-ancestors https://portal.example" in answer.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer.headers
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert listed.get("/embed/nothing").status_code == 404
    page = listed.get("/ui/login")
    assert page.headers["X-Frame-Options"] == "DENY"


def test_the_script_keeps_its_name_and_is_asked_for_again_soon(clients: Clients) -> None:
    answer = clients.app.test_client().get("/static/embed.js", buffered=True)
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert (STATIC / "embed.js").stat().st_size < 120_000
