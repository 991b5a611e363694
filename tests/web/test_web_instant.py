"""Who was there at an instant: typed or clicked on the page of presence, in words, as list, link and CSV."""

import re
import time

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.web import Visit, wait_in
from tests.web.test_web_presence import URL, plot

AT = "2025-08-01T20:00"


def field(page: Page) -> Locator:
    return page.get_by_label("Who was there at")


def there(visit: Visit, at: str) -> tuple[int, int, list[str]]:
    """How many devices and people were there, and the devices' names."""
    answer = visit.page.request.get(f"{visit.base}/presence/at", params={"at": at, "limit": 1000})
    found = answer.json()
    return len(found["devices"]), found["people_total"], [each["name"] for each in found["devices"]]


def yesterday(hour: str) -> str:
    """A time of yesterday in the site's zone, as the field takes it."""
    return f"{time.strftime('%Y-%m-%d', time.localtime(time.time() - 86_400))}T{hour}"


def test_a_typed_time_is_answered_in_words_with_list_link_and_csv(signed_in: Visit) -> None:
    signed_in.open(URL)
    at = yesterday("10:30")
    field(signed_in.page).fill(at)
    devices, people, names = there(signed_in, at)
    assert devices > 3
    title = signed_in.page.locator("#instant-title")
    expect(title).to_contain_text(
        f"{devices} devices and {people} {'person' if people == 1 else 'people'} on"
    )
    expect(title).to_contain_text("10:30")
    shown = signed_in.page.locator("st-instant a[href*='/ui/devices/']").all_inner_texts()
    assert shown == names
    assert signed_in.violations() == []
    # The address leads here again.
    signed_in.page.reload()
    signed_in.settle()
    expect(title).to_contain_text(f"{devices} devices")
    with signed_in.page.expect_download() as download:
        signed_in.page.get_by_role("link", name="CSV").click()
    rows = download.value.path().read_text("utf-8-sig").splitlines()
    assert len(rows) == 1 + devices + people
    signed_in.page.get_by_role("button", name="Close the list").click()
    expect(title).to_have_count(0)
    assert "at=" not in signed_in.page.url


def test_a_click_on_the_time_axis_chooses_the_instant(signed_in: Visit) -> None:
    signed_in.open(URL)
    box = plot(signed_in).bounding_box()
    assert box
    seen = signed_in.page.evaluate("document.querySelector('st-timeline').view.at(300)")
    signed_in.page.mouse.click(box["x"] + 300, box["y"] + 20)
    signed_in.settle()
    chosen = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(seen))
    devices, _, names = there(signed_in, chosen)
    expect(signed_in.page.locator("#instant-title")).to_contain_text(f"{devices} device")
    assert signed_in.page.locator("st-instant a[href*='/ui/devices/']").all_inner_texts() == names
    assert signed_in.page.evaluate("document.querySelector('st-timeline').mark") == int(seen) // 60 * 60


def test_the_pointer_counts_as_it_moves(signed_in: Visit) -> None:
    signed_in.open(URL)
    box = plot(signed_in).bounding_box()
    assert box
    with signed_in.page.expect_response(re.compile("/presence/at\\?")) as told:
        signed_in.page.mouse.move(box["x"] + 200, box["y"] + 100)
    assert told.value.ok
    asked: list[str] = []
    signed_in.page.on("request", lambda request: asked.append(request.url))
    # After now nothing is counted.
    now = signed_in.page.evaluate(f"document.querySelector('st-timeline').view.x({time.time() + 1200})")
    signed_in.page.mouse.move(box["x"] + now + 2, box["y"] + 100)
    signed_in.page.mouse.move(box["x"] + 300, box["y"] + 100)
    wait_in(signed_in.page, lambda: any("/presence/at?" in each for each in asked), "a count")
    signed_in.settle()
    future = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    instants = [
        each.partition("at=")[2][:20].replace("%3A", ":") for each in asked if "/presence/at?" in each
    ]
    assert all(each < future for each in instants), instants


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "nothing recorded"), ("fr", "rien d\N{RIGHT SINGLE QUOTATION MARK}enregistré")],
)
def test_the_pointer_counts_nothing_before_anything_was_recorded(
    signed_in: Visit, language: str, said: str
) -> None:
    page = signed_in.page
    # What is written on the canvas.
    page.add_init_script(
        """const { fillText } = CanvasRenderingContext2D.prototype;
        window.written = [];
        CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
          written.push(text);
          return fillText.call(this, text, ...place);
        }"""
    )
    signed_in.choose(language=language)
    # The demo has 30 days.
    signed_in.open(f"{URL}?span=31536000")
    box = plot(signed_in).bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 100)

    def written(pattern: str) -> list[str]:
        return [each for each in page.evaluate("written") if re.search(pattern, each)]

    wait_in(page, lambda: written(f"· {said}$"), "the words")
    assert written(r"· \d") == []
    page.mouse.move(box["x"] + box["width"] - 30, box["y"] + 100)
    wait_in(page, lambda: written(r"· \d+ "), "a count")


def test_in_the_future_there_is_nothing_to_ask(signed_in: Visit) -> None:
    signed_in.open(URL)
    field(signed_in.page).fill("2090-01-01T00:00")
    expect(signed_in.page.locator("st-instant")).to_have_count(0)


def test_a_moment_without_anybody(signed_in: Visit) -> None:
    def recorded_before(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "recorded_since": "2025-08-01T20:00:00+02:00"})

    signed_in.page.route("**/presence/at?*", recorded_before)
    signed_in.open(f"{URL}?at={AT}")
    expect(signed_in.page.locator("#instant-title")).to_contain_text("0 devices and 0 people on Fri")
    expect(signed_in.page.locator("#instant-title")).to_contain_text("2025")
    expect(signed_in.page.locator("st-instant")).to_contain_text("No device was connected then.")


@pytest.mark.parametrize(
    ("language", "before"),
    [
        ("en", "Nothing is recorded before "),
        ("de", "Vor "),
        ("fr", "Rien n\N{RIGHT SINGLE QUOTATION MARK}est enregistré avant le "),
    ],
)
def test_a_moment_before_anything_was_recorded(signed_in: Visit, language: str, before: str) -> None:
    since = signed_in.page.request.get(f"{signed_in.base}/presence/at").json()["recorded_since"]
    signed_in.choose(language=language)
    signed_in.open(f"{URL}?at={AT}")
    title = signed_in.page.locator("#instant-title")
    expect(title).to_contain_text("2025")
    expect(title).not_to_have_text(re.compile(r"\b0\b"))
    shown = signed_in.page.locator("st-instant p")
    expect(shown).to_contain_text(before)
    expect(shown).to_contain_text(since[11:16])
