"""tracker.js in Chromium: its reports for tabs that are hidden, left or asleep."""

import gzip
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from sessiontrack.web.bundle import STATIC
from tests.support.application import PASSWORD, Clients, WebServer
from tests.support.tracked import Person, Product, credited, served
from tests.support.web import Visit, wait_in

SCRIPTS = ("tracker.js", "tracker.classic.js")
MOST_BYTES = 4096
A, B, C = ("/product/a",), ("/product/b",), ("/product/c",)


@pytest.fixture
def product(
    clients: Clients, template: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Product]:
    with served(clients.app, monkeypatch, token=template[1]["viewer"]) as running:
        yield running


@pytest.fixture
def person(browser: Browser, product: Product) -> Iterator[Person]:
    looking = Person(browser, product)
    with closing(looking.context):
        yield looking
    assert looking.thrown == []


def calls(product: Product) -> list[str]:
    return [call for _, call, _, _ in product.asked]


def test_each_script_is_at_most_4_kb() -> None:
    for name in SCRIPTS:
        assert 0 < len(gzip.compress((STATIC / name).read_bytes(), 9)) <= MOST_BYTES


@pytest.mark.parametrize("name", SCRIPTS)
def test_any_page_may_load_it_and_asks_again_soon(clients: Clients, name: str) -> None:
    answer = clients.nobody.get(f"/static/{name}")
    assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    headers = {"If-None-Match": answer.headers["ETag"]}
    assert clients.nobody.call("GET", f"/static/{name}", headers=headers).status_code == 304


def test_no_other_file_is_for_other_origins(clients: Clients) -> None:
    answer = clients.nobody.get("/static/licenses.txt")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Cross-Origin-Resource-Policy" not in answer.headers


def test_what_is_in_sight_is_pinged_once_an_interval(clients: Clients, person: Person) -> None:
    person.open("a")
    person.wait(301)
    assert calls(person.product)[:2] == ["sessionstart", "keepalive"]
    # When the tab is shown; time before that is not claimed.
    assert person.product.asked[1][2] == {"visible": False}
    assert [body for *_, body, _ in person.product.asked[2:]] == [{"visible": True, "path": list(A)}] * 5
    assert 298 <= credited(clients)[A] <= 300


def test_hidden_time_is_kept_alive_and_never_credited(clients: Clients, person: Person) -> None:
    tab = person.open("a")
    person.wait(30)
    person.hide()
    person.wait(3000)
    person.show(tab)
    person.wait(30)
    person.hide()
    assert abs(credited(clients)[A] - 60) <= 3
    assert len(clients.admin.ok("GET", "/api/v2/sessions")) == 1
    assert sum(body == {"visible": False} for *_, body, _ in person.product.asked) >= 50


@pytest.mark.parametrize(
    ("script", "path"),
    [
        ("history.pushState(null, '', '/product/b')", B),
        ("history.replaceState(null, '', '/product/b')", B),
        ("void (location.hash = 'tab')", (*A, "tab")),
        ("tracker.path(['devices', ' list '])", ("devices", "list")),
        ("tracker.path('devices')", ("devices",)),
        ("tracker.path(['x'.repeat(600)])", ("x" * 512,)),
        ("tracker.path(['a, b]\\u0007', '', 'c'])", ("a, b]",)),
    ],
)
def test_a_change_of_the_path_credits_the_one_that_was_left(
    clients: Clients, person: Person, script: str, path: tuple[str, ...]
) -> None:
    tab = person.open("a")
    person.wait(20)
    person.run(tab, script, path)
    hidden = [(call, body) for _, call, body, _ in person.product.asked if call == "session-hide"]
    assert hidden == [("session-hide", {"path": list(A)})]
    person.wait(10)
    person.hide()
    found = credited(clients)
    assert set(found) == {A, path}
    assert abs(found[A] - 20) <= 1
    assert abs(found[path] - 10) <= 1


def test_an_explicit_path_holds_until_it_is_given_back(clients: Clients, person: Person) -> None:
    tab = person.open("a")
    person.run(tab, "tracker.path(['mine'])", ("mine",))
    person.wait(20)
    person.run(tab, "history.pushState(null, '', '/product/b')", ("mine",))
    person.wait(20)
    person.run(tab, "tracker.path(null)", B)
    person.wait(20)
    person.hide()
    found = credited(clients)
    assert abs(found["mine",] - 40) <= 2
    assert abs(found[B] - 20) <= 2


