"""The tags of a device as one text."""

import pytest

from sessiontrack.exceptions import InvalidInput
from sessiontrack.values.tags import LONGEST, MOST, change_tags, join_tags, split_tags


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ([], ""),
        (["office"], "office"),
        (["office", "Colour"], "Colour,office"),
        (["  two   words "], "two words"),
        (["Office", "office", "OFFICE"], "Office"),
        (["über", "Über"], "über"),
        (["x" * LONGEST], "x" * LONGEST),
    ],
)
def test_join(tags: list[str], text: str) -> None:
    assert join_tags(tags) == text
    assert join_tags(split_tags(text)) == text


@pytest.mark.parametrize(
    "tags", [[""], ["  "], ["a,b"], ["x" * (LONGEST + 1)], [str(n) for n in range(MOST + 1)]]
)
def test_what_is_no_tag_is_refused(tags: list[str]) -> None:
    with pytest.raises(InvalidInput):
        join_tags(tags)


def test_change() -> None:
    assert change_tags("a,b", ["c"], ["A"]) == "b,c"
    assert change_tags("", [], ["x"]) == ""
    assert change_tags("a", ["a"], ["a"]) == "a"
    with pytest.raises(InvalidInput):
        change_tags(join_tags(str(n) for n in range(MOST)), ["one more"], [])


def test_as_many_as_a_form_says() -> None:
    assert (LONGEST, MOST) == (32, 20)
    assert len(split_tags(join_tags(str(n) for n in range(MOST)))) == MOST
