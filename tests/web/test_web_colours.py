"""A colour says one thing: green is connected now, one blue a complete session, amber a missing end."""

import colorsys
import re
from pathlib import Path

from sessiontrack import web
from tests.support.web import Visit

STYLES = Path(web.__file__).parent / "browser"
# Hues, in degrees, that are taken: amber, green, and the blue of complete sessions.
TAKEN = ((30, 70), (85, 165), (195, 215))


def hue(color: str) -> float:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return 360 * colorsys.rgb_to_hls(red, green, blue)[0]


def is_grey(color: str) -> bool:
    parts = [int(color[at : at + 2], 16) for at in (0, 2, 4)]
    return max(parts) - min(parts) < 32


def test_no_colour_of_a_page_is_one_of_a_session() -> None:
    found = re.findall(r"--st-series-\d+: (.*);", (STYLES / "elements" / "bars.css").read_text("utf-8"))
    script = (STYLES / "elements" / "bars.js").read_text("utf-8")
    assert f"const COLORS = {len(found)};" in script
    colors = [color for pair in found for color in re.findall(r"#([0-9a-f]{6})", pair)]
    assert len(colors) == 2 * len(found)
    taken = {
        color: low
        for color in colors
        for low, high in TAKEN
        if not is_grey(color) and low <= hue(color) <= high
    }
    assert taken == {}


def test_an_event_of_the_past_is_not_green(signed_in: Visit) -> None:
    page = signed_in.page
    for path, badges in (("/ui/events?period=all&size=100", "tbody .badge"), ("/ui/now", "main li .badge")):
        signed_in.open(path)
        kinds = page.locator(badges).evaluate_all(
            "all => Object.fromEntries(all.map((each) => [each.textContent.trim(), each.dataset.kind]))"
        )
        assert "Connected" in kinds
        assert not {"ok", "warning"} & set(kinds.values()), kinds


def test_what_is_in_order_is_not_green(signed_in: Visit) -> None:
    page = signed_in.page
    for path, badges in (("/ui/settings?section=doctor", "dt .badge"), ("/ui/now", ".now-live .badge")):
        signed_in.open(path)
        kinds = page.locator(badges).evaluate_all("all => all.map((each) => each.dataset.kind)")
        assert kinds
        assert "ok" not in kinds


def test_who_is_connected_now_is_green(signed_in: Visit) -> None:
    signed_in.open("/ui/devices?status=connected")
    badges = signed_in.page.locator("tbody td[data-kind=state] .badge")
    assert set(badges.evaluate_all("all => all.map((each) => each.dataset.kind)")) == {"ok"}