def test_a_page_that_is_left_is_credited_until_then(clients: Clients, person: Person) -> None:
    tab = person.open("a")
    person.wait(40)
    person.go(tab, "b")
    person.wait(25)
    person.close(tab)
    found = credited(clients)
    assert abs(found[A] - 40) <= 1
    assert abs(found[B] - 25) <= 1


@pytest.mark.parametrize("shown_first", [False, True])
def test_of_several_tabs_one_pings_and_the_one_in_sight_counts(
    clients: Clients, person: Person, shown_first: bool
) -> None:
    tabs = [person.open(name) for name in "abc"]
    before = len(person.product.asked)
    for _ in range(2):
        for tab in tabs:
            person.show(tab, shown_first=shown_first)
            person.wait(100)
    person.hide()
    found = credited(clients)
    for path in (A, B, C):
        assert abs(found[path] - 200) <= 2
    # Two at each switch and one a minute.
    assert len(person.product.asked) - before <= 6 * 3 + 2


def test_of_two_windows_side_by_side_the_one_used_last_counts(clients: Clients, person: Person) -> None:
    left = person.open("a")
    person.wait(1)
    right = person.open("b")
    person.wait(1)
    person.do(left, "show(true)")
    person.wait(30)
    person.do(right, "dispatchEvent(new Event('focus'))")
    person.wait(50)
    # The other tab is still visible.
    person.do(right, "show(false)")
    person.wait(20)
    person.do(left, "show(false)")
    found = credited(clients)
    assert abs(found[A] - 50) <= 3
    assert abs(found[B] - 50) <= 3


@pytest.mark.parametrize("seed", [1, 28])
def test_of_two_windows_used_at_once_one_counts_without_delay(
    clients: Clients, browser: Browser, product: Product, seed: int
) -> None:
    person = Person(browser, product, latency=100, seed=seed)
    with closing(person.context):
        tabs = [person.open("a"), person.open("b", shown=False), person.open("c", shown=False)]
        person.wait(20)
        for tab in tabs[1:]:
            tab.evaluate("frameElement.dataset.shown = 'yes', dispatchEvent(new Event('focus'))")
        person.wait(30)
        for tab in tabs:
            tab.evaluate("show(false)")
        person.wait(2)
    found = credited(clients)
    assert abs(found[A] - 20) <= 1
    assert abs(found[B] + found[C] - 30) <= 1


def test_a_window_that_is_used_again_before_it_gave_the_lead_away_keeps_it(
    clients: Clients, browser: Browser, product: Product
) -> None:
    person = Person(browser, product, latency=100)
    with closing(person.context):
        left, right = person.open("a"), person.open("b", shown=False)
        person.wait(20)
        right.evaluate("frameElement.dataset.shown = 'yes', dispatchEvent(new Event('focus'))")
        person.wait(0.12)
        left.evaluate("dispatchEvent(new Event('focus'))")
        person.wait(30)
        left.evaluate("show(false)")
        person.wait(2)
    assert abs(credited(clients)[A] - 50) <= 1


def test_when_the_tab_that_pings_is_closed_a_hidden_one_keeps_the_session(
    clients: Clients, person: Person
) -> None:
    person.open("a")
    leading = person.open("b")
    person.wait(10)
    person.close(leading)
    asked = len(person.product.asked)
    person.wait(5)
    assert len(person.product.asked) > asked
    person.wait(895)
    assert len(clients.admin.ok("GET", "/api/v2/sessions")) == 1
    assert clients.admin.ok("GET", "/api/v2/sessions")[0]["active"] is True
    assert 9 <= credited(clients)[B] <= 11
    assert credited(clients)[A] == 0


def test_a_tab_that_has_vanished_without_a_word_is_missed(clients: Clients, person: Person) -> None:
    person.open("a")
    leading = person.open("b")
    person.wait(70)
    person.crash(leading)
    person.wait(600)
    assert [each["active"] for each in clients.admin.ok("GET", "/api/v2/sessions")] == [True]
    assert credited(clients)[B] <= 71


