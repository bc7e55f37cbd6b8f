"""Arguments that begin with a hyphen and are no options."""

import re
from itertools import pairwise
from typing import Any

import click


class HyphenCommand(click.Command):
    """A command that takes what matches ``arguments`` for one of its arguments, not for options."""

    def __init__(self, *args: Any, arguments: re.Pattern[str], **more: Any) -> None:
        super().__init__(*args, **more)
        self._arguments = arguments

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put these behind all options, as whoever calls it could by ``--``."""
        if "--" not in args:
            valued = {
                name
                for option in self.params
                if isinstance(option, click.Option) and not option.is_flag
                for name in option.opts
            }
            rest, ours = list[str](), list[str]()
            for before, each in pairwise(["", *args]):
                # What follows such an option is its value, whatever it looks like.
                is_ours = each.startswith("-") and before not in valued
                found = is_ours and self._arguments.fullmatch(each)
                (ours if found else rest).append(each)
            args = [*rest, "--", *ours]
        return super().parse_args(ctx, args)
