"""Names: what is not seen as it is, and what looks alike."""

import pytest

from sessiontrack.values.names import fold, is_strange


@pytest.mark.parametrize("mark", ["\x85", "\x9b", "\u202e", "\u2066", "\u200b", "\u00ad", "\ufeff", "\u2028"])
def test_what_nobody_sees_is_strange(mark: str) -> None:
    assert is_strange(f"ad{mark}min")


@pytest.mark.parametrize(
    "name", ["admin", "Zo\u00eb", "\u65e5\u672c", "\u05d0\u05d1", "anna b.", "\U0001f600"]
)
def test_letters_of_any_script_are_not(name: str) -> None:
    assert not is_strange(name)


@pytest.mark.parametrize(
    "name", ["Admin", "ADMIN", "\uff41\uff44\uff4d\uff49\uff4e", " admin ", "a\u1d48min", "adm\u2170n"]
)
def test_names_that_look_alike_have_one_fold(name: str) -> None:
    assert fold(name) == "admin"


def test_folding_twice_changes_nothing() -> None:
    for name in (
        "Stra\u00dfe",
        "\u0130stanbul",
        "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
        "\u1e9e",
        "A  b",
    ):
        assert fold(fold(name)) == fold(name)