def test_a_hidden_tab_whose_timers_run_once_a_minute_keeps_the_session(
    clients: Clients, browser: Browser, product: Product
) -> None:
    person = Person(browser, product, throttle=60_000)
    with closing(person.context):
        first, leading = person.open("a"), person.open("b")
        person.wait(30)
        person.hide()
        person.wait(3605)
        assert {status for *_, status in product.asked} == {200}
        person.show(first)
        person.wait(30)
        person.show(leading)
        person.wait(30)
        person.hide()
    assert len(clients.admin.ok("GET", "/api/v2/sessions")) == 1
    found = credited(clients)
    assert abs(found[A] - 30) <= 1
    assert abs(found[B] - 60) <= 2


def test_a_tab_that_the_browser_freezes_gives_the_lead_away_and_comes_back(
    clients: Clients, person: Person
) -> None:
    first, leading = person.open("a"), person.open("b")
    person.wait(30)
    person.hide()
    person.freeze(leading)
    person.wait(600)
    # Another hidden tab takes over.
    assert [each["active"] for each in clients.admin.ok("GET", "/api/v2/sessions")] == [True]
    person.show(first)
    person.wait(30)
    person.hide()
    person.thaw(leading)
    person.show(leading)
    person.wait(30)
    # The tabs exchange messages again.
    person.show(first)
    person.wait(130)
    person.hide()
    found = credited(clients)
    assert abs(found[A] - 160) <= 2
    assert abs(found[B] - 60) <= 2


def test_a_tab_that_is_shown_does_not_wait_for_a_frozen_one(clients: Clients, person: Person) -> None:
    first, leading = person.open("a"), person.open("b")
    person.wait(30)
    person.hide()
    person.freeze(leading)
    person.show(first)
    person.wait(1)
    # The first ping is sent, long before another tab would miss the leader.
    assert person.product.asked[-1][1:] == ("keepalive", {"visible": False}, 200)
    assert person.product.now >= person.now - 1


def test_a_hidden_tab_that_is_opened_leaves_the_lead_where_it_is(clients: Clients, person: Person) -> None:
    person.open("a")
    person.open("b", shown=False)
    person.wait(60)
    person.hide()
    assert set(credited(clients)) == {A}
    assert abs(credited(clients)[A] - 60) <= 1


@pytest.mark.parametrize("seconds", [10, 150, 280, 4000])
def test_the_time_in_which_the_machine_slept_is_not_credited(
    clients: Clients, person: Person, seconds: int
) -> None:
    person.open("a")
    person.wait(60.5)
    person.sleep(seconds)
    person.wait(60)
    person.hide()
    assert abs(credited(clients)[A] - 120) <= 3
    assert {status for *_, status in person.product.asked} == {200}


def test_after_the_sleep_no_hidden_tab_takes_the_lead_from_the_one_in_sight(
    clients: Clients, browser: Browser, product: Product
) -> None:
    person = Person(browser, product, latency=20, throttle=60_000, seed=2)
    with closing(person.context):
        for name in "bca":
            person.open(name)
        person.wait(61)
        # Longer than a leader may be silent before another tab takes over.
        person.sleep(400)
        person.wait(40)
        person.hide()
        person.wait(1)
    assert abs(credited(clients)[A] - 101) <= 3


def test_who_is_shown_after_the_sleep_does_not_credit_it_to_another(clients: Clients, person: Person) -> None:
    person.open("a")
    other = person.open("b")
    person.show(person.tabs[0])
    person.wait(60.5)
    # Before any tab's timer has run.
    person.desk.evaluate("desk.now += 200_000")
    person.show(other, shown_first=True)
    assert credited(clients)[A] <= 61


