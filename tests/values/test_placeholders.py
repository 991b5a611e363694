"""What programs write where they know nothing."""

import pytest

from sessiontrack.values.placeholders import is_placeholder, known


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "NULL",
        "(null)",
        "(unknown)",
        "<unknown>",
        "Unknown",
        "None",
        "-",
        "*",
        "?",
        "N/A",
        "(name not found)",
        "undefined",
    ],
)
def test_what_says_that_nothing_is_known_is_nothing(text: str) -> None:
    assert known(text) == ""


@pytest.mark.parametrize(
    "text", ["Anna", "nullpunkt", "Unknown Pleasures", "none-of-us", "0", "(a)", "x" * 255]
)
def test_a_name_stays_as_it_is(text: str) -> None:
    assert known(text) == text


def test_a_long_text_is_no_placeholder_whatever_is_around_it() -> None:
    assert is_placeholder(f"{'(' * 59}null")
    assert not is_placeholder(f"{'(' * 60}null")
