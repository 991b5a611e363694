"""The pages of docs/ as tests read them: sections, and the blocks that they show."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, title: str) -> str:
    """The text below a heading, up to the next one of its level or above."""
    found: list[str] = []
    level, is_code = 0, False
    for line in (DOCS / page).read_text("utf-8").splitlines(keepends=True):
        is_code ^= line.startswith("```")
        # In a block of code a line that begins with # is a comment.
        heading = None if is_code else re.fullmatch(r"(#+) (.*)\n", line)
        if heading is not None and level and len(heading[1]) <= level:
            break
        if level:
            found.append(line)
        elif heading is not None and heading[2] == title:
            level = len(heading[1])
    assert found, f"{page} has no section {title}"
    return "".join(found)


def blocks(page: str, title: str, language: str) -> list[str]:
    """What the section shows in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", section(page, title), re.MULTILINE | re.DOTALL)