def test_a_session_that_has_expired_is_begun_anew(clients: Clients, person: Person) -> None:
    person.open("a")
    person.wait(60)
    # Only the server's clock.
    person.product.ahead += 400
    person.wait(61)
    refused = [status for *_, status in person.product.asked].index(409)
    at, call, _, status = person.product.asked[refused + 1]
    # At once, and only once.
    assert (at, call, status) == (person.product.asked[refused][0], "sessionstart", 200)
    assert 409 not in [status for *_, status in person.product.asked[refused + 1 :]]
    sessions = clients.admin.ok("GET", "/api/v2/sessions")
    assert [each["active"] for each in sessions] == [True, False]
    person.wait(120)
    person.hide()
    first = clients.admin.ok("GET", "/api/v2/sessions")[0]
    assert abs(first["visible_duration"] - (first["last_ping"] - first["start"])) <= 1


def test_while_the_server_is_away_it_is_asked_less_and_less(clients: Clients, person: Person) -> None:
    person.open("a")
    person.wait(60)
    person.product.away = True
    before = len(person.product.asked)
    person.wait(3600)
    asked = len(person.product.asked) - before
    assert 6 <= asked <= 30
    person.product.away = False
    person.wait(600)
    assert person.product.asked[-1][3] == 200
    assert clients.admin.ok("GET", "/api/v2/sessions?active=true")


def test_when_the_network_is_back_it_is_asked_at_once(clients: Clients, person: Person) -> None:
    tab = person.open("a")
    person.wait(61)
    person.product.away = True
    person.wait(1000)
    person.product.away = False
    person.do(tab, "dispatchEvent(new Event('online'))")
    assert person.product.asked[-1][3] == 200
    assert person.product.asked[-1][0] == person.now


def test_what_stayed_in_sight_while_the_server_was_away_is_credited(clients: Clients, person: Person) -> None:
    person.open("a")
    person.wait(61)
    person.product.away = True
    person.wait(70)
    person.product.away = False
    person.wait(109)
    person.hide()
    assert abs(credited(clients)[A] - 240) <= 2


def test_what_changed_while_the_server_was_away_is_nobodys(clients: Clients, person: Person) -> None:
    tab = person.open("a")
    person.wait(61)
    person.product.away = True
    person.hide()
    person.wait(100)
    person.show(tab)
    person.wait(20)
    person.product.away = False
    person.wait(300)
    person.hide()
    # The first minute was reported; of the last five, the part after the server was back.
    assert credited(clients)[A] <= 61 + 320
    assert credited(clients)[A] >= 60


