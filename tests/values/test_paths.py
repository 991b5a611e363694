"""paths.py: `[view]` and `[view, tab]` in all their forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiontrack.exceptions import InvalidPath
from sessiontrack.http.errors import LONGEST_TEXT
from sessiontrack.values.paths import LONGEST_PART, as_list, parse_path

VIEW = "/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8"
TAB = "view-tab_edd5855b-54f1-4c51-9550-d88c2da60768"

parts = (
    st.text(st.characters(exclude_characters=",[]", exclude_categories=("Cs",)), max_size=600)
    .map(str.strip)
    .filter(lambda part: 1 <= len(part) <= LONGEST_PART)
)
blanks = st.text(" \t", max_size=3)


@pytest.mark.parametrize("path", [7, "[a", "", [], ["a", ""], "a,b,c", "x" * 513, ["x", "y" * 513]])
def test_a_refusal_is_whole_in_an_answer(path: object) -> None:
    """Longer texts of fields are cut there."""
    with pytest.raises(InvalidPath) as refused:
        parse_path(path)
    assert len(refused.value.message) <= LONGEST_TEXT


def test_source_document_path_is_a_view_and_a_tab() -> None:
    assert parse_path(f"[{VIEW},{TAB}]") == (VIEW, TAB)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("[view,tab]", ("view", "tab")),
        ("[view]", ("view", "")),
        ("view", ("view", "")),
        (["view", "tab"], ("view", "tab")),
        (["view"], ("view", "")),
        (" [ view , tab ] ", ("view", "tab")),
        ("  view  ", ("view", "")),
        (["  view", "tab "], ("view", "tab")),
        ("two words", ("two words", "")),
        (["a,b", "[c]"], ("a,b", "[c]")),
        ("[v" + "x" * 511 + "," + "t" * 512 + "]", ("v" + "x" * 511, "t" * 512)),
    ],
)
def test_contract_4_a_path_comes_in_five_forms_and_blanks_do_not_matter(
    path: object, expected: tuple[str, str]
) -> None:
    assert parse_path(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "",
        "   ",
        "[]",
        "[ ]",
        "[,]",
        "[view,]",
        "[,tab]",
        "[view,tab,more]",
        "view,tab,more",
        "[view",
        "view]",
        "[",
        "]",
        [],
        [""],
        ["  "],
        ["view", ""],
        ["", "tab"],
        ["view", "tab", "more"],
        [1],
        ["view", None],
        [["view"]],
        "v" * 513,
        ["v" * 513],
        ["view", "t" * 513],
        None,
        True,
        7,
        {"view": "tab"},
    ],
)
def test_contract_4_an_empty_path_three_parts_or_a_part_over_512_characters_is_refused(
    path: object,
) -> None:
    with pytest.raises(InvalidPath) as refusal:
        parse_path(path)
    assert '"[view,tab]"' in refusal.value.message


@given(view=parts, tab=parts, pads=st.tuples(blanks, blanks, blanks, blanks))
def test_contract_4_every_form_of_the_same_path_reads_the_same(
    view: str, tab: str, pads: tuple[str, str, str, str]
) -> None:
    a, b, c, d = pads
    assert parse_path(f"{a}[{b}{view}{c},{d}{tab}{a}]{b}") == (view, tab)
    assert parse_path([f"{a}{view}{b}", f"{c}{tab}{d}"]) == (view, tab)
    for alone in (f"{a}[{b}{view}{c}]{d}", f"{a}{view}{b}", [f"{c}{view}{d}"]):
        assert parse_path(alone) == (view, "")


@given(path=st.one_of(st.text("[], ab", max_size=12), st.lists(st.text(" ab", max_size=3), max_size=4)))
def test_contract_4_whatever_is_accepted_has_a_view_and_comes_back_from_a_list(
    path: str | list[str],
) -> None:
    try:
        view, tab = parse_path(path)
    except InvalidPath:
        return
    assert view
    assert (view, tab) == (view.strip(), tab.strip())
    assert parse_path(as_list(view, tab)) == (view, tab)


def test_a_session_that_saw_nothing_yet_has_an_empty_path() -> None:
    assert as_list(None, None) == []
    assert as_list("view", "") == ["view"]
