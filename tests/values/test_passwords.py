"""Contract 5: which passwords may be chosen."""

import pytest

from sessiontrack.exceptions import InvalidPassword
from sessiontrack.values.passwords import meets_rule, refuse_weak


@pytest.mark.parametrize(
    "password",
    [
        "",
        "a",
        "1234567",
        " " * 8,
        "\t" * 20,
        "\u00a0" * 12,
        "\u2003\u200b" * 8,
        "x" * 1025,
        "password",
        "PassWord",
        "12345678",
        "qwertyuiop",
        "iloveyou",
        "trustno1",
    ],
)
def test_contract_5_what_is_short_long_blank_or_common_is_refused(password: str) -> None:
    with pytest.raises(InvalidPassword):
        refuse_weak(password)
    assert not meets_rule(password)


@pytest.mark.parametrize(
    "password", ["correct horse", "8 chars!", "x" * 1024, "  p  q  ", "\u5bc6\u7801" * 4, "\U0001f600" * 8]
)
def test_contract_5_any_other_may_be_chosen(password: str) -> None:
    refuse_weak(password)
    assert meets_rule(password)
