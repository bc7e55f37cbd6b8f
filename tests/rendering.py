"""What a reader of Markdown sees, by a CommonMark parser: code, and everything outside of it."""

import re
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

#: What GitHub and GitLab make links of, and tell people of, outside code: names, issues and merge
#: requests by number, bare addresses.
_REFERENCE = re.compile(r"@\w+|[#!]\d+|\bGH-\d+|https?://\S+|www\.\S+")


@dataclass
class Rendered:
    """``code`` are blocks and spans of code, ``text`` is what stands outside of them."""

    code: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)

    @property
    def references(self) -> list[str]:
        return [found for text in self.text for found in _REFERENCE.findall(text)]


def render(markdown: str) -> Rendered:
    rendered = Rendered()
    for token in MarkdownIt("commonmark").parse(markdown):
        _collect(token, rendered)
    return rendered


def _collect(token: Token, rendered: Rendered) -> None:
    if token.type in {"fence", "code_block", "code_inline"}:
        rendered.code.append(token.content)
    elif token.type in {"html_block", "html_inline"}:
        rendered.html.append(token.content.strip())
    elif token.type == "text":
        rendered.text.append(token.content)
    elif token.type in {"link_open", "image"}:
        rendered.links.append(str(token.attrs.get("href") or token.attrs.get("src")))
    for child in token.children or []:
        _collect(child, rendered)
