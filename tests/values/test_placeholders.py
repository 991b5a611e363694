"""What programs write where they know nothing."""

import pytest

from sessiontrack.values.placeholders import known


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
