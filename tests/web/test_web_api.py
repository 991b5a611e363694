"""The API page in a browser: the OpenAPI document offline, with "try it out", and as curl lines."""

import json
import re
import subprocess

import pytest
from playwright.sync_api import Browser, Request, expect

from tests.support.application import PASSWORD
from tests.support.waiting import SECONDS
from tests.support.web import DESKTOP, PHONE, Visit, WebServer, visiting

API = "/ui/api"


def test_every_call_of_the_document_is_there_to_read_and_to_copy(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(API)
    document = page.request.get(f"{signed_in.base}/openapi.json").json()
    calls = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    shown = page.locator(".opblock-summary")
    expect(shown).to_have_count(len(calls))
    read = shown.evaluate_all(
        "all => all.map(each => ['method', 'path'].map(part => "
        "each.querySelector('.opblock-summary-' + part).textContent.replaceAll('\\u200b', '')).join(' '))"
    )
    assert set(read) == calls
    page.get_by_role("button", name="curl lines").click()
    page.wait_for_url(re.compile("view=curl"))
    assert set(page.locator(".curl li strong").all_inner_texts()) == calls
    # What the document writes as code is code.
    expect(page.locator(".curl > p code")).to_have_text(["sessiontrack scan"])
    assert "`" not in page.locator("main").inner_text()
    page.get_by_role("searchbox").fill("totals")
    expect(page.locator(".curl li")).to_have_count(sum("totals" in call for call in calls))
    page.get_by_role("searchbox").fill("nothing of that name")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()


def test_a_call_can_be_tried_out_also_one_that_writes(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(API)
    for call, method in (("/devices/totals", "get"), ("/api/v2/sessionstart", "post")):
        block = page.locator(f".opblock-{method}").filter(has=page.locator(f'[data-path="{call}"]'))
        block.locator(".opblock-summary-control").click()
        block.get_by_role("button", name="Try it out").click()
        with page.expect_response(re.compile(rf"{call}(\?|$)")) as answered:
            block.get_by_role("button", name="Execute").click()
        assert answered.value.status == 200


def test_a_copied_line_works_in_a_shell(signed_in: Visit, web_server: WebServer) -> None:
    page = signed_in.page
    signed_in.open(f"{API}?view=curl")
    token, *lines = page.locator(".curl .copied code").all_inner_texts()
    by_call = dict(zip(page.locator(".curl li strong").all_inner_texts(), lines, strict=True))
    token = token.replace("your password", PASSWORD)
    for call in (
        "GET /devices/totals",
        "GET /sessions/{mac}",
        "GET /sessions/calendar",
        "POST /api/v2/keepalive",
    ):
        done = subprocess.run(
            ["bash", "-c", f"{token}\n{by_call[call]} -sS"], capture_output=True, text=True, timeout=SECONDS
        )
        answer = json.loads(done.stdout)
        assert isinstance(answer, list) or answer.get("error") is None, (by_call[call], answer)


def test_it_is_loaded_on_this_page_alone(signed_in: Visit) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    signed_in.page.on("request", note)
    signed_in.open("/ui/devices")
    signed_in.open(f"{API}?view=curl")
    assert [each for each in asked if "swagger" in each] == []
    signed_in.open(API)
    assert len([each for each in asked if "swagger" in each]) == 1


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    browser: Browser, web_server: WebServer, size: tuple[int, int]
) -> None:
    with visiting(browser, web_server.base, size) as visit:
        visit.choose(theme="light")
        visit.log_in("viewer", PASSWORD)
        visit.open(API)
        expect(visit.page.locator(".opblock").first).to_be_visible()
        assert visit.violations_in_both_themes() == []
        visit.open(f"{API}?view=curl")
        assert visit.violations_in_both_themes() == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_below_a_sub_path_it_asks_below_it(browser: Browser, subpath: str) -> None:
    with visiting(browser, subpath) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(API)
        block = visit.page.locator(".opblock-get").filter(
            has=visit.page.locator('[data-path="/devices/totals"]')
        )
        block.locator(".opblock-summary-control").click()
        block.get_by_role("button", name="Try it out").click()
        with visit.page.expect_response(re.compile(rf"{subpath}/devices/totals(\?|$)")) as answered:
            block.get_by_role("button", name="Execute").click()
        assert answered.value.status == 200
        visit.open(f"{API}?view=curl")
        expect(visit.page.get_by_text(f"'{subpath}/devices/totals")).to_be_visible()