def test_a_page_that_comes_back_from_the_browsers_memory_goes_on(clients: Clients, person: Person) -> None:
    tab = person.open("a")
    person.wait(30)
    person.do(tab, "dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    person.wait(200)
    person.do(tab, "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    person.wait(30)
    person.hide()
    assert abs(credited(clients)[A] - 60) <= 3


def test_stopping_tells_what_was_in_sight_and_then_nothing(clients: Clients, person: Person) -> None:
    tab = person.open("a")
    own = tab.evaluate("window.tracker.stop !== undefined && history.pushState.name")
    person.wait(20)
    person.do(tab, "tracker.stop()")
    assert abs(credited(clients)[A] - 20) <= 1
    asked = len(person.product.asked)
    person.wait(300)
    person.do(tab, "history.pushState(null, '', '/product/b')")
    assert len(person.product.asked) == asked, person.product.asked[asked:]
    assert tab.evaluate("history.pushState.name") == "pushState" != own


@pytest.mark.parametrize(
    "hostile",
    [
        "delete window.BroadcastChannel",
        "window.BroadcastChannel = function () { throw new Error('no') }",
        "BroadcastChannel.prototype.postMessage = () => { throw new Error('no') }",
        "let n = 0; BroadcastChannel.prototype.postMessage = () => { if (n++ > 1) throw new Error('no') }",
        "window.fetch = () => { throw new Error('no') }",
        "window.fetch = () => Promise.reject(new Error('no'))",
        "Object.freeze(history)",
        "AbortSignal.timeout = undefined",
    ],
)
def test_nothing_reaches_the_page_that_it_is_in(person: Person, hostile: str) -> None:
    person.context.add_init_script(hostile)
    tab = person.open("a")
    person.do(tab, "show(false), show(true), tracker.path(['b']), tracker.path({toString() { throw 1 }})")
    person.do(tab, "history.pushState(null, '', '/product/c')")
    person.wait(130)
    tab.evaluate("tracker.stop()")


def test_options_that_make_no_sense_do_no_harm(person: Person) -> None:
    tab = person.open("a")
    tab.evaluate(
        """async () => {
        const { track } = await import("/static/tracker.js");
        const senseless = [undefined, null, 7, {interval: "x", path: 7}, {path() { throw new Error("no") }},
          {base: 3}, {token: async () => { throw new Error("no") }}];
        const made = senseless.map((each) => track(each));
        for (const each of made) each.path(["x"]), await each.stop();
        }"""
    )


def test_a_function_gives_the_token_of_each_ping(
    clients: Clients, browser: Browser, product: Product, template: tuple[Path, dict[str, str]]
) -> None:
    person = Person(browser, product)
    with closing(person.context):
        tab = person.open("a")
        person.do(tab, "tracker.stop()")
        tab.evaluate(
            """async (tokens) => {
            const { track } = await import("/static/tracker.js");
            window.tracker = track({token: async () => tokens.shift() ?? "wrong", path: () => ["given"]});
            }""",
            [template[1]["operator"]] * 50,
        )
        person.wait(100)
        person.hide()
    sessions = clients.admin.ok("GET", "/api/v2/sessions?usernames[]=operator")
    assert abs(sessions[0]["tab_duration"]["given"] - 100) <= 2


@pytest.fixture
def with_cookies(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    with served(clients.app, monkeypatch) as running:
        yield running


def test_without_a_token_the_logins_cookies_count_and_are_renewed(
    clients: Clients, browser: Browser, with_cookies: Product
) -> None:
    person = Person(browser, with_cookies)
    with closing(person.context):
        login = {"username": "viewer", "password": PASSWORD}
        answer = person.context.request.post(f"{with_cookies.base}/auth/login?cookies=1", data=login)
        assert answer.ok
        tab = person.open("a")
        person.wait(70)
        # The access token has expired, and its cookies are gone.
        person.context.clear_cookies(name=re.compile("access"))
        person.wait(70)
        assert "refresh" in calls(with_cookies)
        person.do(tab, "tracker.stop()")
    assert {status for *_, status in with_cookies.asked} == {200}
    (session,) = clients.admin.ok("GET", "/api/v2/sessions?usernames[]=viewer")
    assert abs(session["visible_duration"] - 140) <= 1


def test_whom_a_proxy_has_signed_in_is_tracked_without_tokens(
    make_clients: Callable[..., Clients], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = make_clients(AUTH_PROXY_HEADER="X-Remote-User", TRUSTED_PROXIES="127.0.0.1")
    with served(clients.app, monkeypatch) as product:
        person = Person(browser, product)
        with closing(person.context):
            person.context.set_extra_http_headers({"X-Remote-User": "anna"})
            tab = person.open("a")
            person.wait(70)
            person.go(tab, "b")
            person.wait(10)
    assert {status for *_, status in product.asked} == {200}
    (session,) = clients.admin.ok("GET", "/api/v2/sessions?usernames[]=anna")
    assert 69 <= session["tab_duration"][A[0]] <= 70


def test_nobody_who_is_signed_in_is_asked_for_less_and_less(browser: Browser, with_cookies: Product) -> None:
    person = Person(browser, with_cookies)
    with closing(person.context):
        tab = person.open("a")
        person.wait(3600)
        person.do(tab, "tracker.stop()")
    assert person.thrown == []
    assert {status for *_, status in with_cookies.asked} == {401}
    assert len(with_cookies.asked) <= 30


def test_people_in_this_web_ui_are_seen_with_the_page_that_they_are_on(
    signed_in: Visit, web_server: WebServer
) -> None:
    page = signed_in.page
    with page.expect_response("**/api/v2/keepalive") as answered:
        signed_in.open("/ui/devices")
    assert answered.value.status == 200
    # Leave the page: the ping uses the login's cookies and their CSRF token.
    signed_in.open("/ui/devices?q=phone")

    expect(page.locator("#menu")).to_be_visible()
    asked = f"{web_server.base}/api/v2/sessions?usernames[]=admin&active=true"
    wait_in(
        page,
        lambda: any(each["last_visible_path"] == ["devices"] for each in page.request.get(asked).json()),
        "the page that was left",
    )
    page.locator("#menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/ui/login*")
