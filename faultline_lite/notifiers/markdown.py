"""Hostile text in GitHub's and GitLab's Markdown, as code that it cannot get out of. Pure.

In code nothing is a mention, a reference, a link or HTML (GitHub Flavored Markdown, sections 4.5
and 6.1; docs.gitlab.com, "GitLab Flavored Markdown").
"""

import re

from faultline_lite.notifiers.texts import cut, show, visible_line

_TICKS = re.compile(r"`+")
#: GitLab looks for quick actions before it reads Markdown, and takes any three backticks at the
#: beginning of a line for the end of a block. An action must begin its line.
_QUICK_ACTION = re.compile(r"^/", re.MULTILINE)


def fence(text: str, limit: int, language: str = "") -> str:
    """Return a block of code that shows the text; at most about ``limit`` characters long."""
    content = _QUICK_ACTION.sub(" /", show(text, limit))
    ticks = _longer_than_any(content, 3)
    if len(content) + 2 * len(ticks) > limit:
        # Text of backticks, which makes the fence as long as itself.
        content = cut(content, limit // 3)
        ticks = _longer_than_any(content, 3)
    return f"{ticks}{language}\n{content}\n{ticks}"


def code_span(text: str, limit: int) -> str:
    """Return inline code that shows the text on one line."""
    content = visible_line(cut(text, limit)) or " "
    ticks = _longer_than_any(content, 1)
    # One space at each end is taken off again; so backticks may stand there.
    return f"{ticks} {content} {ticks}" if "`" in content else f"{ticks}{content}{ticks}"


def _longer_than_any(content: str, shortest: int) -> str:
    longest = max(map(len, _TICKS.findall(content)), default=0)
    return "`" * max(longest + 1, shortest)
