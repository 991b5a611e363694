"""Names that commands had: scripts go on calling them, and help shows them no more."""

import copy

import click


def keep_former_name(group: click.Group, name: str, former: str) -> None:
    """Let a command of this group be called by a former name too."""
    same = copy.copy(group.commands[name])
    same.hidden = True
    group.add_command(same, former)
