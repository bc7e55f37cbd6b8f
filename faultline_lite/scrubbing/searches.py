"""Linear searches in raw bytes (RE2): none takes time by the square of a hostile text."""

from collections.abc import Callable
from typing import TypeAlias

import re2

#: What takes the place of a secret.
SCRUBBED = "[scrubbed]"

Search: TypeAlias = Callable[[bytes], object]


def options(*, case_sensitive: bool) -> re2.Options:
    """Return the options that all patterns of secrets are compiled with."""
    chosen = re2.Options()
    # Bytes are what is searched; whether they are UTF-8 does not matter to any of the patterns.
    chosen.encoding = re2.Options.Encoding.LATIN1
    chosen.case_sensitive = case_sensitive
    chosen.log_errors = False
    return chosen


def compile_search(pattern: str) -> Search:
    """Return a case-insensitive search, which tells whether there is a match and not where.

    A set of one pattern costs the least: it never looks for the match's beginning.
    """
    patterns = re2.Set.SearchSet(options(case_sensitive=False))
    patterns.Add(pattern.encode())
    patterns.Compile()
    search: Search = patterns.Match
    return search
